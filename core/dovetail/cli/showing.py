"""The command `show`: a component's hyperparameters, or a system or a grid with every value filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import State, state_of
from dovetail.errors import Faults, Mistake, close, listed
from dovetail.registries import NONE, Component, Registry

if TYPE_CHECKING:
    from dovetail.bench.grids import Grid
    from dovetail.report.describe import FieldDoc
    from dovetail.systems import System
    from dovetail.tables import Given

NO_PATH = "is missing; it must be a path"
ANYWHERE = "/"
"""Stands for a path that is not given, so that the rest of a system can be shown."""


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "dovetail show recurrent-dropout/lstm",
            "dovetail show cell standard/lstm     where a name is of several kinds",
            "dovetail show quickstart-base",
            "dovetail show quickstart-base encoder.cell=gru",
            "dovetail show quickstart",
        )
    )(show)


def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A component, a system or a grid; or a kind, before a component.")
    ],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMPONENT | PATH=VALUE", help="The component of that kind; or changes to the system."),
    ] = None,
) -> None:
    """What a component takes, or a system or a grid, filled in."""
    from dovetail.tables import overrides

    state, words = state_of(context), more or []
    registry = state.registry
    found = _named(registry, name)
    if name in registry.kinds and len(words) == 1:
        _show_component(registry.find(name, words[0]), registry)
    elif words and not state.is_named("systems", name):
        raise Mistake(f"only a system can be shown with changes, and there is no system `{name}`")
    elif len(found) == 1:
        _show_component(found[0], registry)
    elif found:
        raise Mistake(
            f"`{name}` means several components; write {' or '.join(f'`dovetail show {each}`' for each in found)}"
        )
    elif state.is_named("systems", name):
        _show_system(registry, name, overrides(words))
    elif state.is_named("grids", name):
        _show_grid(state, name)
    elif name in registry.kinds:
        say(f"`{name}` is a kind: `dovetail list {name}` lists its components, `dovetail show {name} NAME` shows one")
    else:
        nothing = f"there is no component, system or grid `{name}`; {_possible(registry, name)}"
        raise Mistake(registry.plugin_trouble(name) or nothing)


def _possible(registry: Registry, name: str) -> str:
    """The names that hold `name`, or the one that is close to it, or where names are listed."""
    full = [*(component.name for component in registry.components.values()), *registry.systems, *registry.grids]
    if holding := dict.fromkeys(each for each in full if name in each):
        return f"did you mean {listed(holding)}?"
    guess = close(name, [*full, *(component.short for component in registry.components.values())])
    return guess or "see `dovetail list`, `dovetail systems` and `dovetail grids`"


def _named(registry: Registry, name: str) -> list[Component]:
    """The components of any kind that a full or bare name or an alias means."""
    aliased = [registry.find(kind, name) for kind, alias in registry.aliases if alias == name]
    full = [component for component in registry.components.values() if name in (component.name, component.short)]
    kinds = {component.kind for component in aliased}
    return [*aliased, *(component for component in full if component.kind not in kinds)]


def _show_component(component: Component, registry: Registry) -> None:
    from dovetail.bibliography import read_references
    from dovetail.report.describe import describe

    fields = describe(component, registry)
    typer.echo(f"{component}, version {component.version}{f', {component.paper}' if component.paper else ''}")
    say(component.summary)
    if component.deprecated:
        say(f"deprecated: use {component.deprecated}")
    if fields:
        _show_fields(fields)
    else:
        typer.echo("It takes no parameters.")
    plugin = next(plugin for plugin in registry.plugins if plugin.name == component.plugin)
    if entry := read_references(plugin.references).get(component.paper):
        typer.echo(f"\n{entry}")


def _show_fields(fields: list[FieldDoc]) -> None:
    typer.echo("")
    rows = []
    for field in fields:
        rule = f"{field.type}{f' in {field.range}' if field.range else ''}"
        rows.append((field.name, f"= {field.default}" if field.default else "required", f"{rule}. {field.doc}".strip()))
    long = max(len(default) for _, default, _ in rows)
    if long <= 20:
        columns(rows)
        return
    for name, default, text in rows:
        typer.echo(f"{name} {default}")
        columns([("   ", text)])


def _show_system(registry: Registry, name: str, changes: Mapping[str, Given]) -> None:
    """A system with every value filled in; where only paths to data are missing, what they must be."""
    missing = []
    try:
        system = registry.system(name, changes)
    except Faults as error:
        missing = [fault.path for fault in error.faults if fault.message == NO_PATH]
        if len(missing) < len(error.faults):
            raise
        system = registry.system(name, {**changes, **dict.fromkeys(missing, ANYWHERE)})
    rows = _rows(system)
    columns((label, "required" if value == f'"{ANYWHERE}"' else value) for label, value in rows)
    if missing:
        typer.echo("")
    for path in missing:
        say(f"{path} must be given, as `{path}=…` behind the command: {_doc(system, path)}")


def _doc(system: System, path: str) -> str:
    """What the field at a path is, in the words of its component."""
    from dovetail.bench.axes import value_at
    from dovetail.report.describe import docstrings

    owner, _, name = path.rpartition(".")
    return docstrings(type(value_at(system, owner))).get(name, "a path")


def _rows(system: System) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    several = len(system.stages) > 1
    for stage in system.stages:
        rows += [(f"stage {stage.name}", "")] if several else []
        for name, value in (*stage.parts.items(), *(item for item in _settings(stage) if item[1])):
            rows += list(_tree(name, value, system.registry, 1 if several else 0))
    return rows


def _settings(stage: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(stage, name)) for name in ("objective", "dataset", "metrics", "train", "reset")]


def _tree(name: str, value: Any, registry: Registry, depth: int) -> Iterator[tuple[str, str]]:
    """A row for each value: its name, set in by its depth, and what it is."""
    from dovetail.config import FromRun, Share
    from dovetail.interfaces import Spec
    from dovetail.report.describe import in_toml

    label = f"{'  ' * depth}{name}"
    if isinstance(value, Share):
        yield label, f"shares {value.path}"
    elif isinstance(value, FromRun):
        yield label, f"{value.part} of the run {value.run}{', frozen' if value.frozen else ''}"
    elif value is None:
        yield label, NONE
    elif attrs.has(type(value)):
        yield label, registry.component_of(value).name if isinstance(value, Spec) else ""
        for attribute in attrs.fields(type(value)):
            inner = getattr(value, attribute.name)
            if inner is not None or _is_slot(type(value), attribute.name):
                yield from _tree(attribute.name, inner, registry, depth + 1)
    elif isinstance(value, Mapping) and value:
        yield label, ""
        for key, item in value.items():
            yield from _tree(key, item, registry, depth + 1)
    elif isinstance(value, tuple) and any(isinstance(item, Spec) for item in value):
        yield label, ""
        for place, item in enumerate(value):
            yield from _tree(str(place), item, registry, depth + 1)
    else:
        yield label, in_toml(value, registry)


def _is_slot(cls: type, name: str) -> bool:
    from dovetail.config import hints, slot_base

    return slot_base(hints(cls)[name]) is not None


def _show_grid(state: State, name: str) -> None:
    from dovetail.bench.grids import load_grid
    from dovetail.fitting import Checker

    grid = load_grid(state.registry, name, Checker(state.registry))
    typer.echo(f"grid {grid.name}{f': {grid.summary}' if grid.summary else ''}\n")
    rows = [("base", grid.base.system.name), ("seeds", ", ".join(map(str, grid.seeds)))]
    for axis in grid.axes:
        rows.append((f"axis {axis.name}", axis.path or "whole systems"))
        rows += [(f"  {label}", _option(option.plain())) for label, option in axis.options.items()]
    if grid.search is not None:
        rows.append(("search", f"{grid.search.trials} trials an arm for the best {grid.search.optimise}"))
        rows += [(f"  {each.path}", str(each)) for each in grid.search.ranges]
    columns(rows)
    typer.echo("")
    list_arms(grid)


def _option(value: Any) -> str:
    """An option as it was written: a component with the values that it is given, or a value."""
    if isinstance(value, dict) and "use" in value:
        given = ", ".join(f"{key} = {_option(item)}" for key, item in value.items() if key != "use")
        return f"{value['use']}{f' ({given})' if given else ''}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def counted(grid: Grid) -> str:
    """How many arms and seeds a grid has, and how many trials."""

    def some(number: int, noun: str) -> str:
        return f"{number} {noun}{'' if number == 1 else 's'}"

    seeds = some(len(grid.seeds), "seed")
    trained = f"({some(grid.search.trials, 'trial')} + {seeds})" if grid.search else seeds
    return f"{some(len(grid.arms), 'arm')} × {trained}"


def list_arms(grid: Grid, swaps: bool = False) -> None:
    """Print a grid's arms, with what their swaps keep where asked; and its notes."""
    trained = len(grid.seeds) + (grid.search.trials if grid.search else 0)
    typer.echo(f"{counted(grid)} = {len(grid.arms) * trained} runs:")
    for arm in grid.arms:
        typer.echo(f"  {arm.name}{'  (base)' if arm is grid.base else ''}")
        for swap in arm.system.swaps if swaps else ():
            say(f"      {swap}")
    for note in grid.notes:
        say(f"  {note}")
