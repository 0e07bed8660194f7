"""What the commands share: the registry, made once and when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from dovetail.errors import DovetailError
from dovetail.registries import Registry, registry

if TYPE_CHECKING:
    from dovetail.bench import Bench


class State:
    """The options that decide which plugins and which workspace there are."""

    def __init__(self, workspace: str | None, disable: tuple[str, ...]) -> None:
        self.workspace, self.disable = workspace, disable

    @cached_property
    def registry(self) -> Registry:
        return registry(self.workspace, self.disable)

    def add_commands(self, app: typer.Typer) -> None:
        """Let the plugins add their commands; a workspace that cannot be read is said by the command that needs it."""
        try:
            behaviour = self.registry.behaviour
        except DovetailError:
            return
        behaviour.call("dovetail_commands", app=app)

    def bench(self, store: str | None) -> Bench:
        from dovetail.bench import Bench, Store

        return Bench(self.registry, Store.at(store))


def note_early_options(words: Sequence[str]) -> State:
    """The options that must be known before the command line is complete, since plugins add commands."""
    workspace: str | None = None
    disable: list[str] = []
    pairs = zip(words, [*words[1:], ""], strict=True)
    for word, following in pairs:
        name, equals, value = word.partition("=")
        value = value if equals else following
        if name == "--workspace":
            workspace = value
        elif name == "--no-plugin":
            disable.append(value)
    return State(workspace, tuple(disable))


def state_of(context: Any) -> State:
    """The state of a command's context."""
    state: State = context.obj
    return state
