"""The commands that list: plugins, list, systems, grids. None of them imports torch."""

from __future__ import annotations

from typing import Annotated

import typer

from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import NO_WORKSPACE, State, state_of
from dovetail.errors import Mistake, close, listed
from dovetail.registries import Component


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plugins)
    app.command("list", epilog=examples("dovetail list", "dovetail list cell"))(list_)
    app.command()(systems)
    app.command()(grids)


def plugins(context: typer.Context) -> None:
    """The installed plugins, and what became of each.

    A plugin that is broken or for another version is listed with the reason, and hurts nothing else.
    `dovetail --no-plugin NAME …` leaves one out.
    """
    rows = []
    for plugin in state_of(context).registry.plugins:
        text = " ".join(plugin.reason.split()) if plugin.reason else str(plugin.about("summary") or "")
        rows.append((plugin.name, plugin.state, f"{plugin.distribution} {plugin.version}".strip(), text))
    columns(rows, ("plugin", "state", "distribution", ""))


def list_(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Only the components of this kind, like `cell`.")] = "",
) -> None:
    """The components, by kind.

    `dovetail show NAME` says what one takes.
    """
    registry = state_of(context).registry
    if kind and kind not in registry.kinds:
        raise Mistake(
            f"there is no kind `{kind}`; {close(kind, registry.kinds) or f'the kinds are {listed(registry.kinds)}'}"
        )
    for name in [kind] if kind else registry.kinds:
        components = registry.of_kind(name)
        typer.echo(f"{name}{'' if components else '  (no component)'}")
        columns((f"  {component.name}", _about(component)) for component in components)
    for plugin in registry.plugins:
        if plugin.state in ("broken", "incompatible"):
            lost = f"plugin {plugin.name} is {plugin.state}, and its components are not listed"
            say(f"{lost}: `dovetail plugins` says why", error=True)


def _about(component: Component) -> str:
    return f"{component.summary}{f' (deprecated: use {component.deprecated})' if component.deprecated else ''}"


def systems(context: typer.Context) -> None:
    """The systems, by name.

    A system is all that one training needs. `dovetail show NAME` prints one, `dovetail run NAME` trains it.
    """
    _named(state_of(context), "systems")


def grids(context: typer.Context) -> None:
    """The grids, by name.

    A grid is a system and the swaps to compare. `dovetail show NAME` prints one, `dovetail grid NAME` trains it.
    """
    _named(state_of(context), "grids")


def _named(state: State, what: str) -> None:
    entries = getattr(state.registry, what)
    columns(
        (name, str(summary.plain()) if (summary := table.at("summary")) else "")
        for name, table in sorted(entries.items())
    )
    if not entries:
        why = f"{state.registry.workspace} has none" if state.registry.workspace else NO_WORKSPACE
        say(f"there are no {what}; {why}", error=True)
