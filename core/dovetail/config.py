"""The strict loader: from tables to specs, gathering every fault with its place, path, rule and what is possible."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from inspect import isclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import define, field, frozen

from dovetail.errors import Fault, Faults, Mistake, Where, close, listed
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import Spec
from dovetail.registries import NONE, Registry
from dovetail.tables import REFERENCES, Given, merge

BAD: Any = object()
"""What a value becomes whose fault has been noted."""


@frozen
class Share:
    """A slot that is the same object as another slot of the system, named by its path."""

    path: str


@frozen
class FromRun:
    """A slot filled by a part of an earlier run. `identity` is that run's, by which it is known."""

    run: str
    part: str
    frozen: bool = True
    identity: str = ""


@frozen
class Swap:
    """What replacing a component kept of the old one's values, dropped, and left at a default."""

    path: str
    old: str
    new: str
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    defaulted: tuple[str, ...]

    def __str__(self) -> str:
        parts = ((self.kept, "kept"), (self.dropped, "dropped"), (self.defaulted, "at its default"))
        what = "; ".join(f"{word} {', '.join(names)}" for names, word in parts if names)
        return f"{self.path}: {self.old} → {self.new}" + (f": {what}" if what else "")


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
    origin = get_origin(hint)
    if base := slot_base(hint):
        others = [spell(option) for option in alternatives(hint) if option is not base and option is not type(None)]
        return " or ".join([*others, f"a {base.kind}"]) + (f" or {NONE}" if is_optional(hint) else "")
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(hint))
    if origin is tuple:
        return f"a list, each {spell(get_args(hint)[0])}"
    if origin is not None and isclass(origin) and issubclass(origin, Mapping):
        return f"a table, each {spell(get_args(hint)[1])}"
    if len(alternatives(hint)) > 1:
        return " or ".join(spell(option) for option in alternatives(hint) if option is not type(None))
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a string", Path: "a path"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


@define
class Loader:
    """Reads specs from tables, and gathers `faults` and `swaps` on the way. `runs` finds earlier runs by name."""

    registry: Registry
    subject: str
    runs: Callable[[str], Any] | None = None
    faults: list[Fault] = field(factory=list)
    swaps: list[Swap] = field(factory=list)
    shares: list[tuple[str, Share, Given, type[Spec]]] = field(factory=list)
    slots: dict[str, Any] = field(factory=dict)

    def finish(self, not_checked: str = "") -> None:
        """Raise the faults, if there are any."""
        if self.faults:
            raise Faults(self.subject, self.faults, not_checked)

    def fault(self, where: Where, path: str, message: str, possible: str = "") -> Any:
        self.faults.append(Fault(where, path, message, possible))
        return BAD

    # --------------------------------------------------------------------------------------------------- slots

    def slot(self, given: Given, path: str, base: type[Spec], optional: bool = False, default: Any = None) -> Any:
        """What fills a slot: a spec, a `Share`, a `FromRun`, or None for `core/none`."""
        value = self._slot(given, path, base, optional, default)
        self.slots[path] = value
        return value

    def _slot(self, given: Given, path: str, base: type[Spec], optional: bool, default: Any) -> Any:
        if not given.is_table and not isinstance(given.value, str):
            rule = f"must be the name of a {base.kind} or a table, but is {given.plain()!r}"
            return self.fault(given.where, path, rule)
        keys = [key for key in REFERENCES if given.is_table and key in given.value]
        if len(keys) > 1:
            return self.fault(
                given.where, path, f"must have one of {', '.join(REFERENCES)}, but has {' and '.join(keys)}"
            )
        if keys == ["share"]:
            return self._share(given, path, base)
        if keys == ["from_run"]:
            return self._from_run(given, path)
        cls, values = self._resolve(given, path, base, optional, default, report=True)
        return self.fill(cls, values, given, path, default) if isinstance(cls, type) else cls

    def _resolve(
        self, given: Given, path: str, base: type[Spec], optional: bool, default: Any, report: bool
    ) -> tuple[Any, dict[str, Given]]:
        """The spec class that a slot's table means, and the values given for it, those kept from `previous` included.

        The class is None for `core/none` and BAD where there is a fault (noted only if `report`).
        """
        values = {k: v for k, v in given.value.items() if k != "use"} if given.is_table else {}
        name = given.value.get("use") if given.is_table else given
        if name is None:
            if isinstance(default, Spec):
                return type(default), values
            note = "a table here needs `use`, the name of a component"
            return (self.fault(given.where, path, note, self.possible(base)) if report else BAD), values
        if name.value == NONE:
            return (self._none(values, name, path, base, optional) if report else None), {}
        cls = self._component(name, path, base) if report else self._silently(name, base)
        if cls is BAD or given.previous is None:
            return cls, values
        kept = self._keep(cls, values, given.previous, path, base, default, str(name.value) if report else "")
        return cls, kept

    def _none(self, values: dict[str, Given], name: Given, path: str, base: type[Spec], optional: bool) -> Any:
        if not optional:
            return self.fault(
                name.where, path, f"{NONE} is refused here: this {base.kind} is needed", self.possible(base)
            )
        for key, value in values.items():
            self.fault(value.where, f"{path}.{key}", f"{NONE} takes no parameters, but `{key}` is given")
        return BAD if values else None

    def _component(self, name: Given, path: str, base: type[Spec]) -> Any:
        try:
            component = self.registry.find(base.kind, str(name.value))
            cls = component.load()
        except Mistake as error:
            return self.fault(name.where, path, str(error))
        if not (isclass(cls) and issubclass(cls, Spec) and cls.kind == base.kind):
            return self.fault(name.where, path, f"the spec of {component} is no {base.__name__}")
        return cls

    def _silently(self, name: Given, base: type[Spec]) -> Any:
        try:
            return self.registry.find(base.kind, str(name.value)).load()
        except Mistake:
            return BAD

    def _keep(
        self,
        cls: type[Spec],
        values: dict[str, Given],
        previous: Given,
        path: str,
        base: type[Spec],
        default: Any,
        new: str,
    ) -> dict[str, Given]:
        if any(key in previous.value for key in ("share", "from_run")) and previous.is_table:
            return values
        old, old_values = self._resolve(previous, path, base, True, default, report=False)
        if old in (None, BAD):
            return values
        ours, theirs = hints(cls), hints(old)
        same = {k: v for k, v in old_values.items() if k in ours and k in theirs and ours[k] == theirs[k]}
        kept = {key: value for key, value in same.items() if key not in values}
        inside = {
            k: merge(same[k], v) for k, v in values.items() if k in same and v.is_table and not v.names_a_component
        }
        if new and cls is not old:
            dropped = tuple(key for key in old_values if key not in same and key not in values)
            defaulted = tuple(key for key in ours if key not in values and key not in kept)
            self.swaps.append(Swap(path, self._name(old), self._name(cls), tuple(kept), dropped, defaulted))
        return {**kept, **values, **inside}

    def _name(self, cls: type[Spec]) -> str:
        place = f"{cls.__module__}:{cls.__qualname__}"
        return next((c.name for c in self.registry.components.values() if c.spec == place), cls.__name__)

    def possible(self, base: type[Spec]) -> str:
        return f"the {base.kind}s are {listed(component.name for component in self.registry.of_kind(base.kind))}"

    def fill(self, cls: type[Spec], values: dict[str, Given], given: Given, path: str, default: Any) -> Any:
        """An instance of a spec class from its fields' values, over the default's values where nothing names a component."""
        known = {attribute.name: attribute for attribute in attrs.fields(cls)}  # type: ignore[arg-type]
        start = default if isinstance(default, cls) and not (given.is_table and "use" in given.value) else None
        filled: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                self.unknown(value, f"{path}.{key}", key, known)
        for name, attribute in known.items():
            before = getattr(start, name) if start is not None else default_of(attribute)
            inner = f"{path}.{name}"
            if name in values:
                filled[name] = self.value(values[name], inner, hints(cls)[name], before)
                if not self._holds(attribute, filled[name], values[name], inner):
                    filled[name] = BAD
            elif before is attrs.NOTHING:
                filled[name] = self.fault(given.where, inner, f"is missing; it must be {spell(hints(cls)[name])}")
            else:
                filled[name] = before
                self._note_defaults(before, inner)
        if any(value is BAD for value in filled.values()) or set(values) - set(known):
            return BAD
        try:
            return cls(**filled)
        except ValueError as error:
            return self.fault(given.where, path, str(error))

    def _note_defaults(self, value: Any, path: str) -> None:
        """Slots that are filled by a default are slots all the same."""
        if isinstance(value, Spec):
            self.slots[path] = value
            for attribute in attrs.fields(type(value)):  # type: ignore[arg-type]
                self._note_defaults(getattr(value, attribute.name), f"{path}.{attribute.name}")

    def _holds(self, attribute: Any, value: Any, given: Given, path: str) -> bool:
        """Whether a value passes its field's validators; each that it fails is a fault."""
        if attribute.validator is None or value is BAD:
            return True
        before = len(self.faults)
        for validator in getattr(attribute.validator, "_validators", (attribute.validator,)):
            try:
                validator(None, attribute, value)
            except (ValueError, TypeError) as error:
                self.fault(given.where, path, str(error))
        return len(self.faults) == before

    def unknown(self, given: Given, path: str, key: str, known: Iterable[str]) -> Any:
        """A key that is not among those known."""
        known = [*known]
        guess = close(key, known)
        return self.fault(
            given.where, path, f"unknown key{f'; {guess}' if guess else ''}", f"the keys are {', '.join(known)}"
        )

    # ---------------------------------------------------------------------------------------------- references

    def _share(self, given: Given, path: str, base: type[Spec]) -> Any:
        target = given.value["share"]
        for key, value in given.value.items():
            if key != "share":
                self.fault(value.where, f"{path}.{key}", "a shared slot takes no parameters")
        if not isinstance(target.value, str):
            return self.fault(target.where, f"{path}.share", f"must be the path of a slot, but is {target.plain()!r}")
        share = Share(target.value)
        self.shares.append((path, share, given, base))
        return share

    def check_shares(self) -> None:
        """Check that every share names a slot of its kind that is itself no share. Call it when all slots are read."""
        for path, share, given, base in self.shares:
            target = self.slots.get(share.path, BAD)
            if share.path not in self.slots:
                guess = close(share.path, self.slots)
                self.fault(
                    given.where,
                    path,
                    f"there is no slot `{share.path}`; {guess or f'the slots are {listed(self.slots)}'}",
                )
            elif isinstance(target, Share):
                self.fault(given.where, path, f"`{share.path}` is itself a share; share `{target.path}` instead")
            elif isinstance(target, Spec) and target.kind != base.kind:
                self.fault(given.where, path, f"`{share.path}` is a {target.kind}, and a {base.kind} is wanted")
            elif target is None:
                self.fault(given.where, path, f"`{share.path}` is empty ({NONE})")

    def _from_run(self, given: Given, path: str) -> Any:
        wanted: dict[str, tuple[Any, Any]] = {
            "from_run": (str, attrs.NOTHING), "part": (str, attrs.NOTHING), "frozen": (bool, True),
        }  # fmt: skip
        values = {}
        for key, value in given.value.items():
            if key not in wanted:
                self.unknown(value, f"{path}.{key}", key, wanted)
            else:
                values[key] = self.value(value, f"{path}.{key}", wanted[key][0], None)
        if "part" not in values:
            return self.fault(given.where, f"{path}.part", "is missing; it must be the path of a part of that run")
        if BAD in values.values() or set(given.value) - set(wanted):
            return BAD
        if self.runs is None:
            return FromRun(values["from_run"], values["part"], values.get("frozen", True))
        try:
            identity = self.runs(values["from_run"]).identity
        except Mistake as error:
            return self.fault(given.value["from_run"].where, path, str(error))
        return FromRun(values["from_run"], values["part"], values.get("frozen", True), identity)

    # -------------------------------------------------------------------------------------------------- values

    def value(self, given: Given, path: str, hint: Any, default: Any) -> Any:
        """A value of the type `hint`, strictly: no number from a string, no integer from 7.9 or true."""
        base = slot_base(hint)
        if base is not None and (given.is_table or isinstance(given.value, str)):
            return self.slot(given, path, base, is_optional(hint), default)
        for option in alternatives(hint):
            converted = self._plain(given, path, option, default)
            if converted is not attrs.NOTHING:
                return converted
        return self.fault(given.where, path, f"must be {spell(hint)}, but is {given.plain()!r}")

    def _plain(self, given: Given, path: str, hint: Any, default: Any) -> Any:
        """The value as `hint`, or NOTHING where it is of another type."""
        origin, value = get_origin(hint), given.value
        if origin is Literal:
            if value in get_args(hint) and isinstance(value, type(get_args(hint)[0])):
                return value
            choices = [str(choice) for choice in get_args(hint)]
            guess = close(value, choices) if isinstance(value, str) else ""
            return self.fault(given.where, path, f"must be {spell(hint)}, but is {given.plain()!r}", guess)
        if origin is tuple and isinstance(value, list):
            return self._tuple(value, given, path, get_args(hint), default)
        if isclass(origin) and issubclass(origin, Mapping) and isinstance(value, dict):
            items = {key: self.value(item, f"{path}.{key}", get_args(hint)[1], None) for key, item in value.items()}
            return BAD if BAD in items.values() else FrozenDict(items)
        if hint is Path and isinstance(value, str):
            file = given.folder / Path(value).expanduser()
            return file if file.exists() else self.fault(given.where, path, f"there is no file or folder `{file}`")
        if hint is float and type(value) in (int, float):
            return float(value)
        return value if type(value) is hint and hint in (int, bool, str) else attrs.NOTHING

    def _tuple(self, items: list[Given], given: Given, path: str, options: tuple[Any, ...], default: Any) -> Any:
        if options[-1] is Ellipsis:
            options = options[:1] * len(items)
        if len(options) != len(items):
            return self.fault(given.where, path, f"must have {len(options)} elements, but has {len(items)}")
        values = [
            self.value(item, f"{path}.{i}", option, None)
            for i, (item, option) in enumerate(zip(items, options, strict=True))
        ]
        return BAD if any(value is BAD for value in values) else tuple(values)
