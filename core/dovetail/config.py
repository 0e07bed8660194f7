"""The strict loader: from tables to specs, gathering every fault with its place, path, rule and what is possible."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from inspect import isclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import define, field, frozen

from dovetail.errors import Fault, Faults, Mistake, Where, a, close, listed, unknown, unknown_key
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import Spec
from dovetail.registries import NONE, Registry
from dovetail.tables import REFERENCES, Given, merge
from dovetail.tables import given as as_given


class _Bad:
    pass


BAD: Any = _Bad()
"""What a value becomes whose fault has been noted."""


@frozen
class Share:
    """A slot that is the same object as another slot of the system, named by its path."""

    path: str


@frozen
class FromRun:
    """A slot of a kind, filled by a part of an earlier run. `identity` is that run's, by which it is known."""

    run: str
    part: str
    frozen: bool = True
    identity: str = ""
    kind: str = field(default="", eq=False)


@frozen
class _FromRunTable:
    """A `FromRun` as it is written."""

    from_run: str
    part: str
    frozen: bool = True


@frozen
class Swap:
    """What replacing a component kept of the old one's values, dropped, and left at a default; in which `stage`."""

    path: str
    old: str
    new: str
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    defaulted: tuple[str, ...]
    stage: str = ""

    def __str__(self) -> str:
        parts = ((self.kept, "kept"), (self.dropped, "dropped"), (self.defaulted, "at its default"))
        what = "; ".join(f"{word} {', '.join(names)}" for names, word in parts if names)
        where = f"{self.path} in stage {self.stage}" if self.stage else self.path
        return f"{where}: {self.old} → {self.new}" + (f": {what}" if what else "")


@cache
def hints(cls: type) -> dict[str, Any]:
    """The resolved types of a spec's fields."""
    types_ = get_type_hints(cls)
    return {attribute.name: types_[attribute.name] for attribute in attrs.fields(cls)}


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def slot_base(hint: Any) -> type[Spec] | None:
    """The spec base of a slot's type, or None for what is no slot."""
    return next((option for option in alternatives(hint) if isclass(option) and issubclass(option, Spec)), None)


def is_optional(hint: Any) -> bool:
    return type(None) in alternatives(hint)


def default_of(attribute: Any) -> Any:
    """A field's default; NOTHING where it must be given."""
    default = attribute.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]


def spell(hint: Any) -> str:
    """A field's type in words, as errors and the catalogue show it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if len(alternatives(hint)) > 1:
        options = [spell(option) for option in alternatives(hint) if option is not type(None)]
        return " or ".join([*options, NONE] if slot_base(hint) and is_optional(hint) else options)
    if base := slot_base(hint):
        return a(base.kind)
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in arguments)
    if origin is tuple:
        return f"a list, each {spell(arguments[0])}" if Ellipsis in arguments else f"a list of {len(arguments)}"
    if isclass(origin) and issubclass(origin, Mapping):
        return f"a table, each {spell(arguments[1])}"
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a string", Path: "a path", Given: "any"}
    return names.get(hint, "a table" if isclass(hint) and attrs.has(hint) else str(hint))


def inside(value: Any) -> Iterator[tuple[str, Any]]:
    """What a spec, a tuple or a mapping holds, by the last word of its path."""
    if isinstance(value, Spec):
        yield from ((attribute.name, getattr(value, attribute.name)) for attribute in attrs.fields(type(value)))
    elif isinstance(value, tuple):
        yield from ((str(index), item) for index, item in enumerate(value))
    elif isinstance(value, Mapping):
        yield from value.items()


@frozen
class _Slot:
    """A slot that is being filled: its path, what it takes, and the default that a table without a name changes."""

    path: str
    base: type[Spec]
    optional: bool = False
    default: Any = None


@define
class Loader:
    """Reads specs from tables, and gathers `faults` and `swaps` on the way.

    `runs` finds earlier runs by name. `files` says whether a file that is named must be there. `versions` are those of
    the components, by kind and full name, when the tables were written; the present ones where they are absent.
    """

    registry: Registry
    subject: str
    runs: Callable[[str], Any] | None = None
    files: bool = True
    versions: Mapping[str, int] = FrozenDict()
    faults: list[Fault] = field(factory=list)
    swaps: list[Swap] = field(factory=list)
    shares: list[tuple[_Slot, Share, Given]] = field(factory=list)
    slots: dict[str, Any] = field(factory=dict)

    def finish(self, not_checked: str = "") -> None:
        """Raise the faults, if there are any."""
        if self.faults:
            raise Faults(self.subject, self.faults, not_checked)

    def fault(self, where: Where, path: str, message: str, possible: str = "") -> Any:
        self.faults.append(Fault(where, path, message, possible))
        return BAD

    def unknown(self, given: Given, path: str, key: str, known: Iterable[str]) -> Any:
        """A key that is not among those known."""
        self.faults.append(unknown_key(given.where, path, key, known))
        return BAD

    # ---------------------------------------------------------------------------------------------------------- slots

    def slot(self, given: Given, path: str, base: type[Spec], optional: bool = False, default: Any = None) -> Any:
        """What fills a slot: a spec, a `Share`, a `FromRun`, or None for `core/none`."""
        self.slots[path] = filled = self._slot(given, _Slot(path, base, optional, default))
        return filled

    def _slot(self, given: Given, slot: _Slot) -> Any:
        if not given.is_table and not isinstance(given.value, str):
            rule = f"must be the name of {a(slot.base.kind)} or a table, but is {given.plain()!r}"
            return self.fault(given.where, slot.path, rule)
        keys = [key for key in REFERENCES if given.is_table and key in given.value]
        if len(keys) > 1:
            rule = f"must have one of {', '.join(REFERENCES)}, but has {' and '.join(keys)}"
            return self.fault(given.where, slot.path, rule)
        if keys == ["share"]:
            return self._share(given, slot)
        if keys == ["from_run"]:
            return self._from_run(given, slot)
        cls, values = self._resolve(given, slot)
        return cls if cls in (None, BAD) else self._fill_slot(cls, values, given, slot)

    def _resolve(self, given: Given, slot: _Slot) -> tuple[Any, dict[str, Given]]:
        """The spec class that a slot's table means, None for `core/none`, BAD for a fault; and the values for it.

        Those kept of what stood there before are among them.
        """
        values = given.without("use").value if given.is_table else {}
        name = given.value.get("use") if given.is_table else given
        if name is None and isinstance(slot.default, Spec):
            return type(slot.default), values
        if name is None:
            note = "a table here needs `use`, the name of a component"
            return self.fault(given.where, slot.path, note, self.possible(slot.base)), {}
        if name.value == NONE:
            return self._none(values, name, slot), {}
        cls = self._component(name, slot)
        if cls is BAD or given.previous is None:
            return cls, values
        return cls, self._keep(cls, values, given.previous, slot)

    def _fill_slot(self, cls: type[Spec], values: dict[str, Given], given: Given, slot: _Slot) -> Any:
        """The spec; where `versions` says that another version wrote the values, a fault names both."""
        if not self.versions:
            return self.fill(cls, values, given, slot.path, slot.default)
        component = self.registry.component_of(cls)
        version = self.versions.get(str(component), component.version)
        versions = f"version {version} of {component} wrote this, and {component.version} is installed"
        if version < component.version:
            migrated, wrong = _migrate(cls, values, version)
            if wrong:
                return self.fault(given.where, slot.path, f"{versions}: {wrong}")
            values = as_given(migrated, given.where, given.folder).value
        filled = self.fill(cls, values, given, slot.path)
        if filled is BAD and version < component.version:
            self.fault(
                given.where, slot.path, versions, f"`{cls.__name__}.migrate` can make the older values the newer"
            )
        elif filled is BAD and version > component.version:
            self.fault(given.where, slot.path, f"{versions}: install the newer one of the plugin {component.plugin}")
        return filled

    def _none(self, values: dict[str, Given], name: Given, slot: _Slot) -> Any:
        if not slot.optional:
            rule = f"{NONE} is refused here: this {slot.base.kind} is needed"
            return self.fault(name.where, slot.path, rule, self.possible(slot.base))
        for key, value in values.items():
            self.fault(value.where, f"{slot.path}.{key}", f"{NONE} takes no parameters, but `{key}` is given")
        return BAD if values else None

    def _component(self, name: Given, slot: _Slot) -> Any:
        try:
            component = self.registry.find(slot.base.kind, str(name.value))
            cls = component.load()
        except Mistake as error:
            return self.fault(name.where, slot.path, str(error))
        if component.name != name.value and self.registry.is_plugins(name.where):
            rule = f"a plugin's registry names components in full: `{component.name}`, not `{name.value}`"
            return self.fault(name.where, slot.path, rule)
        if not issubclass(cls, slot.base):
            return self.fault(name.where, slot.path, f"the spec of {component} is no {slot.base.__name__}")
        return cls

    def _keep(self, cls: type[Spec], values: dict[str, Given], previous: Given, slot: _Slot) -> dict[str, Given]:
        """The values with those of the component before whose name and type the new one declares too."""
        faults, swaps = len(self.faults), len(self.swaps)
        old, before = self._resolve(previous, slot)
        del self.faults[faults:], self.swaps[swaps:]  # what was wrong with it is gone with it
        if old in (None, BAD) or {"share", "from_run"} & before.keys():
            return values
        ours, theirs = hints(cls), hints(old)
        same = {key: value for key, value in before.items() if key in ours and ours[key] == theirs.get(key)}
        if cls is not old:
            kept = tuple(key for key in same if key not in values)
            dropped = tuple(key for key in before if key not in same and key not in values)
            defaulted = tuple(key for key in ours if key not in values and key not in same)
            names = (self.registry.component_of(old).name, self.registry.component_of(cls).name)
            self.swaps.append(Swap(slot.path, *names, kept, dropped, defaulted))
        return same | {key: merge(same.get(key), value) for key, value in values.items()}

    def possible(self, base: type[Spec]) -> str:
        return f"the {base.kind}s are {listed(component.name for component in self.registry.of_kind(base.kind))}"

    def fill(self, cls: type, values: dict[str, Given], given: Given, path: str, default: Any = None) -> Any:
        """An instance of an attrs class from its fields' values, over `default`'s where nothing names a component."""
        start = default if isinstance(default, cls) and not given.names_a_component else None
        known = {attribute.name: attribute for attribute in attrs.fields(cls)}
        before, filled = len(self.faults), {}
        for key, value in values.items():
            if key not in known:
                self.unknown(value, f"{path}.{key}", key, known)
        for name, attribute in known.items():
            inner, hint = f"{path}.{name}", hints(cls)[name]
            old = getattr(start, name) if start is not None else default_of(attribute)
            if name in values:
                filled[name] = self.value(values[name], inner, hint, old)
                self._validate(attribute, filled[name], values[name], inner)
            elif old is attrs.NOTHING:
                how = f"write `{inner}=…` behind the command" if self.registry.is_plugins(given.where) else ""
                self.fault(given.where, inner, f"is missing; it must be {spell(hint)}", how)
            else:
                filled[name] = old
                self._note_slots(old, inner)
        if len(self.faults) > before:
            return BAD
        try:
            return cls(**filled)
        except ValueError as error:
            return self.fault(given.where, path, str(error))

    def _note_slots(self, value: Any, path: str) -> None:
        """Slots that are filled by a default are slots all the same."""
        if isinstance(value, Spec):
            self.slots[path] = value
        for name, item in inside(value):
            self._note_slots(item, f"{path}.{name}")

    def _validate(self, attribute: Any, value: Any, given: Given, path: str) -> None:
        """Each of a field's validators that a value fails is a fault."""
        for validator in getattr(attribute.validator, "_validators", (attribute.validator,)):
            try:
                if validator is not None and value is not BAD:
                    validator(None, attribute, value)
            except (ValueError, TypeError) as error:
                self.fault(given.where, path, str(error))

    # ----------------------------------------------------------------------------------------------------- references

    def _share(self, given: Given, slot: _Slot) -> Any:
        target = given.value["share"]
        for key, value in given.without("share").value.items():
            self.fault(value.where, f"{slot.path}.{key}", "a shared slot takes no parameters")
        if not isinstance(target.value, str):
            rule = f"must be the path of a slot, but is {target.plain()!r}"
            return self.fault(target.where, f"{slot.path}.share", rule)
        share = Share(target.value)
        self.shares.append((slot, share, given))
        return share

    def check_shares(self) -> None:
        """Check that each share names a slot of its kind that is itself no share. Call it when all slots are read."""
        for slot, share, given in self.shares:
            target = self.slots.get(share.path, BAD)
            kind = getattr(target, "kind", slot.base.kind)
            if share.path not in self.slots:
                self.fault(given.where, slot.path, unknown("slot", share.path, self.slots))
            elif isinstance(target, Share):
                self.fault(given.where, slot.path, f"`{share.path}` is itself a share; share `{target.path}` instead")
            elif target is None:
                self.fault(given.where, slot.path, f"`{share.path}` is empty ({NONE})")
            elif kind != slot.base.kind:
                self.fault(given.where, slot.path, f"`{share.path}` is {a(kind)}, but {a(slot.base.kind)} is wanted")

    def _from_run(self, given: Given, slot: _Slot) -> Any:
        table = self.fill(_FromRunTable, given.value, given, slot.path)
        if table is BAD:
            return BAD
        try:
            identity = self.runs(table.from_run).identity if self.runs is not None else ""
        except Mistake as error:
            return self.fault(given.value["from_run"].where, slot.path, str(error))
        return FromRun(table.from_run, table.part, table.frozen, identity, slot.base.kind)

    # --------------------------------------------------------------------------------------------------------- values

    def value(self, given: Given, path: str, hint: Any, default: Any = None) -> Any:
        """A value of the type `hint`, strictly: no number from a string, no integer from 7.9 or true."""
        base = slot_base(hint)
        if base is not None and (given.is_table or isinstance(given.value, str)):
            return self.slot(given, path, base, is_optional(hint), default)
        choices: list[Any] = []
        for option in alternatives(hint):
            converted = given if option is Given else self._plain(given, path, option)
            if converted is not attrs.NOTHING:
                return converted
            choices += get_args(option) if get_origin(option) is Literal else ()
        guess = close(given.value, map(str, choices)) if isinstance(given.value, str) else ""
        return self.fault(given.where, path, f"must be {spell(hint)}, but is {given.plain()!r}", guess)

    def _plain(self, given: Given, path: str, hint: Any) -> Any:
        """The value as `hint`, or NOTHING where it is of another type."""
        origin, value = get_origin(hint), given.value
        if origin is Literal:
            return next((one for one in get_args(hint) if one == value and type(one) is type(value)), attrs.NOTHING)
        if origin is tuple and isinstance(value, list):
            return self._tuple(value, given, path, get_args(hint))
        if isclass(origin) and issubclass(origin, Mapping) and given.is_table:
            items = {key: self.value(item, f"{path}.{key}", get_args(hint)[1]) for key, item in value.items()}
            return BAD if BAD in items.values() else FrozenDict(items)
        if hint is Path and isinstance(value, str):
            file = given.folder / Path(value).expanduser()
            there = value and (file.exists() or not self.files)
            rule = f"there is no file or folder `{file}`" if value else "must be a path, but is empty"
            return file if there else self.fault(given.where, path, rule)
        if hint is float and type(value) in (int, float):
            return float(value)
        if given.is_table and isclass(hint) and attrs.has(hint):
            value = self.fill(hint, value, given, path)
        return value if type(value) in (hint, _Bad) else attrs.NOTHING

    def _tuple(self, items: list[Given], given: Given, path: str, options: tuple[Any, ...]) -> Any:
        if options[-1] is Ellipsis:
            options = options[:1] * len(items)
        if len(options) != len(items):
            return self.fault(given.where, path, f"must have {len(options)} elements, but has {len(items)}")
        pairs = enumerate(zip(items, options, strict=True))
        values = [self.value(item, f"{path}.{index}", option) for index, (item, option) in pairs]
        return BAD if BAD in values else tuple(values)


def _migrate(cls: type[Spec], values: Mapping[str, Given], version: int) -> tuple[Any, str]:
    """What a spec class makes of an older version's values, or what is wrong with that."""
    try:
        migrated: Any = cls.migrate({key: value.plain() for key, value in values.items()}, version)
    except Mistake as error:
        return None, str(error)
    except Exception as error:  # a stranger's code, shown as its own fault
        return None, f"`{cls.__name__}.migrate` raised {type(error).__name__}: {error}"
    wrong = f"`{cls.__name__}.migrate` must return a table, but returned {migrated!r}"
    return migrated, "" if isinstance(migrated, Mapping) else wrong
