"""The command `dovetail memory RUN`. It is read with every command line: what is heavy is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def memory(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or its name.")]) -> None:
    """Say how long the units of a run's independently recurrent cells remember."""
    from dovetail_indrnn.memory import lines

    for line in lines(run):
        typer.echo(line)
