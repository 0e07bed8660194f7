"""The registry: every component, kind, space, system and grid by name, from plugins and the nearest registry.toml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, field, frozen

from dovetail.errors import Fault, Faults, Mistake, Where, a, close, listed, unknown, unknown_key
from dovetail.plugins import Behaviour, Plugin, find_plugins
from dovetail.tables import Given, given, merge, put_all, read

if TYPE_CHECKING:
    from dovetail.interfaces import Spec
    from dovetail.spaces import Space
    from dovetail.systems import System

NONE = "core/none"
"""No part here: the empty value of an optional slot."""

RESERVED = ("plugin", "plugins", "aliases", "kinds", "spaces", "systems", "grids")
_WORKSPACE = ("plugins", "aliases", "systems", "grids")
_COMPONENT = {"spec": str, "summary": str, "paper": str, "version": int, "deprecated": str}


@frozen
class Component:
    """One named implementation of a kind; `spec` is where its spec class is, `package.module:Class`."""

    kind: str
    plugin: str
    short: str
    spec: str
    summary: str = ""
    paper: str = ""
    version: int = 1
    deprecated: str = ""

    @property
    def name(self) -> str:
        return f"{self.plugin}/{self.short}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def load(self) -> type[Spec]:
        """Its spec class; raises `Mistake` that names the component where that fails."""
        cls: type[Spec] = _resolve(self.spec, f"{self}: its spec")
        if not isinstance(cls, type) or getattr(cls, "kind", None) != self.kind:
            raise Mistake(f"{self}: `{self.spec}` is no spec of the kind {self.kind}")
        if "__attrs_attrs__" not in vars(cls):
            raise Mistake(f"{self}: `{self.spec}` has no fields yet: decorate it with `@attrs.frozen(kw_only=True)`")
        return cls


def _resolve(place: str, what: str) -> Any:
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        raise Mistake(f"{what} `{place}` cannot be loaded: {type(error).__name__}: {error}") from error


def _place_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


@define(eq=False)
class Registry:
    """Names and what they stand for. A registry is made by `registry()` and not changed afterwards."""

    plugins: list[Plugin]
    workspace: Path | None = None
    kinds: dict[str, str] = Factory(dict)
    spaces: dict[str, str] = Factory(dict)
    components: dict[tuple[str, str], Component] = field(factory=dict, repr=False)
    aliases: dict[tuple[str, str], str] = Factory(dict)
    systems: dict[str, Given] = field(factory=dict, repr=False)
    grids: dict[str, Given] = field(factory=dict, repr=False)
    behaviour: Behaviour = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for take in (self._take_kinds, self._take_components):
            for plugin in self.plugins:
                if plugin.state == "ready" and (faults := take(plugin, plugin.tables)):
                    plugin.refuse(str(Faults(f"its registry {plugin.tables.where.source}", faults)))
        self.behaviour = Behaviour(self.plugins)

    # -------------------------------------------------------------------------------------------------------- filling

    def _take_kinds(self, plugin: Plugin, tables: Given) -> list[Fault]:
        faults = _shape_faults(tables)
        for table, known in (("kinds", self.kinds), ("spaces", self.spaces)):
            for name, place in tables.entries(table).items():
                path = f"{table}.{name}"
                if not _is_place(place):
                    faults.append(Fault(place.where, path, 'must be like "package.module:Class"'))
                elif name in known:
                    owner = next(other for other in self.plugins if other.tables and other.tables.at(path))
                    both = f"by {owner.name} ({owner.distribution}) and {plugin.name} ({plugin.distribution})"
                    faults.append(Fault(place.where, path, f"{table[:-1]} `{name}` is defined twice, {both}"))
        if not faults:
            self.kinds |= {name: place.value for name, place in tables.entries("kinds").items()}
            self.spaces |= {name: place.value for name, place in tables.entries("spaces").items()}
        return faults

    def _take_components(self, plugin: Plugin, tables: Given) -> list[Fault]:
        found: dict[tuple[str, str], Component] = {}
        faults: list[Fault] = []
        for kind, entries in tables.without(*RESERVED).value.items():
            if kind not in self.kinds:
                faults.append(Fault(entries.where, kind, unknown("table", kind, [*self.kinds, *RESERVED])))
            for short, entry in entries.value.items():
                wrong = _component_faults(entry, f"{kind}.{short}")
                faults += wrong
                if not wrong:
                    component = Component(kind=kind, plugin=plugin.name, short=short, **entry.plain())
                    found[kind, component.name] = component
        if not faults:
            self.components |= found
            self.systems |= {f"{plugin.name}/{name}": entry for name, entry in tables.entries("systems").items()}
            self.grids |= {f"{plugin.name}/{name}": entry for name, entry in tables.entries("grids").items()}
        return faults

    def take_workspace(self, tables: Given) -> None:
        """Add the workspace's aliases, systems and grids; raises `Faults`."""
        faults = _shape_faults(tables)
        for table, entries in tables.without(*_WORKSPACE).value.items():
            faults.append(Fault(entries.where, table, unknown("table", table, _WORKSPACE)))
        for key, value in tables.entries("plugins").items():
            if key != "disable":
                faults.append(unknown_key(value.where, f"plugins.{key}", key, ["disable"]))
        for kind, aliases in tables.entries("aliases").items():
            for alias, target in aliases.value.items() if aliases.is_table else ():
                faults += self._take_alias(kind, alias, target)
        if faults:
            raise Faults(tables.where.source, faults)
        self.systems |= tables.entries("systems")
        self.grids |= tables.entries("grids")

    def _take_alias(self, kind: str, alias: str, target: Given) -> list[Fault]:
        path = f"aliases.{kind}.{alias}"
        if kind not in self.kinds:
            return [Fault(target.where, path, unknown("kind", kind, self.kinds))]
        if "/" in alias:
            return [Fault(target.where, path, "an alias must have no `/`: that is how components are named in full")]
        try:
            self.aliases[kind, alias] = self.find(kind, str(target.value)).name
        except Mistake as error:
            return [Fault(target.where, path, str(error))]
        return []

    # --------------------------------------------------------------------------------------------------------- asking

    def of_kind(self, kind: str) -> list[Component]:
        """The components of a kind, by name."""
        return sorted((c for c in self.components.values() if c.kind == kind), key=lambda component: component.name)

    def find(self, kind: str, name: str) -> Component:
        """The component that a full or bare name or an alias means; raises `Mistake` with what is possible."""
        name = self.aliases.get((kind, name), name)
        found = [component for component in self.of_kind(kind) if name in (component.name, component.short)]
        if len(found) > 1:
            raise Mistake(f"`{name}` means several {kind}s: {listed(component.name for component in found)}")
        if not found:
            raise Mistake(self._why_unknown(kind, name))
        return found[0]

    def _why_unknown(self, kind: str, name: str) -> str:
        if ":" in name:
            return f"`{name}` is no component's name; an import path is refused here, since a system is data"
        names = [component.name for component in self.of_kind(kind)]
        kinds = {component.kind for component in self.components.values() if name in (component.name, component.short)}
        if kinds:
            return f"`{name}` is {' and '.join(map(a, sorted(kinds)))}, but {a(kind)} is wanted: {listed(names)}"
        return self.plugin_trouble(name, names) or unknown(
            kind, name, [*names, *(alias for of, alias in self.aliases if of == kind)]
        )

    def plugin_trouble(self, name: str, names: Collection[str] = ()) -> str:
        """Why a plugin's name is none: the plugin is not installed (one of `names` may be meant), or not ready."""
        if "/" not in name:
            return ""
        states = {plugin.name: plugin for plugin in self.plugins}
        plugin = states.get(name.partition("/")[0])
        if plugin is None:
            guess = close(name, names) or f"the plugins are {listed(states)}"
            return f"`{name}`: the plugin `{name.partition('/')[0]}` is not installed; {guess}"
        return f"`{name}`: the plugin `{plugin.name}` is {plugin.state}: {plugin.reason}" * (plugin.state != "ready")

    def base(self, kind: str) -> type[Spec]:
        """The spec base of a kind."""
        if kind not in self.kinds:
            raise Mistake(unknown("kind", kind, self.kinds))
        base: type[Spec] = _resolve(self.kinds[kind], f"kind {kind}: its spec base")
        return base

    def component_of(self, spec: Spec | type[Spec]) -> Component:
        """The component whose spec (or spec class) this is; raises `Mistake` for a class that no plugin names."""
        place = _place_of(spec if isinstance(spec, type) else type(spec))
        for component in self.of_kind(spec.kind):
            if component.spec == place:
                return component
        raise Mistake(f"{place} is no component: no plugin's registry.toml names it")

    def space(self, name: str) -> type[Space]:
        """A space's class by name."""
        if name not in self.spaces:
            raise Mistake(unknown("space", name, self.spaces))
        cls: type[Space] = _resolve(self.spaces[name], f"space {name}:")
        return cls

    def space_name(self, cls: type) -> str:
        """The name of a space's class; raises `Mistake` for one that no plugin names."""
        for name, place in self.spaces.items():
            if place == _place_of(cls):
                return name
        raise Mistake(
            f"{_place_of(cls)} is no known space: the table [spaces] of a plugin's registry.toml must name it"
        )

    def is_plugins(self, where: Where) -> bool:
        """Whether this is a place in a plugin's registry, where only full names are written."""
        return any(plugin.tables is not None and plugin.tables.where.source == where.source for plugin in self.plugins)

    def spec(self, kind: str, name: str, /, **values: Any) -> Any:
        """One component's spec, strictly checked: `registry.spec("cell", "standard/lstm", hidden=7)`."""
        from dovetail.config import Loader

        loader = Loader(self, f"{kind} {name}")
        where = Where(f"registry.spec({kind!r}, {name!r})")
        spec = loader.slot(given({"use": name, **values}, where), kind, self.base(kind))
        loader.finish()
        return spec

    def named(self, what: str, name: str) -> tuple[str, Given]:
        """The full name and table of a system or grid (`what` is `"systems"` or `"grids"`)."""
        entries: dict[str, Given] = getattr(self, what)
        found = [name] if name in entries else [full for full in entries if full.rpartition("/")[2] == name]
        if len(found) > 1:
            raise Mistake(f"`{name}` means several {what}: {listed(found)}")
        if not found:
            raise Mistake(self.plugin_trouble(name, entries) or unknown(what[:-1], name, entries))
        return found[0], entries[found[0]]

    def tables(self, name: str, overrides: Mapping[str, Given] | None = None) -> Given:
        """A system's tables with what it extends and the overrides merged in."""
        name, table = self.named("systems", name)
        chain = {name: table}
        while (parent := table.at("extends")) is not None:
            name = str(parent.value)
            try:
                name, table = self.named("systems", name)
                wrong = f"goes in a circle: {' → '.join([*chain, name])}" if name in chain else ""
            except Mistake as error:
                wrong = str(error)
            if wrong:
                raise Faults(f"system {next(iter(chain))}", [Fault(parent.where, "extends", wrong)])
            chain[name] = table
        merged = reduce(merge, (table.without("extends") for table in reversed(chain.values())))
        return put_all(merged, overrides or {})

    def system(
        self, name: str, overrides: Mapping[str, Any] | None = None, runs: Callable[[str], Any] | None = None
    ) -> System:
        """A system, read and checked.

        Args:
            name: of a system of the workspace or of a plugin.
            overrides: values and components by path, like `{"generator.cell": "hacap/sru"}`.
            runs: finds earlier runs, by which a part that comes from one is known.

        Raises:
            Faults: every fault of its text at once.
        """
        from dovetail.systems import load_system

        where = Where("overrides")
        changes = {path: v if isinstance(v, Given) else given(v, where) for path, v in (overrides or {}).items()}
        return load_system(self, name, self.tables(name, changes), runs)


def _shape_faults(tables: Given) -> list[Fault]:
    """What must be a table and is none: every entry, and what stands in `systems`, `grids` and `aliases`."""
    inner = {f"{top}.{name}": entry for top in _WORKSPACE[1:] for name, entry in tables.entries(top).items()}
    entries = {**tables.value, **inner}.items()
    return [
        Fault(entry.where, path, f"must be a table, but is {entry.plain()!r}")
        for path, entry in entries
        if not entry.is_table
    ]


def _is_place(place: Given | None) -> bool:
    return place is not None and isinstance(place.value, str) and ":" in place.value


def _component_faults(entry: Given, path: str) -> list[Fault]:
    if not _is_place(entry.at("spec")):
        return [Fault(entry.where, path, 'must be a table with `spec = "package.module:Class"`')]
    faults = []
    for key, value in entry.value.items():
        if key not in _COMPONENT:
            faults.append(unknown_key(value.where, f"{path}.{key}", key, _COMPONENT))
        elif type(value.value) is not _COMPONENT[key]:
            rule = "an integer" if _COMPONENT[key] is int else "a string"
            faults.append(Fault(value.where, f"{path}.{key}", f"must be {rule}, but is {value.plain()!r}"))
    return faults


def find_workspace(start: Path | None = None) -> Path | None:
    """The nearest registry.toml in a folder or above it that is no plugin's own."""
    start = (start or Path.cwd()).resolve()
    files = (folder / "registry.toml" for folder in (start, *start.parents))
    return next((file for file in files if file.is_file() and "plugin" not in read(file).value), None)


def registry(workspace: Path | str | None = None, disable: Collection[str] = ()) -> Registry:
    """The plugins that are installed and the workspace's registry.toml: the one given, or the nearest.

    Args:
        workspace: a registry.toml; None takes the nearest one in the current folder or above it.
        disable: plugins to leave out, beside those that the workspace switches off.

    Raises:
        Mistake: the workspace's registry is wrong. A plugin that is wrong is listed as such and raises nothing.
    """
    file = Path(workspace) if workspace is not None else find_workspace()
    tables = read(file) if file is not None else given({}, Where("no workspace"))
    off = tables.at("plugins.disable")
    names = off.plain() if off is not None else []
    if off is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Faults(str(file), [Fault(off.where, "plugins.disable", "must be a list of plugins' names")])
    result = Registry(find_plugins({*disable, *names}), file)
    result.take_workspace(tables)
    return result
