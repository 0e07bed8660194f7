"""The hooks. Listing components imports this module, and none else of this package: keep torch out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dovetail

if TYPE_CHECKING:
    import typer


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")


@dovetail.hook
def dovetail_run_finished(run: dict[str, Any]) -> None:
    """Keep how long the units of this plugin's cell remember, in the run's folder."""
    from dovetail_indrnn.memory import has_cell, write

    if has_cell(run["spec"]):
        write(Path(run["folder"]))


@dovetail.hook
def dovetail_commands(app: typer.Typer) -> None:
    """Add `dovetail memory RUN`."""
    from dovetail_indrnn.commands import memory

    app.command()(memory)
