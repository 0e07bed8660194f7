"""A grid's designs: which combinations of the axes' labels are its arms."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from dovetail.bench.axes import Axis, Labels, list_of, no_axis, read_labels
from dovetail.config import BAD, Loader
from dovetail.errors import close
from dovetail.tables import Given

DESIGNS = {"product": ("kind", "axes"), "zip": ("kind", "axes"), "list": ("kind", "arms"), "search": ()}
"""The keys of each design's table; `dovetail.bench.search` reads the one that makes no arms."""


def combinations(loader: Loader, given: Given | None, axes: Mapping[str, Axis]) -> list[Labels]:
    """The labels of each combination of each design, each once, in their order; all of them without designs of arms."""
    designs = list_of(loader, given, "designs")
    if given is None or (designs and all(_is_search(design) for design in designs)):
        return [dict(zip(axes, labels, strict=True)) for labels in product(*(axis.options for axis in axes.values()))]
    found: list[Labels] = []
    for index, design in enumerate(designs):
        if _is_search(design):
            continue
        found += [labels for labels in _design(loader, design, f"designs.{index}", axes) if labels not in found]
    return found


def _is_search(design: Given) -> bool:
    kind = design.at("kind")
    return kind is not None and kind.value == "search"


def _design(loader: Loader, design: Given, path: str, axes: Mapping[str, Axis]) -> list[Labels]:
    kind = design.at("kind")
    if kind is None or not isinstance(kind.value, str) or kind.value not in DESIGNS:
        plain = kind.plain() if kind else None
        rule = f"must be {', '.join(DESIGNS)}, but is {plain!r}"
        loader.fault((kind or design).where, f"{path}.kind", rule, close(str(plain), DESIGNS))
        return []
    for key, value in design.value.items():
        if key not in DESIGNS[kind.value]:
            loader.unknown(value, f"{path}.{key}", key, DESIGNS[kind.value])
    return (_list if kind.value == "list" else _crossed)(loader, design, path, axes)


def _list(loader: Loader, design: Given, path: str, axes: Mapping[str, Axis]) -> list[Labels]:
    arms = list_of(loader, design.at("arms"), f"{path}.arms")
    if not arms:
        loader.fault(design.where, f"{path}.arms", 'must be a list of tables like { axis = "label" }')
    read = [read_labels(loader, arm, f"{path}.arms.{index}", axes) for index, arm in enumerate(arms)]
    return [labels for labels in read if labels is not None]


def _crossed(loader: Loader, design: Given, path: str, axes: Mapping[str, Axis]) -> list[Labels]:
    """Every combination of some axes' labels, or their first ones, their second ones, and so on."""
    given = design.at("axes")
    names = tuple(axes) if given is None else loader.value(given, f"{path}.axes", tuple[str, ...])
    wrong = [name for name in names if name not in axes] if names is not BAD else []
    for name in wrong:
        loader.fault((given or design).where, f"{path}.axes", no_axis(name, axes))
    if names is BAD or wrong:
        return []
    options = [axes[name].options for name in names]
    if design.value["kind"].value == "product":
        rows = list(product(*options))
    elif len({len(each) for each in options}) <= 1:
        rows = list(zip(*options, strict=True))
    else:
        counts = ", ".join(f"{name} has {len(each)}" for name, each in zip(names, options, strict=True))
        loader.fault(design.where, path, f"a zip needs axes with as many options each, but {counts}")
        rows = []
    return [dict(zip(names, row, strict=True)) for row in rows]
