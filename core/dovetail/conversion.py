"""Specs and spaces as plain data, for files: full names, canonical values, nothing that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import cattrs

from dovetail.config import FromRun, Share
from dovetail.interfaces import Spec
from dovetail.registries import NONE, Registry
from dovetail.spaces import Space


def spec_converter(registry: Registry, identity: bool = False) -> cattrs.Converter:
    """A converter that writes specs as tables with `use`.

    Args:
        registry: names the components.
        identity: leave out what does not change results: fields marked `identity=False`, and fields marked `added=True` that
            have their default.
    """
    converter = cattrs.Converter(unstruct_collection_overrides={Mapping: dict})

    def fields_of(value: Any) -> dict[str, Any]:
        kept = [a for a in attrs.fields(type(value)) if not (identity and _left_out(a, getattr(value, a.name)))]
        table = {attribute.name: converter.unstructure(getattr(value, attribute.name)) for attribute in kept}
        return {key: NONE if item is None and _is_slot(type(value), key) else item for key, item in table.items()}

    def spec(value: Spec) -> dict[str, Any]:
        named = {} if value.kind == "stage" else {"use": registry.component_of(value).name}
        return {**named, **{key: item for key, item in fields_of(value).items() if item is not None}}

    def settings(value: Any) -> dict[str, Any]:
        return {key: item for key, item in fields_of(value).items() if item is not None}

    def from_run(value: FromRun) -> dict[str, Any]:
        known = {"identity": value.identity} if identity else {"from_run": value.run}
        return {**known, "part": value.part, "frozen": value.frozen}

    converter.register_unstructure_hook_func(
        lambda cls: attrs.has(cls) and not issubclass(cls, Spec | Share | FromRun), settings
    )
    converter.register_unstructure_hook_func(lambda cls: isinstance(cls, type) and issubclass(cls, Spec), spec)
    converter.register_unstructure_hook(Share, lambda value: {"share": value.path})
    converter.register_unstructure_hook(FromRun, from_run)
    converter.register_unstructure_hook_func(
        lambda cls: isinstance(cls, type) and issubclass(cls, Mapping),
        lambda value: {key: NONE if item is None else converter.unstructure(item) for key, item in value.items()},
    )
    converter.register_unstructure_hook_func(
        lambda cls: isinstance(cls, type) and issubclass(cls, Path), lambda value: str(value.absolute())
    )
    return converter


def _left_out(attribute: Any, value: Any) -> bool:
    from dovetail.config import default_of

    if not attribute.metadata.get("identity", True):
        return True
    return bool(attribute.metadata.get("added")) and value == default_of(attribute)


def _is_slot(cls: type, name: str) -> bool:
    from dovetail.config import hints, slot_base

    return slot_base(hints(cls)[name]) is not None


def space_converter(registry: Registry) -> cattrs.Converter:
    """A converter of spaces to `{"space": name, …}` and back."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    names = {place: name for name, place in registry.spaces.items()}

    def write(space: Space) -> dict[str, Any]:
        cls = type(space)
        fields = {a.name: converter.unstructure(getattr(space, a.name)) for a in attrs.fields(cls)}  # type: ignore[arg-type]
        return {"space": names[f"{cls.__module__}:{cls.__qualname__}"], **fields}

    def read(data: Any, _: Any) -> Space:
        cls = registry.space(data["space"])
        hints = attrs.fields_dict(attrs.resolve_types(cls))
        return cls(
            **{key: converter.structure(value, hints[key].type) for key, value in data.items() if key != "space"}
        )  # type: ignore[no-any-return]

    def is_space(cls: Any) -> bool:
        return isinstance(cls, type) and issubclass(cls, Space)

    converter.register_unstructure_hook_func(is_space, write)
    converter.register_structure_hook_func(is_space, read)
    return converter
