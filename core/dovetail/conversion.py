"""Specs and spaces as plain data, for files: full names, canonical values, nothing that runs code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import attrs
import cattrs

from dovetail.config import FromRun, Share, default_of, hints, slot_base
from dovetail.errors import Mistake
from dovetail.interfaces import Spec
from dovetail.registries import NONE, Registry
from dovetail.spaces import Space


@lru_cache(maxsize=4)
def spec_converter(registry: Registry, identity: bool = False) -> cattrs.Converter:
    """A converter that writes specs as tables with `use`.

    Args:
        registry: names the components.
        identity: write what decides results. A field whose metadata say `identity=False`, and one that says
            `added=True` and has its default, is left out; a function as `identity` gives, from the spec, what counts
            instead of the value; any other path counts by its content, and an earlier run by its identity.
    """
    converter = cattrs.Converter()

    def table(value: Any) -> dict[str, Any]:
        cls: type = type(value)
        use = {"use": registry.component_of(value).name} if isinstance(value, Spec) else {}
        written = {}
        for field in attrs.fields(cls):
            item, counts = getattr(value, field.name), field.metadata.get("identity", True)
            as_before = field.metadata.get("added", False) and item == default_of(field)
            if not identity or not (counts is False or as_before):
                item = counts(value) if identity and callable(counts) else item
                is_slot = slot_base(hints(cls)[field.name]) is not None
                written[field.name] = NONE if item is None and is_slot else converter.unstructure(item)
        return use | {name: item for name, item in written.items() if item is not None}

    def from_run(value: FromRun) -> dict[str, Any]:
        if identity and not value.identity:
            raise Mistake(
                f"the run `{value.run}`, of which a part is taken, is not known: read the system with `runs=`"
            )
        known = {"identity": value.identity} if identity else {"from_run": value.run}
        return {**known, "part": value.part, "frozen": value.frozen}

    def mapping(value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: NONE if item is None else converter.unstructure(item) for name, item in value.items()}

    def path(value: Path) -> str:
        return content(value) if identity else str(value.absolute())

    converter.register_unstructure_hook_func(attrs.has, table)
    converter.register_unstructure_hook(Share, lambda value: {"share": value.path})
    converter.register_unstructure_hook(FromRun, from_run)
    converter.register_unstructure_hook(Path, path)
    converter.register_unstructure_hook_func(lambda cls: issubclass(cls, Mapping), mapping)
    return converter


def content(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names; raises `Mistake` where it cannot be read."""
    try:
        if not path.is_dir():
            return _digest(path, path.stat().st_mtime_ns)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = [f"{file.relative_to(path)} {_digest(file, file.stat().st_mtime_ns)}" for file in files]
    except OSError as error:
        raise Mistake(f"{path}: cannot be read: {error.strerror}") from error
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def _digest(file: Path, changed: int) -> str:  # noqa: ARG001 (the time of its last change, after which it is read anew)
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def space_converter(registry: Registry) -> cattrs.Converter:
    """A converter of spaces to `{"space": name, …}` and back."""
    converter = cattrs.Converter()

    def write(space: Space) -> dict[str, Any]:
        cls: type = type(space)
        fields = {field.name: converter.unstructure(getattr(space, field.name)) for field in attrs.fields(cls)}
        return {"space": registry.space_name(cls), **fields}

    def read(data: Any, _: Any) -> Space:
        cls = registry.space(data["space"])
        types = hints(cls)
        return cls(**{name: converter.structure(value, types[name]) for name, value in data.items() if name != "space"})

    def is_space(cls: Any) -> bool:
        return isinstance(cls, type) and issubclass(cls, Space)

    converter.register_unstructure_hook_func(is_space, write)
    converter.register_structure_hook_func(is_space, read)
    return converter
