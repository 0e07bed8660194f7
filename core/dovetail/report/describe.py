"""What a spec takes, field by field, in words: for `dovetail show` and the catalogue. The source has the docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from dovetail.config import default_of, hints, is_optional, slot_base, spell
from dovetail.interfaces import Spec
from dovetail.registries import NONE, Component, Registry


@frozen
class FieldDoc:
    """One field. `default` is empty where it must be given; `range` and `doc` are empty where there is none."""

    name: str
    type: str
    default: str
    range: str
    doc: str


def describe(component: Component, registry: Registry | None = None) -> list[FieldDoc]:
    """The hyperparameters of a component, in the order of writing.

    Args:
        component: its spec class is imported.
        registry: names the components that are defaults of slots; their classes are named without it.
    """
    return describe_fields(component.load(), registry)


def describe_fields(cls: type, registry: Registry | None = None) -> list[FieldDoc]:
    """The fields of a spec class, or of any attrs class that is written like one."""
    docs = docstrings(cls)
    return [
        FieldDoc(
            attribute.name,
            spell(hints(cls)[attribute.name]),
            _default(attribute, hints(cls)[attribute.name], registry),
            _range(attribute),
            docs.get(attribute.name, ""),
        )
        for attribute in attrs.fields(cls)
    ]


def docstrings(cls: type) -> dict[str, str]:
    """The docstring under each field, in the class or in one that it derives from, as one line."""
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        try:
            source = textwrap.dedent(inspect.getsource(owner))
        except (OSError, TypeError):  # built in, or made where there is no file
            continue
        definition = ast.parse(source).body[0]
        assert isinstance(definition, ast.ClassDef), "the source of a class is its definition"
        for field, text in pairwise(definition.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = " ".join(words.split())
    return found


def _range(attribute: Any) -> str:
    validators = getattr(attribute.validator, "_validators", (attribute.validator,))
    return " and ".join(validator.interval for validator in validators if hasattr(validator, "interval"))


def _default(attribute: Any, hint: Any, registry: Registry | None) -> str:
    value = default_of(attribute)
    if value is attrs.NOTHING:
        return ""
    if value is None:
        return f'"{NONE}"' if slot_base(hint) and is_optional(hint) else "none"
    return in_toml(value, registry)


def in_toml(value: Any, registry: Registry | None = None) -> str:
    """A value as TOML has it; a spec as its component's name, or as a table of what is not at its default."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | Path):
        return f'"{NONE if value is None else value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(in_toml(item, registry) for item in value)}]"
    if isinstance(value, Mapping):
        return _table({key: in_toml(item, registry) for key, item in value.items()})
    if isinstance(value, Spec):
        name = f'"{registry.component_of(value).name if registry else type(value).__name__}"'
        given = {
            attribute.name: in_toml(getattr(value, attribute.name), registry)
            for attribute in attrs.fields(type(value))
            if getattr(value, attribute.name) != default_of(attribute)
        }
        return _table({"use": name, **given}) if given else name
    return repr(value)


def _table(items: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{key} = {item}' for key, item in items.items())} }}" if items else "{}"
