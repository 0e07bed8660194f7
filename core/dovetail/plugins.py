"""Finding plugins: entry points are loaded one by one, so that a broken one is named and hurts nothing else."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Collection, Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import pluggy
from attrs import define, field

from dovetail import hooks
from dovetail.bibliography import FILE
from dovetail.errors import Mistake, close
from dovetail.tables import Given, read

GROUP = "dovetail"
State = Literal["ready", "broken", "incompatible", "disabled"]


@define
class Plugin:
    """One plugin, whatever became of it. `tables` is its registry; `reason` says why it is not ready."""

    name: str
    distribution: str
    version: str
    state: State = "ready"
    reason: str = ""
    module: Any = field(default=None, repr=False)
    tables: Given = field(default=None, repr=False)

    def refuse(self, reason: str, state: State = "broken") -> None:
        self.state, self.reason = state, reason

    def about(self, key: str) -> Any:
        """A value of its [plugin] table, or None."""
        given = self.tables.at(f"plugin.{key}") if self.tables else None
        return given.plain() if given else None

    @property
    def references(self) -> Path:
        """The file of its references, which need not be there."""
        return Path(self.tables.where.source).with_name(FILE)


def find_plugins(disabled: Collection[str] = ()) -> list[Plugin]:
    """Every installed plugin, in the order of loading: the core, Dovetail's own distribution, then by name."""
    plugins = [Plugin("core", "dovetail", "", tables=read(Path(__file__).with_name("registry.toml")))]
    points = {(point.value, point.name): point for point in entry_points(group=GROUP)}  # a folder may be listed twice
    for point in sorted(
        points.values(), key=lambda point: (_owner(point)[0] != "dovetail", *_owner(point), point.name)
    ):
        plugin = _load(point, disabled)
        owner = next((other for other in plugins if other.name == plugin.name), None)
        if owner and plugin.state == "ready":
            both = f"both {owner.distribution} and {plugin.distribution} define it"
            plugin.refuse(f"the name `{plugin.name}` is taken: {both}")
        plugins.append(plugin)
    return plugins


def _owner(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "")


def _load(point: EntryPoint, disabled: Collection[str]) -> Plugin:
    plugin = Plugin(point.name, *_owner(point))
    try:
        if point.name not in disabled:
            plugin.module = point.load()
            if hasattr(plugin.module, "dovetail_registry"):
                plugin.tables = read(Path(plugin.module.dovetail_registry()))
                _check_about(plugin)
            if plugin.state == "ready":
                _check_hooks(plugin.module)
    except Mistake as error:
        plugin.refuse(str(error))
    except (Exception, SystemExit) as error:  # whatever a stranger's module does at import is shown as its own fault
        plugin.refuse(f"{type(error).__name__}: {error}")
    if {point.name, plugin.name} & {*disabled}:
        plugin.refuse("switched off", "disabled")
    return plugin


def _check_hooks(module: Any) -> None:
    manager = _manager()
    known = [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if name.startswith("dovetail_")]
    for name, value in [*vars(module).items()]:
        marked = manager.parse_hookimpl_opts(module, name) is not None
        if marked and name not in known:
            raise Mistake(f"there is no hook `{name}`: {close(name, known)} The hooks are {', '.join(known)}")
        if name.startswith("dovetail_") and inspect.isfunction(value) and not marked:
            raise Mistake(f"`{name}` is not marked with @dovetail.hook")
    if not hasattr(module, "dovetail_registry"):
        raise Mistake("has no `dovetail_registry` hook, which says where its registry.toml is")
    manager.register(module)


def _check_about(plugin: Plugin) -> None:
    api, name = plugin.about("api"), plugin.about("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        rule = "must have a `name` of letters, digits, - and _"
        raise Mistake(f"{plugin.tables.where.source}: [plugin] {rule}, but has {name!r}")
    plugin.name = name
    if type(api) is not int or api != hooks.API:
        plugin.refuse(f"is for plugin interface {api!r}, and this is {hooks.API}", "incompatible")


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("dovetail")
    manager.add_hookspecs(hooks)
    return manager


class Behaviour:
    """The behaviour hooks of the plugins that are ready; one that raises is reported once and switched off."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.manager = _manager()
        for plugin in plugins:
            if plugin.state == "ready" and plugin.module is not None:
                self.manager.register(plugin.module, plugin.name)

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Call every plugin's `hook`; the answers that are not None."""
        return self.each(hook, lambda implementation: implementation(**arguments))

    def each(self, hook: str, use: Callable[[Callable[..., Any]], Any]) -> list[Any]:
        """What `use` makes of each plugin's implementation of `hook`, where it is not None.

        What it raises is the plugin's fault. The implementation takes all arguments of the hook, by name.
        """
        answers = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                answers.append(use(partial(_call, implementation)))
            except Exception as error:  # a stranger's hook must not cost a run
                name = implementation.plugin_name
                self.manager.unregister(name=name)
                message = f"plugin {name}: {hook} raised {type(error).__name__}: {error}; its hooks are off"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
        return [answer for answer in answers if answer is not None]


def _call(implementation: pluggy.HookImpl, **arguments: Any) -> Any:
    """With the arguments that it asks for."""
    return implementation.function(**{name: arguments[name] for name in implementation.argnames})
