"""The command `dovetail alignment`. What is heavy is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dovetail.cli.checking import StoreFolder
from dovetail.cli.screen import examples, say
from dovetail.cli.state import state_of

HELP = """Draw captions word by word: goals beside attention.

For the first examples of a split, two pictures each: of a caption of its own as the run's captioner reads it, and of
the one that it writes (Figs. 3 and 4 of HACap). Each dimension of the goal is a curve whose rising and falling segments
are marked; beside it is the image, once for each word, light where it was looked at."""


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="alignment",
        help=HELP,
        epilog=examples(
            "dovetail alignment hacap.likelihood-s0", "dovetail alignment hacap.hacap-s0 -n 8 --split valid"
        ),
    )(alignment)


def alignment(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run: its folder, name or the beginning of it.")],
    *,
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Examples.")] = 4,
    split: Annotated[Literal["train", "valid", "test"], typer.Option(help="Which examples.")] = "test",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder for the pictures; `alignment` in the run's.")
    ] = None,
    store: StoreFolder = None,
) -> None:
    from dovetail.bench.store import FinishedRun
    from dovetail_hacap.exhibits import draw_run

    bench = state_of(context).bench(store)
    folder = bench.store.find(run)
    finished = FinishedRun(folder, bench.registry, bench.store)
    for file in draw_run(finished, split=split, n=n, folder=out or folder.file("alignment")):
        say(str(file))
