"""A grid's axes: paths of the base system and the options that each takes there, or whole systems; read from tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import NOTHING, field, frozen

from dovetail.config import BAD, Loader
from dovetail.errors import Mistake, close, listed, unknown
from dovetail.systems import System
from dovetail.tables import Given

ABSENT = "–"
"""The label of an axis that does not apply to an arm, or that its designs leave as the base has it."""

KEYS = ("path", "options", "values", "systems")
SHAPES = ({"path", "options"}, {"path", "values"}, {"systems"})
"""The keys of an axis's table, and those that stand together."""

Labels = Mapping[str, str]


@frozen
class Axis:
    """A path of the base system and the options that it takes there, by label.

    The path is empty where the options are the names of systems, each of which stands in for the base.
    """

    name: str
    path: str
    options: Mapping[str, Given] = field(eq=False)


def table_of(loader: Loader, given: Given | None, path: str) -> dict[str, Given]:
    """What a table holds; a fault where it is none, and nothing where there is none."""
    if given is not None and not given.is_table:
        loader.fault(given.where, path, f"must be a table, but is {given.plain()!r}")
    found: dict[str, Given] = given.value if given is not None and given.is_table else {}
    return found


def list_of(loader: Loader, given: Given | None, path: str) -> list[Given]:
    """The items of a list; a fault where it is none, and nothing where there is none."""
    if given is not None and not isinstance(given.value, list):
        loader.fault(given.where, path, f"must be a list, but is {given.plain()!r}")
    return given.value if given is not None and isinstance(given.value, list) else []


def read_axes(loader: Loader, given: Given | None) -> dict[str, Axis]:
    """The axes by name. Two axes of one path, and an option that sets what another axis sets, are faults."""
    axes: dict[str, Axis] = {}
    for name, entry in table_of(loader, given, "axes").items():
        axis = _axis(loader, name, entry, f"axes.{name}")
        if axis is None:
            continue
        twin = next((other.name for other in axes.values() if other.path == axis.path), None)
        if twin:
            what = f"the path `{axis.path}`" if axis.path else "whole systems"
            loader.fault(entry.where, f"axes.{name}", f"has {what}, which the axis `{twin}` has already")
        axes[name] = axis
    for axis in axes.values():
        _check_overlap(loader, axis, axes)
    return axes


def _axis(loader: Loader, name: str, entry: Given, path: str) -> Axis | None:
    keys = entry.value if entry.is_table else {}
    for key, value in keys.items():
        if key not in KEYS:
            loader.unknown(value, f"{path}.{key}", key, KEYS)
    if not any({*KEYS} & {*keys} == shape for shape in SHAPES):
        rule = "must be a table with `path` and either `options` or `values`, or with `systems` alone"
        loader.fault(entry.where, path, rule)
        return None
    where = loader.value(keys["path"], f"{path}.path", str) if "path" in keys else ""
    if where == "" and "path" in keys:
        where = loader.fault(keys["path"].where, f"{path}.path", "must be a path, but is empty")
    if "systems" in keys:
        options = _systems(loader, choices := keys["systems"], f"{path}.systems")
    elif "options" in keys:
        options = dict(table_of(loader, choices := entry.value["options"], f"{path}.options"))
    else:
        items = list_of(loader, choices := entry.value["values"], f"{path}.values")
        options = {spell_value(item): item for item in items}
    if not choices.value:
        loader.fault(choices.where, path, "must have at least one option")
    return Axis(name, where, options) if options and where is not BAD else None


def _systems(loader: Loader, given: Given, path: str) -> dict[str, Given]:
    """The names of systems by label; one that is none is a fault."""
    options = table_of(loader, given, path)
    for label, option in options.items():
        if loader.value(option, f"{path}.{label}", str) is not BAD:
            try:
                loader.registry.named("systems", option.value)
            except Mistake as error:
                loader.fault(option.where, f"{path}.{label}", str(error))
    return options


def _check_overlap(loader: Loader, axis: Axis, axes: Mapping[str, Axis]) -> None:
    for label, option in axis.options.items():
        for other in axes.values():
            inside = other.path.removeprefix(f"{axis.path}.")
            if other is not axis and inside != other.path and option.is_table and option.at(inside) is not None:
                loader.fault(
                    option.where,
                    f"axes.{axis.name}.options.{label}",
                    f"sets `{inside}`, which the axis `{other.name}` sets",
                )


def read_labels(loader: Loader, given: Given, path: str, axes: Mapping[str, Axis]) -> Labels | None:
    """The labels that a table like `{ scheme = "update" }` names; None where one of them is a fault."""
    faults = len(loader.faults)
    labels: dict[str, str] = {}
    for name, value in table_of(loader, given, path).items():
        label = spell_value(value)
        if name not in axes:
            loader.fault(value.where, f"{path}.{name}", no_axis(name, axes))
        elif label not in axes[name].options and label != ABSENT:
            loader.fault(value.where, f"{path}.{name}", unknown("option", label, axes[name].options))
        else:
            labels[name] = label
    return labels if len(loader.faults) == faults else None


def no_axis(name: str, axes: Mapping[str, Axis]) -> str:
    return f"there is no axis `{name}`; {close(name, axes) or f'the axes are {listed(axes)}'}"


def spell_value(value: Given) -> str:
    """The label of an option that has no name: its value, or the component that it names."""
    plain = value.plain()
    if isinstance(plain, dict):
        return str(plain.get("use", plain))
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def exists(system: System, path: str) -> bool:
    """Whether a path leads to a field of the system as it stands: `core/none` has none."""
    return value_at(system, path) is not NOTHING


def value_at(system: System, path: str) -> Any:
    """What stands at a path, in the last stage where it leads anywhere; NOTHING where it leads nowhere.

    Of the objective it is the last stage's: what is set at the system's path is what the stages before replace.
    """
    stages = system.stages[-1:] if path.partition(".")[0] == "objective" else system.stages[::-1]
    return next((value for stage in stages if (value := _follow(stage, path)) is not NOTHING), NOTHING)


def _follow(stage: Any, path: str) -> Any:
    first, _, rest = path.partition(".")
    if first in ("dataset", "objective", "train", "metrics"):
        here = getattr(stage, first)
    elif first in stage.objective.parts:
        here = stage.parts.get(first)
    else:
        return NOTHING
    keys = rest.split(".") if rest else []
    for index, key in enumerate(keys):
        if isinstance(here, Mapping):
            if key not in here:
                return None if index == len(keys) - 1 else NOTHING  # a mapping takes another key
            here = here[key]
        elif isinstance(here, tuple):
            if not key.isdigit() or int(key) >= len(here):
                return NOTHING
            here = here[int(key)]
        elif hasattr(type(here), "__attrs_attrs__") and any(a.name == key for a in type(here).__attrs_attrs__):
            here = getattr(here, key)
        else:
            return NOTHING
    return here
