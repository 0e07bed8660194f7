"""The commands that check before anything is trained: fits and check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.screen import columns, examples, say
from dovetail.cli.showing import list_arms
from dovetail.cli.state import State, state_of
from dovetail.errors import Mistake

if TYPE_CHECKING:
    from dovetail.fitting import Checker
    from dovetail.tables import Given

Changes = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH=VALUE", help="Changes by path, like `encoder.cell=gru` or `train.epochs=3`."),
]
StoreFolder = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="The folder of runs; DOVETAIL_STORE or ./runs by default.")
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "dovetail fits quickstart-base                      every slot",
            "dovetail fits quickstart-base encoder.cell         one slot, a name a line",
            "dovetail fits char-lm generator.cell dataset.path=my-novel.txt",
        )
    )(fits)
    app.command(
        epilog=examples(
            "dovetail check quickstart-base encoder.cell=gru",
            "dovetail check quickstart",
            "dovetail check registry.toml",
        )
    )(check)


def fits(
    context: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A system's name; see `dovetail systems`.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SLOT | PATH=VALUE", help="A slot's path, like `encoder.cell`, or all slots; changes to the system."
        ),
    ] = None,
    store: StoreFolder = None,
) -> None:
    """The components that fit in a slot.

    Each was assembled in its place, the rest of the system as it is.
    """
    from dovetail.tables import overrides

    state = state_of(context)
    state.must_name(system, "systems")
    checker = state.bench(store).checker
    asked = [word for word in words or [] if "=" not in word]
    if len(asked) > 1:
        raise Mistake(f"one slot can be asked for, but here are {' and '.join(asked)}")
    tables = state.registry.tables(system, overrides(word for word in words or [] if "=" in word))
    for slot in asked:
        for name in checker.fits(system, tables, slot):
            typer.echo(name)
    if asked:
        return
    columns((path, ", ".join(checker.fits(system, tables, path))) for path in checker.slots(system, tables))


def check(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A system, a grid, or a registry.toml all of whose systems and grids are checked."
        ),
    ],
    changes: Changes = None,
    store: StoreFolder = None,
) -> None:
    """Whether a system or a grid is right, with every fault.

    Text, data and spaces are checked, and nothing is trained. Says what swaps keep, drop and leave at a default, and
    which combinations a grid leaves out.
    """
    from dovetail.registries import registry as make_registry
    from dovetail.tables import overrides, read

    state = state_of(context)
    if name.endswith(".toml"):
        if "plugin" in read(Path(name)).value:
            raise Mistake(f"{name}: is a plugin's own registry; `dovetail plugins` says what became of it")
        registry = make_registry(name, state.disable)
        written = read(Path(name))
        found = [table.value for what in ("systems", "grids") if (table := written.at(what)) is not None]
        names = [entry for table in found for entry in table]
        state.registry = registry
    else:
        state.must_name(name, "systems", "grids")
        names = [name]
    if not names:
        typer.echo(f"{name}: has no system and no grid")
    checker, wrong = state.bench(store).checker, []
    for each in names:
        try:
            _check_one(state, checker, each, overrides(changes or []))
        except Mistake as error:
            wrong.append(str(error))
    if wrong:
        raise Mistake("\n".join(wrong))


def _check_one(state: State, checker: Checker, name: str, changes: Mapping[str, Given]) -> None:
    from dovetail.bench.grids import check_grid, load_grid

    if state.is_named("systems", name):
        system = checker.check(name, state.registry.tables(name, changes))
        for swap in system.swaps:
            say(f"  {swap}")
        for remark in checker.remarks(system):
            say(f"  train: {remark}")
        typer.echo(f"system {name}: fits")
        return
    grid = load_grid(state.registry, name, checker, changes)
    check_grid(grid, checker)
    typer.echo(f"grid {name}: every arm fits; ", nl=False)
    list_arms(grid, swaps=True)
