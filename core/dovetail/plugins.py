"""Finding plugins: entry points are loaded one by one, so that a broken one is named and hurts nothing else."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import pluggy
from attrs import define, field

from dovetail import hooks
from dovetail.errors import DovetailError, Mistake, close
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
        return given.value if given else None


def find_plugins(disabled: Collection[str] = ()) -> list[Plugin]:
    """Every installed plugin, in the order of loading: Dovetail's own distribution, then by name."""
    core = Plugin("core", "dovetail", "", tables=read(Path(__file__).with_name("registry.toml")))
    plugins = [core]
    found = {
        (point.value, point.name): point for point in entry_points(group=GROUP)
    }  # a folder twice on sys.path lists twice
    for point in sorted(
        found.values(), key=lambda point: (_owner(point)[0] != "dovetail", _owner(point)[0], point.name)
    ):
        plugin = _load(point, disabled)
        owner = next((other for other in plugins if other.name == plugin.name), None)
        if owner:
            plugin.refuse(
                f"the name `{plugin.name}` is taken: both {owner.distribution} and {plugin.distribution} define it"
            )
        plugins.append(plugin)
    return plugins


def _owner(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "")


def _load(point: EntryPoint, disabled: Collection[str]) -> Plugin:
    plugin = Plugin(point.name, *_owner(point))
    if point.name in disabled:
        plugin.refuse("switched off", "disabled")
        return plugin
    try:
        plugin.module = point.load()
        _check_hooks(plugin)
        plugin.tables = read(Path(plugin.module.dovetail_registry()))
        _check_plugin_table(plugin)
    except DovetailError as error:
        plugin.refuse(str(error))
    except Exception as error:  # whatever a stranger's module does at import is its own fault, and is shown as such
        plugin.refuse(f"{type(error).__name__}: {error}")
    if plugin.name in disabled:
        plugin.refuse("switched off", "disabled")
    return plugin


def _check_hooks(plugin: Plugin) -> None:
    manager = _manager()
    known = [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if name.startswith("dovetail_")]
    for name, value in vars(plugin.module).items():
        if (
            name.startswith("dovetail_")
            and callable(value)
            and manager.parse_hookimpl_opts(plugin.module, name) is None
        ):
            raise Mistake(f"`{name}` is not marked with @dovetail.hook")
        if manager.parse_hookimpl_opts(plugin.module, name) is not None and name not in known:
            raise Mistake(f"there is no hook `{name}`: {close(name, known)} The hooks are {', '.join(known)}")
    if not hasattr(plugin.module, "dovetail_registry"):
        raise Mistake("has no `dovetail_registry` hook, which says where its registry.toml is")
    manager.register(plugin.module)


def _check_plugin_table(plugin: Plugin) -> None:
    api, name = plugin.about("api"), plugin.about("name")
    if not isinstance(name, str) or not name:
        raise Mistake(f"{plugin.tables.where.source}: [plugin] must have a `name`")
    plugin.name = name
    if api != hooks.API:
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

    def call(self, hook: str, **arguments: Any) -> None:
        """Call every plugin's `hook`."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                implementation.function(**{name: arguments[name] for name in implementation.argnames})
            except Exception as error:  # a stranger's hook must not cost a run
                self.manager.unregister(name=implementation.plugin_name)
                message = f"plugin {implementation.plugin_name}: {hook} raised {type(error).__name__}: {error}; its hooks are off"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
