"""The registry: every component, kind, space, system and grid by name, from the plugins and the nearest registry.toml."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, field, frozen

from dovetail.errors import Fault, Faults, Mistake, Where, close, listed
from dovetail.plugins import Behaviour, Plugin, find_plugins
from dovetail.tables import Given, given, merge, put_all, read

if TYPE_CHECKING:
    from dovetail.interfaces import Spec
    from dovetail.systems import System

NONE = "core/none"
"""No part here: the empty value of an optional slot."""

RESERVED = ("plugin", "plugins", "aliases", "kinds", "spaces", "systems", "grids")
_COMPONENT_KEYS = ("spec", "summary", "paper", "version", "deprecated")


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
        try:
            return _resolve(self.spec)
        except Exception as error:
            raise Mistake(
                f"{self}: its spec `{self.spec}` cannot be loaded: {type(error).__name__}: {error}"
            ) from error


def _resolve(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


@define
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
        for plugin in self.plugins:
            if plugin.state == "ready":
                self._take_kinds(plugin)
        for plugin in self.plugins:
            if plugin.state == "ready":
                self._take_components(plugin)
        self.behaviour = Behaviour(self.plugins)

    # ------------------------------------------------------------------------------------------------- filling

    def _take_kinds(self, plugin: Plugin) -> None:
        for table, known in (("kinds", self.kinds), ("spaces", self.spaces)):
            places = plugin.tables.at(table)
            for name, place in (places.value if places else {}).items():
                if name in known:
                    owner = next(other for other in self.plugins if other.tables and other.tables.at(f"{table}.{name}"))
                    plugin.refuse(
                        f"{place.where}: {table[:-1]} `{name}` is defined twice, by {owner.name} ({owner.distribution})"
                        f" and {plugin.name} ({plugin.distribution})"
                    )
                    return
        for table, known in (("kinds", self.kinds), ("spaces", self.spaces)):
            places = plugin.tables.at(table)
            known.update({name: place.value for name, place in (places.value if places else {}).items()})

    def _take_components(self, plugin: Plugin) -> None:
        faults, components = [], []
        for table, entries in plugin.tables.value.items():
            if table in RESERVED:
                continue
            if table not in self.kinds:
                faults.append(_unknown_table(entries, table, self.kinds))
                continue
            for short, entry in entries.value.items() if entries.is_table else ():
                faults += _component_faults(entry, f"{table}.{short}")
                components.append((table, short, entry))
        if faults:
            plugin.refuse(str(Faults(f"its registry {plugin.tables.where.source}", faults)))
            return
        for kind, short, entry in components:
            component = Component(kind=kind, plugin=plugin.name, short=short, **entry.plain())
            self.components[kind, component.name] = component
        for name in ("systems", "grids"):
            entries = plugin.tables.at(name)
            for short, entry in (entries.value if entries else {}).items():
                getattr(self, name)[f"{plugin.name}/{short}"] = entry

    def take_workspace(self, tables: Given) -> None:
        """Add the workspace's aliases, systems and grids; raises `Faults`."""
        faults = []
        for table, entries in tables.value.items():
            if table not in ("plugins", "aliases", "systems", "grids"):
                fault = _unknown_table(entries, table, ("plugins", "aliases", "systems", "grids"))
                faults.append(fault)
            elif not entries.is_table:
                faults.append(Fault(entries.where, table, "must be a table"))
        if not faults:
            aliases = tables.at("aliases")
            for kind, entries in (aliases.value if aliases else {}).items():
                for alias, target in entries.value.items():
                    faults += self._take_alias(kind, alias, target)
            for name in ("systems", "grids"):
                entries = tables.at(name)
                getattr(self, name).update(entries.value if entries else {})
        if faults:
            raise Faults(tables.where.source, faults)

    def _take_alias(self, kind: str, alias: str, target: Given) -> list[Fault]:
        path = f"aliases.{kind}.{alias}"
        if kind not in self.kinds:
            return [Fault(target.where, path, f"there is no kind `{kind}`", close(kind, self.kinds))]
        try:
            component = self.find(kind, str(target.value))
        except Mistake as error:
            return [Fault(target.where, path, str(error))]
        self.aliases[kind, alias] = component.name
        return []

    # ------------------------------------------------------------------------------------------------- asking

    def of_kind(self, kind: str) -> list[Component]:
        """The components of a kind, by name."""
        return sorted((c for c in self.components.values() if c.kind == kind), key=lambda component: component.name)

    def find(self, kind: str, name: str) -> Component:
        """The component that a full or bare name or an alias means; raises `Mistake` with what is possible."""
        name = self.aliases.get((kind, name), name)
        if (component := self.components.get((kind, name))) is not None:
            return component
        bare = [component for component in self.of_kind(kind) if component.short == name]
        if len(bare) == 1:
            return bare[0]
        if bare:
            raise Mistake(f"`{name}` means several {kind}s: {listed(component.name for component in bare)}")
        raise Mistake(self._why_unknown(kind, name))

    def _why_unknown(self, kind: str, name: str) -> str:
        elsewhere = [c for c in self.components.values() if name in (c.name, c.short)]
        if elsewhere:
            kinds = " and ".join(f"{component.kind}" for component in elsewhere)
            return f"`{name}` is of the kind {kinds}, and a {kind} is wanted; the {kind}s are {self._names(kind)}"
        plugin, slash, _ = name.partition("/")
        if slash:
            known = {entry.name: entry for entry in self.plugins}
            if plugin not in known:
                guess = close(name, (c.name for c in self.of_kind(kind)))
                return (
                    f"`{name}`: the plugin `{plugin}` is not installed; {guess or f'the plugins are {listed(known)}'}"
                )
            if known[plugin].state != "ready":
                return f"`{name}`: the plugin `{plugin}` is {known[plugin].state}: {known[plugin].reason}"
        guess = close(name, [c.name for c in self.of_kind(kind)] + [a for k, a in self.aliases if k == kind])
        return f"there is no {kind} `{name}`; {guess or f'the {kind}s are {self._names(kind)}'}"

    def _names(self, kind: str) -> str:
        return listed(component.name for component in self.of_kind(kind))

    def base(self, kind: str) -> type[Spec]:
        """The spec base of a kind."""
        if kind not in self.kinds:
            raise Mistake(f"there is no kind `{kind}`; {close(kind, self.kinds)} The kinds are {listed(self.kinds)}")
        base: type[Spec] = _resolve(self.kinds[kind])
        return base

    def component_of(self, spec: Spec) -> Component:
        """The component whose spec this is; raises `Mistake` for a class that no plugin names."""
        place = f"{type(spec).__module__}:{type(spec).__qualname__}"
        for component in self.components.values():
            if component.kind == spec.kind and component.spec == place:
                return component
        raise Mistake(f"{place} is no component: no plugin's registry.toml names it")

    def space(self, name: str) -> Any:
        """A space's class by name."""
        if name not in self.spaces:
            raise Mistake(f"there is no space `{name}`; the spaces are {listed(self.spaces)}")
        return _resolve(self.spaces[name])

    def spec(self, kind: str, name: str, /, **values: Any) -> Any:
        """One component's spec, strictly checked: `registry.spec("cell", "standard/lstm", hidden=7)`."""
        from dovetail.config import Loader

        where = Where(f"registry.spec({kind!r}, {name!r})")
        loader = Loader(self, f"{kind} {name}")
        spec = loader.slot(given({"use": name, **values}, where), kind, self.base(kind))
        loader.finish()
        return spec

    def named(self, what: str, name: str) -> tuple[str, Given]:
        """The full name and table of a system or grid (`what` is `"systems"` or `"grids"`)."""
        entries: dict[str, Given] = getattr(self, what)
        if name in entries:
            return name, entries[name]
        bare = [full for full in entries if full.rpartition("/")[2] == name]
        if len(bare) == 1:
            return bare[0], entries[bare[0]]
        if bare:
            raise Mistake(f"`{name}` means several {what}: {listed(bare)}")
        guess = close(name, entries)
        raise Mistake(f"there is no {what[:-1]} `{name}`; {guess or f'the {what} are {listed(entries)}'}")

    def tables(self, name: str, overrides: Mapping[str, Given] | None = None) -> Given:
        """A system's tables with what it extends and the overrides merged in."""
        name, table = self.named("systems", name)
        chain = [name]
        while (parent := table.at("extends")) is not None:
            name, above = self.named("systems", str(parent.value))
            if name in chain:
                raise Faults(
                    chain[0], [Fault(parent.where, "extends", f"goes in a circle: {' → '.join([*chain, name])}")]
                )
            chain.append(name)
            rest = Given({k: v for k, v in table.value.items() if k != "extends"}, table.where, table.folder)
            table = merge(above, rest)
        return put_all(table, overrides or {})

    def system(self, name: str, overrides: Mapping[str, Any] | None = None) -> System:
        """A system, read and checked; `overrides` by path, like `{"generator.cell": "hacap/sru"}`.

        Raises:
            Faults: every fault of its text at once.
        """
        from dovetail.systems import load_system

        where = Where("overrides")
        changes = {path: v if isinstance(v, Given) else given(v, where) for path, v in (overrides or {}).items()}
        return load_system(self, name, self.tables(name, changes))


def _unknown_table(entries: Given, table: str, known: Iterable[str]) -> Fault:
    known = [*known]
    return Fault(
        entries.where, table, f"there is no table `{table}`; {close(table, known)}", f"the tables are {listed(known)}"
    )


def _component_faults(entry: Given, path: str) -> list[Fault]:
    if not entry.is_table or not isinstance(entry.plain().get("spec"), str) or ":" not in entry.plain()["spec"]:
        return [Fault(entry.where, path, 'must be a table with `spec = "package.module:Class"`')]
    faults = []
    for key, value in entry.value.items():
        if key not in _COMPONENT_KEYS:
            faults.append(
                Fault(
                    value.where,
                    f"{path}.{key}",
                    f"unknown key; {close(key, _COMPONENT_KEYS)}",
                    f"the keys are {', '.join(_COMPONENT_KEYS)}",
                )
            )
        elif type(value.value) is not (int if key == "version" else str):
            faults.append(
                Fault(
                    value.where,
                    f"{path}.{key}",
                    f"must be {'an integer' if key == 'version' else 'a string'}, but is {value.plain()!r}",
                )
            )
    return faults


def find_workspace(start: Path | None = None) -> Path | None:
    """The nearest registry.toml in a folder or above it that is no plugin's own."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        file = folder / "registry.toml"
        if file.is_file() and "plugin" not in read(file).value:
            return file
    return None


def registry(workspace: Path | str | None = None, disable: Collection[str] = ()) -> Registry:
    """The plugins that are installed and the workspace's registry.toml: the one given, or the nearest.

    Args:
        workspace: a registry.toml; None takes the nearest one in the current folder or above it.
        disable: plugins to leave out, beside those that the workspace switches off.

    Raises:
        Mistake: the workspace's registry is wrong. A plugin that is wrong is listed as such and raises nothing.
    """
    file = Path(workspace) if workspace is not None else find_workspace()
    tables = read(file) if file is not None else None
    switched_off = tables.at("plugins.disable") if tables else None
    result = Registry(find_plugins({*disable, *(switched_off.plain() if switched_off else ())}), file)
    if tables is not None:
        result.take_workspace(tables)
    return result
