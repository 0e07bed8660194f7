"""The command that says what an upgrade changes: plugin diff."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from dovetail.cli.checking import StoreFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import NO_WORKSPACE, state_of

if TYPE_CHECKING:
    from dovetail.report.upgrade import Fate, GridChange, Upgrade

HELP = "Look at a plugin as a whole. `dovetail plugins` lists those that are installed."
MOST = 6
"""Arms, reasons and runs that are printed of each; --json has them all."""

LEGEND = (
    "A stale run is set aside and trained again by the same command. One that is missing is trained under a new key,"
    " and what is stored stays. Either way a finished run can still be loaded, unless it is named above."
)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    plugin = typer.Typer(
        name="plugin",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples("dovetail plugin diff installed ./dovetail-my-plugin"),
    )
    plugin.callback()(lambda: None)
    plugin.command(
        epilog=examples(
            "dovetail plugin diff installed ./dovetail-my-plugin      before a release",
            "dovetail plugin diff installed my_plugin-0.2.0-py3-none-any.whl",
            "dovetail plugin diff old.whl new.whl --json",
        )
    )(diff)
    app.add_typer(plugin)


def diff(
    context: typer.Context,
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD", help="A plugin's source folder, a wheel, an installed plugin's name, or `installed`."
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is compared with, written in the same way.")],
    *,
    store: StoreFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """What an upgrade of a plugin changes.

    Components, their versions, hyperparameters, ranges and defaults, kinds, spaces, systems and grids; and, in the
    workspace and the store, the runs that become stale or missing, by grid, and those that can no longer be loaded.
    Nothing is installed or trained: each side runs in a process of its own.
    """
    from dovetail.bench.store import Store
    from dovetail.report.upgrade import compare_sources

    state = state_of(context)
    workspace, found = state.registry.workspace, Store.at(store)
    upgrade = compare_sources(old, new, workspace, state.disable, found)
    if as_json:
        typer.echo(json.dumps(attrs.asdict(upgrade), indent=2, ensure_ascii=False))
        return
    for name, text in upgrade.plugins.items():
        say(f"plugin {name}: {text}")
    if not upgrade.changes:
        say("What it brings is the same.")
    for subject in dict.fromkeys(change.subject for change in upgrade.changes):
        say(f"  {subject}")
        columns([("   ", change.text) for change in upgrade.changes if change.subject == subject])
    typer.echo("")
    say(f"Runs in {found.path}, grids of {workspace}:" if workspace else f"Runs in {found.path}; {NO_WORKSPACE}")
    _print_runs(upgrade)


def _print_runs(upgrade: Upgrade) -> None:
    if upgrade.workspace:
        say(f"  the workspace cannot be read {upgrade.workspace}")
        return
    for grid in upgrade.grids:
        _print_grid(grid)
    for reason, names in upgrade.lost.items():
        say(f"  {_count(len(names), 'run')} can no longer be loaded: {reason}")
        columns([("     ", name) for name in _cut(names)])
    if upgrade.same:
        say(f"  nothing changes for {', '.join(upgrade.same)}")
    if upgrade.unread:
        say(f"  not compared, since neither side can read them: {', '.join(_cut(upgrade.unread))}")
    if not (upgrade.grids or upgrade.same):
        say("  no grid and no stored run has to do with it")
    if any({"stale", "missing"} & {fate.after for fate in grid.fates} for grid in upgrade.grids):
        say(LEGEND)


def _print_grid(grid: GridChange) -> None:
    if grid.unread:
        say(f"  {grid.name} {grid.unread}")
        return
    size = f"{_count(grid.arms, 'arm')} × {_count(grid.seeds, 'seed')}"
    size = f"{_count(grid.seeds, 'run')} of no grid" if grid.name.startswith("system ") else size
    say(f"  {grid.name}: {size}, {_count(grid.kept, 'run')} as before")
    for fate in grid.fates:
        say(f"    {_headline(fate)}")
        columns([("     ", reason) for reason in _cut(fate.why)])
        columns([("       ", line) for line in _cut([_arm(arm, seeds) for arm, seeds in fate.runs.items()])])


def _headline(fate: Fate) -> str:
    count = _count(sum(map(len, fate.runs.values())), "run")
    if fate.before == fate.after:
        return f"{count} not stored, and other than before:"
    return f"{count} {fate.before} → {fate.after}{':' if fate.why else ''}"


def _arm(name: str, seeds: list[int]) -> str:
    return f"{name} × seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cut(lines: Sequence[str]) -> list[str]:
    more = [f"… and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return [*lines[:MOST], *more]
