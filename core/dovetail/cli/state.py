"""What the commands share: the registry, made once and when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import typer
from typer.main import get_group

from dovetail.errors import DovetailError, Mistake, close, listed, unknown
from dovetail.registries import Registry, registry

if TYPE_CHECKING:
    from dovetail.bench import Bench


class State:
    """The options that decide which plugins and which workspace there are."""

    def __init__(self, workspace: str | None, disable: tuple[str, ...]) -> None:
        self.workspace, self.disable = workspace, disable

    @cached_property
    def registry(self) -> Registry:
        found = registry(self.workspace, self.disable)
        known = [plugin.name for plugin in found.plugins]
        if absent := [name for name in self.disable if name not in known]:
            raise Mistake(f"--no-plugin: {unknown('plugin', absent[0], known)}")
        return found

    def add_commands(self, app: typer.Typer) -> None:
        """Let the plugins add their commands; a workspace that cannot be read is said by the command that needs it.

        A plugin's commands are all there or none of them is: one that cannot be read, or whose name is taken, is the
        plugin's fault and hurts no other command.
        """
        try:
            behaviour = self.registry.behaviour
        except DovetailError:
            return

        def add(hook: Callable[..., Any]) -> None:
            own = typer.Typer()
            hook(app=own)
            _check_commands(own, app)
            app.registered_commands += own.registered_commands
            app.registered_groups += own.registered_groups

        behaviour.each("dovetail_commands", add)

    def bench(self, store: str | None) -> Bench:
        from dovetail.bench import Bench, Store

        return Bench(self.registry, Store.at(store))

    def is_named(self, what: str, name: str) -> bool:
        """Whether a system or grid (`what` is `"systems"` or `"grids"`) has this full or bare name."""
        return any(name in (full, full.rpartition("/")[2]) for full in getattr(self.registry, what))

    def must_name(self, name: str, *kinds: str) -> None:
        """That `name` is among these kinds of names; raises `Mistake` with what is close, or why there is none."""
        if any(self.is_named(what, name) for what in kinds):
            return
        known = [full for what in kinds for full in getattr(self.registry, what)]
        if trouble := self.registry.plugin_trouble(name, known):
            raise Mistake(trouble)
        possible = close(name, known) or (f"there are {listed(known)}" if known else "")
        nouns = " or ".join(what.removesuffix("s") for what in kinds)
        nowhere = "" if self.registry.workspace else NO_WORKSPACE
        other = [what for what in ("systems", "grids") if what not in kinds and self.is_named(what, name)]
        command = {"systems": f"a system: `dovetail run {name}`", "grids": f"a grid: `dovetail grid {name}`"}
        hints = (f"it is {command[other[0]]}",) if other else (possible, nowhere)
        raise Mistake("; ".join(filter(None, (f"there is no {nouns} `{name}`", *hints))))


def _check_commands(own: typer.Typer, app: typer.Typer) -> None:
    """That a plugin's commands can be read, and have names that are free in `app`; raises what is wrong."""
    if own.registered_callback is not None:
        raise ValueError("a plugin adds commands by `@app.command()`, and no options of `dovetail` itself")
    if both := {*get_group(own).commands} & {*get_group(app).commands}:
        raise ValueError(f"the command `{min(both)}` is there already")


NO_WORKSPACE = (
    "no registry.toml is in this folder or above it: go to the folder that has yours, or say where it is with"
    " `dovetail --workspace FILE …`"
)


def note_early_options(words: Sequence[str]) -> State:
    """The options that must be known before the command line is complete, since plugins add commands."""
    found: Mapping[str, list[str]] = {"--workspace": [], "--no-plugin": []}
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name in found:
            found[name].append(value if equals else following)
    workspace = found["--workspace"]
    return State(workspace[-1] if workspace else None, tuple(found["--no-plugin"]))


def state_of(context: Any) -> State:
    """The state of a command's context."""
    state: State = context.obj
    return state
