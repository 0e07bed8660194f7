"""Grids, read from tables: a base system, axes over its slots and values, designs, exclusions, published values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from attrs import define, evolve, field, frozen

from dovetail.bench.axes import ABSENT, Axis, Labels, exists, list_of, read_axes, read_labels, spell_value, table_of
from dovetail.bench.designs import combinations
from dovetail.bench.identity import arm_key
from dovetail.bench.search import Range, Search, at_ends, ranges_in, read_search
from dovetail.config import BAD, Loader
from dovetail.errors import Faults, Mistake, Where, listed, unknown
from dovetail.fitting import Checker
from dovetail.registries import Registry
from dovetail.systems import System
from dovetail.tables import Given, put_all

__all__ = ["ABSENT", "Arm", "Axis", "Grid", "Labels", "Published", "check_grid", "load_grid", "published_for", "single"]

KEYS = ("summary", "base", "set", "seeds", "axes", "designs", "exclude", "published", "show")


@frozen
class Published:
    """Values that a paper prints for the arm with these labels."""

    labels: Labels
    values: Mapping[str, float]
    source: str


@frozen(eq=False)
class Arm:
    """One combination of a grid: its label on each axis, its system and what that was read from.

    `ranges` are what a search draws the arm's trials from.
    """

    labels: Labels
    system: System
    key: str
    tables: Given = field(factory=lambda: Given({}, Where("no table")), repr=False)
    ranges: tuple[Range, ...] = ()

    @property
    def name(self) -> str:
        """`scheme=update rate=0.25`; `base` where no axis has a label."""
        return " ".join(f"{axis}={label}" for axis, label in self.labels.items() if label != ABSENT) or "base"


@frozen(eq=False)
class Grid:
    """A grid as it will be run.

    `changes` are those that a command made to it, `path=value`; `notes` say which combinations became one and which are
    excluded, and why.
    """

    name: str
    axes: tuple[Axis, ...]
    arms: tuple[Arm, ...]
    base: Arm
    seeds: tuple[int, ...]
    published: tuple[Published, ...]
    show: tuple[str, ...]
    search: Search | None = None
    summary: str = ""
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """A name for files about it, and for each change of it another."""
        name = self.name.replace("/", ".")
        return f"{name}-{sha256(self.title.encode()).hexdigest()[:8]}" if self.changes else name

    @property
    def title(self) -> str:
        """Its name and what was changed."""
        return f"{self.name} with {', '.join(self.changes)}" if self.changes else self.name

    def runs(self) -> Iterator[tuple[Arm, int]]:
        """Every arm with every seed: all arms with the first seed first, so that a table fills up evenly."""
        for seed in self.seeds:
            for arm in self.arms:
                yield arm, seed


def load_grid(registry: Registry, name: str, checker: Checker, changes: Mapping[str, Given] | None = None) -> Grid:
    """Read a grid and check every arm's text; `changes` are put into the base.

    Raises:
        Faults: everything that is wrong with the grid's text, or with an arm's.
    """
    full, table = registry.named("grids", name)
    return GridLoader(registry, full, table, checker, dict(changes or {})).load()


@define
class GridLoader:
    registry: Registry
    name: str
    table: Given
    checker: Checker
    changes: dict[str, Given]
    loader: Loader = field(init=False)
    changed: dict[str, Given] = field(factory=dict)
    notes: list[str] = field(factory=list)
    _applied: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.loader = Loader(self.registry, f"grid {self.name}")

    def load(self) -> Grid:
        for key, value in self.table.value.items():
            if key not in KEYS:
                self.loader.unknown(value, key, key, KEYS)
        base_name = self._base_name()
        seeds = self._seeds()
        axes = read_axes(self.loader, self.table.at("axes"))
        found = combinations(self.loader, self.table.at("designs"), axes)
        self.changed = {**table_of(self.loader, self.table.at("set"), "set"), **self.changes}
        search = read_search(self.loader, self.table.at("designs"), axes, seeds, self.changed)
        summary = self._value("summary", str, "")
        show = self._value("show", tuple[str, ...], ())
        excluded, published = self._exclusions(axes), self._published(axes)
        self.loader.finish("arms not checked: mend the above first")
        arms, base = self._arms(base_name, axes, found)
        self.loader.finish()
        for name in show:
            self._check_metric(name, self.table.value["show"], "show", base)
        arms = self._leave_out(excluded, arms, base)
        self._check_published(published, arms, base)
        if search is not None:
            arms = self._searched(search, arms)
            base = arms[0]
        self.loader.finish()
        return Grid(
            name=self.name,
            axes=tuple(axes.values()),
            arms=tuple(arms),
            base=base,
            seeds=seeds,
            published=tuple(entry for entry, _ in published),
            show=show,
            search=search,
            summary=summary,
            notes=tuple(self.notes),
            changes=tuple(f"{path}={spell_value(value)}" for path, value in self.changes.items()),
        )

    def _value(self, key: str, hint: Any, default: Any) -> Any:
        return self.loader.value(self.table.value[key], key, hint) if key in self.table.value else default

    def _base_name(self) -> str:
        name = self._value("base", str, None)
        if name is None:
            self.loader.fault(self.table.where, "base", f"is missing; the systems are {listed(self.registry.systems)}")
        elif name is not BAD:
            try:
                self.registry.named("systems", name)
            except Mistake as error:
                self.loader.fault(self.table.value["base"].where, "base", str(error))
        return str(name)

    def _seeds(self) -> tuple[int, ...]:
        seeds = self._value("seeds", int | tuple[int, ...], 1)
        if isinstance(seeds, int):
            seeds = tuple(range(seeds))
        if seeds is not BAD and (not seeds or min(seeds) < 0 or len(set(seeds)) != len(seeds)):
            rule = "must be a count of at least 1, or a list of different seeds of at least 0"
            given = self.table.value["seeds"]
            self.loader.fault(given.where, "seeds", f"{rule}, but is {given.plain()!r}")
        return tuple(seeds) if seeds is not BAD else ()

    def _check_metric(self, name: str, given: Given, path: str, base: Arm) -> None:
        """Check that a name like `bleu.4.test` begins with a metric of the base and ends with a split."""
        metrics = base.system.stages[-1].metrics
        first, last = name.partition(".")[0], name.rpartition(".")[2]
        if first not in metrics:
            self.loader.fault(given.where, path, unknown("metric", first, metrics))
        elif last not in ("valid", "test"):
            self.loader.fault(given.where, path, f"`{name}` must end with a split: `{first}.valid` or `{first}.test`")

    # ------------------------------------------------------------------------------------------------------ arms

    def _arms(self, base_name: str, axes: Mapping[str, Axis], found: Iterable[Labels]) -> tuple[list[Arm], Arm]:
        """The arms without repeats. The base is first, and takes the labels of the arm that it equals."""
        base = self._arm(base_name, axes, {})
        arms: dict[str, Arm] = {}
        merged: dict[str, list[str]] = {}
        for labels in found:
            try:
                arm = self._arm(base_name, axes, labels)
            except Faults as error:
                whole = "".join(f"{axis}={label}: " for axis, label in labels.items() if not axes[axis].path)
                faults = [evolve(fault, path=f"{whole}{fault.path}") for fault in error.faults]
                self.loader.faults += [fault for fault in faults if fault not in self.loader.faults]
                continue
            first = arms.setdefault(arm.key, arm)
            wanted = " ".join(f"{axis}={label}" for axis, label in labels.items())
            merged.setdefault(first.key, []).append(wanted)
            self._applied |= {axis for axis, label in arm.labels.items() if label != ABSENT}
        self._check_applied(axes, {axis for labels in found for axis in labels})
        base = arms.setdefault(base.key, base)
        self.notes += [
            f"{' and '.join(wanted)} are one arm: {arms[key].name}" for key, wanted in merged.items() if len(wanted) > 1
        ]
        return [base, *(arm for arm in arms.values() if arm is not base)], base

    def _check_applied(self, axes: Mapping[str, Axis], used: set[str]) -> None:
        if self.loader.faults:
            return
        for axis in axes.values():
            if axis.name in used - self._applied:
                where = self.table.value["axes"].value[axis.name].where
                rule = f"`{axis.path}` exists under no option of the other axes"
                self.loader.fault(where, f"axes.{axis.name}.path", rule)

    def _arm(self, name: str, axes: Mapping[str, Axis], labels: Labels) -> Arm:
        """One combination: a whole system, then slots of it, then what lies inside them, where it exists."""
        kept = dict.fromkeys(axes, ABSENT)
        wanted = [axes[axis] for axis, label in labels.items() if label != ABSENT]
        for axis in (axis for axis in wanted if not axis.path):
            kept[axis.name] = labels[axis.name]
            name = axis.options[labels[axis.name]].value
        tables = self.registry.tables(name, self.changed)
        system = self.checker.load(name, tables)
        for axis in sorted((axis for axis in wanted if axis.path), key=lambda axis: axis.path.count(".")):
            if not exists(system, axis.path):
                continue
            kept[axis.name] = labels[axis.name]
            tables = put_all(tables, {axis.path: axis.options[labels[axis.name]]})
            system = self.checker.load(name, tables)
        return Arm(kept, system, arm_key(system), tables)

    def _searched(self, search: Search, arms: list[Arm]) -> list[Arm]:
        """The arms with the ranges that apply in each; one that applies in none is a fault."""
        for arm in arms:
            whose = "" if arm is arms[0] else f"{arm.name}: "
            self._check_metric(search.optimise, search.given.value["optimise"], f"{whose}{search.name}.optimise", arm)
            if self.loader.faults:
                return arms
        arms = [evolve(arm, ranges=ranges_in(self.loader, search, arm, self.checker)) for arm in arms]
        for each in search.ranges:
            where = [arm.name for arm in arms if each.path in (found.path for found in arm.ranges)]
            if not where and not self.loader.faults:
                self.loader.fault(each.given.where, each.name, f"`{each.path}` exists in no arm")
            elif len(where) < len(arms):
                self.notes.append(f"{each.path} is searched in {', '.join(where)}")
        return arms

    # ------------------------------------------------------------------------------- what is left out, and printed

    def _exclusions(self, axes: Mapping[str, Axis]) -> list[tuple[Labels, str, Given]]:
        """The labels and the reason of each exclusion, and where it is written."""
        found = []
        for path, entry in self._entries("exclude", ("where", "reason")):
            labels = read_labels(self.loader, entry["where"], f"{path}.where", axes)
            reason = self.loader.value(entry["reason"], f"{path}.reason", str)
            if labels is not None and reason is not BAD:
                found.append((labels, reason, entry["where"]))
        return found

    def _leave_out(self, excluded: list[tuple[Labels, str, Given]], arms: list[Arm], base: Arm) -> list[Arm]:
        """The arms without those that the grid excludes."""
        for labels, reason, given in excluded:
            out = [arm for arm in arms if labels and _matches(arm, labels)]
            if not out:
                self.loader.fault(given.where, "exclude", f"{given.plain()} excludes nothing")
            elif base in out:
                rule = f"{given.plain()} excludes the base, which every difference is taken to"
                self.loader.fault(given.where, "exclude", rule)
            else:
                self.notes += [f"excluded: {arm.name}: {reason}" for arm in out]
                arms = [arm for arm in arms if arm not in out]
        return arms

    def _published(self, axes: Mapping[str, Axis]) -> list[tuple[Published, Given]]:
        """The published values, and where they are written."""
        found = []
        for path, entry in self._entries("published", ("where", "values", "source")):
            labels = read_labels(self.loader, entry["where"], f"{path}.where", axes)
            numbers = self.loader.value(entry["values"], f"{path}.values", Mapping[str, float])
            source = self.loader.value(entry["source"], f"{path}.source", str)
            if labels is not None and BAD not in (numbers, source):
                found.append((Published(labels, numbers, source), entry["where"]))
        return found

    def _check_published(self, published: list[tuple[Published, Given]], arms: list[Arm], base: Arm) -> None:
        for entry, given in published:
            for name in entry.values:
                self._check_metric(name, given, "published", base)
            if not any(_matches(arm, entry.labels) for arm in arms):
                self.loader.fault(given.where, "published", f"{given.plain()} is of no arm of this grid")

    def _entries(self, key: str, needed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Given]]]:
        """The path and table of each entry of a list of tables that need these keys."""
        for index, entry in enumerate(list_of(self.loader, self.table.at(key), key)):
            path = f"{key}.{index}"
            table = table_of(self.loader, entry, path)
            missing = [name for name in needed if name not in table]
            if missing and entry.is_table:
                self.loader.fault(entry.where, path, f"must have {', '.join(needed)}, but lacks {', '.join(missing)}")
            for name in [name for name in table if name not in needed]:
                self.loader.unknown(table[name], f"{path}.{name}", name, needed)
            if entry.is_table and not missing:
                yield path, table


def _matches(arm: Arm, labels: Labels) -> bool:
    return all(arm.labels.get(axis) == label for axis, label in labels.items())


def published_for(grid: Grid, arm: Arm) -> list[Published]:
    """The published values of an arm."""
    return [entry for entry in grid.published if _matches(arm, entry.labels)]


def check_grid(grid: Grid, checker: Checker) -> None:
    """Assemble every arm on the meta device, and with each choice and each end of a range of integers.

    Raises:
        Mistake: some do not fit; it names each, and why.
    """
    systems = {arm.name: arm.system for arm in grid.arms}
    for arm in grid.arms:
        for each in arm.ranges:
            if each.integer or not each.scale:  # a number that is no integer changes no space
                ends = at_ends(each, arm, checker)
                systems |= {f"{arm.name} with {each.path}={label}": system for label, system in ends.items()}
    wrong = []
    for name, system in systems.items():
        try:
            checker.assemble(system)
        except Mistake as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        what = "arms" if len(systems) == len(grid.arms) else "arms, and arms at the ends of a range,"
        raise Mistake(
            "\n".join([f"grid {grid.name}: {len(wrong)} of {len(systems)} {what} cannot be assembled", *wrong])
        )


def single(name: str, system: System, seeds: tuple[int, ...]) -> Grid:
    """A system alone, as a grid of one arm."""
    arm = Arm({}, system, arm_key(system))
    return Grid(name, (), (arm,), arm, seeds, (), ())
