"""A grid's design `search`, read from tables: random search within a budget of trials, from ranges of values by path.

The best trial of each arm is then trained again with the grid's seeds (semeniuta2019, section 5.6.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from dovetail.bench.axes import Axis, exists, spell_value, value_at
from dovetail.bench.identity import arm_key
from dovetail.config import BAD, Loader
from dovetail.errors import Faults
from dovetail.fitting import Checker
from dovetail.ranges import within
from dovetail.systems import System
from dovetail.tables import Given, given, put_all

if TYPE_CHECKING:
    from dovetail.bench.grids import Arm


@frozen(eq=False)
class Range:
    """What the trials' values at a path are drawn from: the numbers between two ends, which belong to it, or choices.

    `options` are the ends, or all choices, by label; `scale` is empty for choices. `integer` is known of a range in an
    arm, where the field decides. `name` is its path in the grid.
    """

    path: str
    name: str
    given: Given
    options: Mapping[str, Given]
    scale: Literal["linear", "log", ""] = ""
    integer: bool = False

    def __str__(self) -> str:
        return f"{' to '.join(self.options)}, {self.scale}" if self.scale else ", ".join(self.options)

    def at(self, drawn: Any) -> Given:
        """What is put into a system's tables for a number, or for the label of a choice."""
        return given(drawn, self.given.where) if self.scale else self.options[drawn]


@frozen(eq=False)
class Search:
    """A search: so many `trials` an arm for the best value of `optimise`; trial k has the seed `first_seed` + k.

    `name` is the design's path in the grid.
    """

    trials: int
    optimise: str
    first_seed: int
    sampler_seed: int
    ranges: tuple[Range, ...]
    name: str
    given: Given

    @property
    def seeds(self) -> range:
        """The seeds of the trials, by number."""
        return range(self.first_seed, self.first_seed + self.trials)


@frozen(kw_only=True)
class _Design:
    """The table of the design."""

    kind: str
    trials: int = field(validator=within("[1, inf)"))
    optimise: str
    ranges: Mapping[str, Given]
    first_seed: int = field(default=1000, validator=within("[0, inf)"))
    sampler_seed: int = field(default=0, validator=within("[0, inf)"))


@frozen(kw_only=True)
class _Numbers:
    """The table of a range of numbers."""

    low: int | float = field(validator=within("(-inf, inf)"))
    high: int | float = field(validator=within("(-inf, inf)"))
    scale: Literal["linear", "log"] = "linear"

    def __attrs_post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"`low` must be below `high`, but they are {self.low} and {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"`low` must be above 0 on a log scale, but is {self.low}")


@frozen(kw_only=True)
class _Choices:
    """The table of choices."""

    values: tuple[Given, ...]


def read_search(
    loader: Loader,
    designs: Given | None,
    axes: Mapping[str, Axis],
    seeds: tuple[int, ...],
    changed: Mapping[str, Given],
) -> Search | None:
    """The search among a grid's designs, if there is one.

    Args:
        loader: notes the faults.
        designs: all of the grid's, as they are written.
        axes: none of which may set what a range sets.
        seeds: with which the winners are trained again, and so no trial.
        changed: what the grid's `set` and the command change, by path; a range does not overrule it in silence.
    """
    found = None
    tables = designs.value if designs is not None and isinstance(designs.value, list) else []  # else a fault already
    for index, design in enumerate(tables):
        kind, path = design.at("kind"), f"designs.{index}"
        if kind is None or kind.value != "search":
            continue
        if found is not None:
            loader.fault(design.where, path, "is a second search; a grid has one")
            continue
        found = _read(loader, design, path)
        if found is not BAD:
            _check_seeds(loader, found, seeds)
            for each in found.ranges:
                _check_overlap(loader, each, found, axes, changed)
    return None if found is BAD else found


def _read(loader: Loader, design: Given, path: str) -> Any:
    table = loader.fill(_Design, design.value, design, path)
    if table is BAD:
        return BAD
    if not table.ranges:
        return loader.fault(design.where, f"{path}.ranges", "must have at least one range")
    ranges = [_range(loader, name, entry, f"{path}.ranges.{name}") for name, entry in table.ranges.items()]
    if BAD in ranges:
        return BAD
    numbers = (table.trials, table.optimise, table.first_seed, table.sampler_seed)
    return Search(*numbers, tuple(ranges), path, design)


def _range(loader: Loader, path: str, entry: Given, name: str) -> Any:
    if not entry.is_table:
        rule = f"must be a table with `low` and `high`, or with `values`, but is {entry.plain()!r}"
        return loader.fault(entry.where, name, rule)
    choices = "values" in entry.value
    table = loader.fill(_Choices if choices else _Numbers, entry.value, entry, name)
    if table is BAD:
        return BAD
    if not choices:
        ends = {spell_value(end): end for end in (entry.value["low"], entry.value["high"])}
        return Range(path, name, entry, ends, table.scale)
    options = {str(each.plain()) if each.is_table else spell_value(each): each for each in table.values}
    if len(options) < max(2, len(table.values)):
        return loader.fault(entry.where, name, "must have at least two values, all of them different")
    return Range(path, name, entry, options)


def _check_seeds(loader: Loader, search: Search, seeds: tuple[int, ...]) -> None:
    if twice := [str(seed) for seed in seeds if seed in search.seeds]:
        where = (search.given.at("first_seed") or search.given).where
        rule = f"the trials have the seeds {search.seeds[0]} to {search.seeds[-1]}, and the grid's `seeds` have"
        rest = f"{', '.join(twice)}, too: a winner is trained again with seeds that no trial had"
        loader.fault(where, f"{search.name}.first_seed", f"{rule} {rest}")


def _check_overlap(
    loader: Loader, each: Range, search: Search, axes: Mapping[str, Axis], changed: Mapping[str, Given]
) -> None:
    """A fault for whatever else sets what a range sets."""
    where = each.given.where
    for other in search.ranges:
        if other.path.startswith(f"{each.path}."):
            loader.fault(other.given.where, other.name, f"lies inside the range `{each.path}`")
    for axis in axes.values():
        if f"{axis.path}.".startswith(f"{each.path}."):
            loader.fault(where, each.name, f"sets `{axis.path}`, which the axis `{axis.name}` sets")
        inside = each.path.removeprefix(f"{axis.path}.")
        for label, option in axis.options.items():
            if inside != each.path and option.is_table and option.at(inside) is not None:
                loader.fault(where, each.name, f"sets what the option `{label}` of the axis `{axis.name}` sets")
    if each.path in changed:
        loader.fault(changed[each.path].where, each.path, "is searched: a range sets it, so it can be set nowhere else")


def ranges_in(loader: Loader, search: Search, arm: Arm, checker: Checker) -> tuple[Range, ...]:
    """The ranges whose path exists in an arm, as its fields take them; one whose ends do not fit there is a fault."""
    found = []
    for each in search.ranges:
        if not exists(arm.system, each.path):
            continue
        try:
            ends = list(at_ends(each, arm, checker).values())
        except Faults as error:
            loader.faults += [fault for fault in error.faults if fault not in loader.faults]
            continue
        if len({arm_key(end) for end in ends}) < len(ends):
            loader.fault(each.given.where, each.name, f"makes no difference to the runs of {arm.name}")
        found.append(evolve(each, integer=bool(each.scale) and type(value_at(ends[0], each.path)) is int))
    return tuple(found)


def at_ends(each: Range, arm: Arm, checker: Checker) -> dict[str, System]:
    """An arm's system at the two ends of a range, or at each of its choices, by label; raises `Faults`."""
    ends = {label: put_all(arm.tables, {each.path: end}) for label, end in each.options.items()}
    return {label: checker.load(arm.system.name, tables) for label, tables in ends.items()}
