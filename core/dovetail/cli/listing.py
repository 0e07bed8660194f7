"""The commands that look: plugins, list, show, fits, systems, grids, check. None but show, fits and check imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from dovetail.cli.state import state_of
from dovetail.errors import Mistake, close, listed


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plugins, list_, show, fits, systems, grids, check):
        app.command(command.__name__.rstrip("_"))(command)


def columns(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print rows in columns; the last one is not padded, and long ones are left to the terminal."""
    rows = [tuple(row) for row in rows]
    every = [tuple(header), *rows] if header else rows
    widths = [max((len(row[i]) for row in every), default=0) for i in range(len(every[0]) - 1)] if every else []
    for row in every:
        typer.echo(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        )


def plugins(context: typer.Context) -> None:
    """Every installed plugin, and what became of it."""
    rows = []
    for plugin in state_of(context).registry.plugins:
        summary = plugin.reason.splitlines()[0] if plugin.reason else str(plugin.about("summary") or "")
        rows.append((plugin.name, plugin.state, f"{plugin.distribution} {plugin.version}".strip(), summary))
    columns(rows, ("plugin", "state", "distribution", ""))


def list_(context: typer.Context, kind: str = typer.Argument("", help="Only the components of this kind.")) -> None:
    """The components, by kind."""
    registry = state_of(context).registry
    if kind and kind not in registry.kinds:
        raise Mistake(
            f"there is no kind `{kind}`; {close(kind, registry.kinds) or f'the kinds are {listed(registry.kinds)}'}"
        )
    for name in [kind] if kind else registry.kinds:
        components = registry.of_kind(name)
        typer.echo(f"{name}{'' if components else '  (no component)'}")
        columns(
            (f"  {component.name}", f"{component.summary}{f'  (deprecated: use {component.deprecated})' if component.deprecated else ''}")
            for component in components
        )  # fmt: skip


def show(
    context: typer.Context,
    name: str = typer.Argument(help="A component (`standard/lstm`, or `cell standard/lstm`), a system or a grid."),
    of: str = typer.Argument("", hidden=True),
) -> None:
    """A component's hyperparameters; or a system or a grid, filled in."""
    registry = state_of(context).registry
    if of or name in registry.kinds:
        _show_component(registry.find(name, of))
        return
    found = [component for component in registry.components.values() if name in (component.name, component.short)]
    if len(found) == 1:
        _show_component(found[0])
    elif found:
        raise Mistake(
            f"`{name}` means several components; write {' or '.join(f'`dovetail show {component}`' for component in found)}"
        )
    elif _names(registry.systems, name):
        _show_system(registry.system(name))
    elif _names(registry.grids, name):
        check(context, name)
    else:
        known = [*(component.name for component in registry.components.values()), *registry.systems, *registry.grids]
        raise Mistake(
            f"there is no component, system or grid `{name}`; {close(name, known) or 'see `dovetail list`, `dovetail systems`, `dovetail grids`'}"
        )


def _names(entries: Iterable[str], name: str) -> bool:
    return any(name in (full, full.rpartition("/")[2]) for full in entries)


def _show_component(component: Any) -> None:
    from dovetail.cli.describe import describe

    typer.echo(
        f"{component}, version {component.version}{f', {component.paper}' if component.paper else ''}\n{component.summary}\n"
    )
    rows = []
    for field in describe(component):
        allowed = f"{field.type}{f', in {field.range}' if field.range else ''}"
        default = f"= {field.default}" if field.default else "required"
        rows.append((f"  {field.name}", default, allowed, field.doc))
    for name, default, allowed, doc in rows:
        typer.echo(f"{name.ljust(18)} {default}  ({allowed})")
        if doc:
            typer.echo(f"{'':18} {doc}")


def _show_system(system: Any) -> None:
    import json

    from dovetail.conversion import spec_converter

    converter = spec_converter(system.registry)
    for stage in system.stages:
        table = converter.unstructure(stage)
        typer.echo(f"stage {table.pop('name')}")
        for key, value in {**table.pop("parts"), **table}.items():
            typer.echo(f"  {key} = {json.dumps(value, indent=2).replace(chr(10), chr(10) + '  ')}")


def fits(
    context: typer.Context,
    system: str = typer.Argument(help="A system's name."),
    slot: str = typer.Argument("", help="A slot's path, like `encoder.cell`; all slots without it."),
    change: list[str] = typer.Option(
        [], "--set", metavar="PATH=VALUE", help="Change the system first; may be repeated."
    ),
) -> None:
    """Which components would fit in a slot, the rest of the system as it is: each was assembled."""
    from dovetail.fitting import Checker
    from dovetail.tables import overrides

    registry = state_of(context).registry
    checker = Checker(registry)
    tables = registry.tables(system, overrides(change))
    if slot:
        for name in checker.fits(system, tables, slot):
            typer.echo(name)
        return
    for path in checker.slots(system, tables):
        typer.echo(f"{path}: {listed(checker.fits(system, tables, path), 40)}")


def systems(context: typer.Context) -> None:
    """The systems, by name."""
    _named(state_of(context).registry.systems)


def grids(context: typer.Context) -> None:
    """The grids, by name."""
    _named(state_of(context).registry.grids)


def _named(entries: Any) -> None:
    columns(
        (name, str(summary.value) if (summary := table.at("summary")) else "")
        for name, table in sorted(entries.items())
    )


def check(
    context: typer.Context,
    name: str = typer.Argument(help="A system, a grid, or a registry.toml all of whose systems and grids are checked."),
    changes: list[str] = typer.Argument(
        None, metavar="[PATH=VALUE]...", help="Changes to the system, or to the grid's base."
    ),
) -> None:
    """Check text, data and spaces, every fault at once; says what swaps keep, and which combinations a grid leaves out."""
    from dovetail.registries import registry as make_registry
    from dovetail.tables import overrides, read

    state = state_of(context)
    if name.endswith(".toml"):
        registry = make_registry(name, state.disable)
        written = read(Path(name))
        tables = [written.at("systems"), written.at("grids")]
        names = [entry for table in tables if table is not None for entry in table.value]
    else:
        registry, names = state.registry, [name]
    for each in names:
        _check_one(registry, each, overrides(changes or []))


def _check_one(registry: Any, name: str, changes: Any) -> None:
    from dovetail.bench.grids import check_grid, load_grid
    from dovetail.fitting import Checker

    checker = Checker(registry)
    if _names(registry.systems, name):
        system = checker.check(name, registry.tables(name, changes))
        for swap in system.swaps:
            typer.echo(f"  {swap}")
        typer.echo(f"system {name}: fits")
        return
    if not _names(registry.grids, name):
        known = [*registry.systems, *registry.grids]
        raise Mistake(f"there is no system or grid `{name}`; {close(name, known) or f'there are {listed(known)}'}")
    grid = load_grid(registry, name, checker, changes)
    check_grid(grid, checker)
    typer.echo(f"grid {name}: {len(grid.arms)} arms × {len(grid.seeds)} seeds")
    for arm in grid.arms:
        typer.echo(f"  {arm.name}{'  (base)' if arm is grid.base else ''}")
        for swap in arm.system.swaps:
            typer.echo(f"      {swap}")
    for note in grid.notes:
        typer.echo(f"  {note}")
