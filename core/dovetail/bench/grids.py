"""Grids: a base system, axes over its slots and values, designs, exclusions, published values and seeds, read from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from attrs import define, field, frozen

from dovetail.bench.identity import arm_key
from dovetail.config import BAD, Loader
from dovetail.errors import Faults, Mistake, close, listed
from dovetail.fitting import Checker
from dovetail.registries import Registry
from dovetail.systems import System
from dovetail.tables import Given, put_all

KEYS = ("summary", "base", "set", "seeds", "axes", "designs", "exclude", "published", "show")
DESIGNS = ("product", "zip", "list")
ABSENT = "–"
"""The label of an axis that does not apply to an arm, or that its designs leave as the base has it."""

Labels = Mapping[str, str]


@frozen
class Axis:
    """A path of the base system and the options that it takes there, by label."""

    name: str
    path: str
    options: Mapping[str, Given] = field(eq=False)


@frozen
class Published:
    """Values that a paper prints for the arm with these labels."""

    labels: Labels
    values: Mapping[str, float]
    source: str


@frozen(eq=False)
class Arm:
    """One combination of a grid: its label on each axis, and its system."""

    labels: Labels
    system: System
    key: str

    @property
    def name(self) -> str:
        """`scheme=update rate=0.25`; `base` where no axis has a label."""
        return " ".join(f"{axis}={label}" for axis, label in self.labels.items() if label != ABSENT) or "base"


@frozen(eq=False)
class Grid:
    """A grid as it will be run. `notes` say which combinations became one and which are excluded, and why."""

    name: str
    axes: tuple[Axis, ...]
    arms: tuple[Arm, ...]
    base: Arm
    seeds: tuple[int, ...]
    published: tuple[Published, ...]
    show: tuple[str, ...]
    summary: str = ""
    notes: tuple[str, ...] = ()

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
    notes: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.loader = Loader(self.registry, f"grid {self.name}")

    def load(self) -> Grid:
        for key, value in self.table.value.items():
            if key not in KEYS:
                self.loader.unknown(value, key, key, KEYS)
        base_name = self._value("base", str, None)
        if base_name in (None, BAD):
            self.loader.fault(
                self.table.where,
                "base",
                "is missing; it must be the name of a system",
                f"the systems are {listed(self.registry.systems)}",
            )
        seeds = self._seeds()
        axes = self._axes()
        show = self._value("show", tuple[str, ...], ())
        combinations = self._combinations(axes)
        self.loader.finish("arms not checked: mend the above first")
        tables = self.registry.tables(str(base_name), {**self._base_changes(), **self.changes})
        arms, base = self._arms(str(base_name), tables, axes, combinations)
        arms = self._excluded(arms, base, axes)
        published = self._published(arms, axes)
        self.loader.finish()
        summary = self.table.at("summary")
        return Grid(
            self.name,
            tuple(axes.values()),
            tuple(arms),
            base,
            seeds,
            published,
            show,
            str(summary.value) if summary else "",
            tuple(self.notes),
        )

    def _value(self, key: str, hint: Any, default: Any) -> Any:
        return self.loader.value(self.table.value[key], key, hint, None) if key in self.table.value else default

    def _base_changes(self) -> dict[str, Given]:
        changes = self.table.at("set")
        return changes.value if changes is not None else {}

    def _seeds(self) -> tuple[int, ...]:
        seeds = self._value("seeds", int | tuple[int, ...], 1)
        if isinstance(seeds, int):
            seeds = tuple(range(seeds))
        if seeds is not BAD and (not seeds or min(seeds) < 0 or len(set(seeds)) != len(seeds)):
            self.loader.fault(
                self.table.value["seeds"].where,
                "seeds",
                "must be a count of at least 1, or a list of different seeds of at least 0",
            )
        return tuple(seeds) if seeds is not BAD else ()

    # ------------------------------------------------------------------------------------------------------ axes

    def _axes(self) -> dict[str, Axis]:
        entries = self.table.at("axes")
        axes: dict[str, Axis] = {}
        for name, entry in (entries.value if entries is not None and entries.is_table else {}).items():
            axis = self._axis(name, entry, f"axes.{name}")
            if axis is None:
                continue
            twin = next((other.name for other in axes.values() if other.path == axis.path), None)
            if twin:
                self.loader.fault(
                    entry.where, f"axes.{name}", f"has the path `{axis.path}`, which the axis `{twin}` has already"
                )
            axes[name] = axis
        for axis in axes.values():
            self._check_overlap(axis, axes)
        return axes

    def _axis(self, name: str, entry: Given, path: str) -> Axis | None:
        if not entry.is_table or "path" not in entry.value or ("options" in entry.value) == ("values" in entry.value):
            self.loader.fault(entry.where, path, "must be a table with `path` and either `options` or `values`")
            return None
        for key, value in entry.value.items():
            if key not in ("path", "options", "values"):
                self.loader.unknown(value, f"{path}.{key}", key, ("path", "options", "values"))
        choices = entry.value.get("options") or entry.value["values"]
        if not isinstance(choices.value, dict | list) or not choices.value:
            self.loader.fault(choices.where, path, "must have at least one option")
            return None
        if choices.is_table:
            return Axis(name, str(entry.value["path"].value), choices.value)
        return Axis(name, str(entry.value["path"].value), {spell_value(item): item for item in choices.value})

    def _check_overlap(self, axis: Axis, axes: Mapping[str, Axis]) -> None:
        for label, option in axis.options.items():
            for other in axes.values():
                inside = other.path.removeprefix(f"{axis.path}.")
                if other is not axis and inside != other.path and option.is_table and option.at(inside) is not None:
                    self.loader.fault(
                        option.where,
                        f"axes.{axis.name}.options.{label}",
                        f"sets `{inside}`, which the axis `{other.name}` sets",
                    )

    # ------------------------------------------------------------------------------------------------------ arms

    def _combinations(self, axes: Mapping[str, Axis]) -> list[dict[str, str]]:
        """The labels of each combination of each design, in their order and without repeats."""
        designs = self.table.at("designs")
        if designs is None:
            return [
                dict(zip(axes, labels, strict=True)) for labels in product(*(axis.options for axis in axes.values()))
            ]
        found: list[dict[str, str]] = []
        for index, design in enumerate(designs.value if isinstance(designs.value, list) else [designs]):
            found += [labels for labels in self._design(design, f"designs.{index}", axes) if labels not in found]
        return found

    def _design(self, design: Given, path: str, axes: Mapping[str, Axis]) -> list[dict[str, str]]:
        kind = design.at("kind")
        if kind is None or kind.value not in DESIGNS:
            given_kind = kind.plain() if kind else None
            self.loader.fault(
                (kind or design).where,
                f"{path}.kind",
                f"must be {' or '.join(DESIGNS)}, but is {given_kind!r}",
                close(str(given_kind), DESIGNS),
            )
            return []
        known = ("kind", "arms") if kind.value == "list" else ("kind", "axes")
        for key, value in design.value.items():
            if key not in known:
                self.loader.unknown(value, f"{path}.{key}", key, known)
        if kind.value == "list":
            arms = design.at("arms")
            if arms is None or not isinstance(arms.value, list):
                self.loader.fault(design.where, f"{path}.arms", 'must be a list of tables like { axis = "label" }')
                return []
            return [
                labels
                for i, arm in enumerate(arms.value)
                if (labels := self._labels(arm, f"{path}.arms.{i}", axes)) is not None
            ]
        named = self._named_axes(design, path, axes)
        labels = [list(axes[name].options) for name in named]
        if kind.value == "zip" and len({len(options) for options in labels}) > 1:
            counts = ", ".join(f"{name} has {len(options)}" for name, options in zip(named, labels, strict=True))
            self.loader.fault(design.where, path, f"a zip needs axes with as many options each, but {counts}")
            return []
        rows = zip(*labels, strict=True) if kind.value == "zip" else product(*labels)
        return [dict(zip(named, row, strict=True)) for row in rows]

    def _named_axes(self, design: Given, path: str, axes: Mapping[str, Axis]) -> list[str]:
        names = design.at("axes")
        values = names.plain() if names is not None else list(axes)
        for name in values:
            if name not in axes:
                self.loader.fault(
                    (names or design).where,
                    f"{path}.axes",
                    f"there is no axis `{name}`; {close(str(name), axes)}",
                    f"the axes are {listed(axes)}",
                )
        return [name for name in values if name in axes]

    def _labels(self, arm: Given, path: str, axes: Mapping[str, Axis]) -> dict[str, str] | None:
        """The labels that a table names, each of them known."""
        labels: dict[str, str] = {}
        for name, value in arm.value.items() if arm.is_table else ():
            label = spell_value(value)
            if name not in axes:
                self.loader.fault(
                    value.where,
                    f"{path}.{name}",
                    f"there is no axis `{name}`; {close(name, axes)}",
                    f"the axes are {listed(axes)}",
                )
            elif label not in axes[name].options and label != ABSENT:
                options = axes[name].options
                self.loader.fault(
                    value.where,
                    f"{path}.{name}",
                    f"the axis has no option `{label}`; {close(label, options)}",
                    f"its options are {listed(options)}",
                )
            else:
                labels[name] = label
        return labels if labels and len(labels) == len(arm.value) else None

    def _arms(
        self, name: str, tables: Given, axes: Mapping[str, Axis], combinations: list[dict[str, str]]
    ) -> tuple[list[Arm], Arm]:
        base = self._arm(name, tables, axes, {})
        arms: dict[str, Arm] = {}
        applied: set[str] = set()
        dropped: dict[str, list[str]] = {}
        faults = []
        for labels in combinations:
            try:
                arm = self._arm(name, tables, axes, labels)
            except Faults as error:
                faults += list(error.faults)
                continue
            applied |= {axis for axis, label in arm.labels.items() if label != ABSENT}
            if any(arm.labels[axis] == ABSENT for axis in labels):
                dropped.setdefault(arm.name, []).append(" ".join(f"{axis}={label}" for axis, label in labels.items()))
            arms.setdefault(arm.key, arm)
        for axis in axes.values():
            if axis.name not in applied and any(axis.name in labels for labels in combinations) and not faults:
                self.loader.fault(
                    self.table.value["axes"].value[axis.name].where,
                    f"axes.{axis.name}.path",
                    f"`{axis.path}` exists under no option of the other axes",
                )
        self.loader.faults += dict.fromkeys(faults)
        self.notes += [
            f"{len(merged)} combinations are the one arm `{arm}`: {'; '.join(merged)}"
            for arm, merged in dropped.items()
        ]
        base = arms.setdefault(base.key, base)
        return [base, *(arm for arm in arms.values() if arm is not base)], base

    def _arm(self, name: str, tables: Given, axes: Mapping[str, Axis], labels: Mapping[str, str]) -> Arm:
        """One combination: slots are set first, then what lies inside them, where it exists."""
        kept = dict.fromkeys(axes, ABSENT)
        system = self.checker.load(name, tables)
        for axis in sorted((axes[axis] for axis in labels), key=lambda axis: axis.path.count(".")):
            if not exists(system, axis.path):
                continue
            kept[axis.name] = labels[axis.name]
            tables = put_all(tables, {axis.path: axis.options[labels[axis.name]]})
            system = self.checker.load(name, tables)
        return Arm(kept, system, arm_key(system, 0))

    def _excluded(self, arms: list[Arm], base: Arm, axes: Mapping[str, Axis]) -> list[Arm]:
        """The arms without those that the grid excludes."""
        for index, entry in enumerate(self._entries("exclude")):
            path = f"exclude.{index}"
            where, reason = entry.at("where"), entry.at("reason")
            if where is None or reason is None or not isinstance(reason.value, str):
                self.loader.fault(entry.where, path, "must be a table with `where`, the labels, and `reason`, a text")
                continue
            labels = self._labels(where, f"{path}.where", axes)
            if labels is None:
                continue
            out = [arm for arm in arms if _matches(arm, labels)]
            if not out:
                self.loader.fault(where.where, path, "excludes nothing")
            if base in out:
                self.loader.fault(where.where, path, "excludes the base, which every difference is taken to")
            self.notes += [f"excluded: {arm.name}: {reason.value}" for arm in out]
            arms = [arm for arm in arms if arm not in out]
        return arms

    def _published(self, arms: list[Arm], axes: Mapping[str, Axis]) -> tuple[Published, ...]:
        published = []
        for index, entry in enumerate(self._entries("published")):
            path = f"published.{index}"
            where, values, source = entry.at("where"), entry.at("values"), entry.at("source")
            if where is None or values is None or source is None:
                self.loader.fault(
                    entry.where,
                    path,
                    "must be a table with `where`, the labels, `values`, metrics by name, and `source`",
                )
                continue
            labels = self._labels(where, f"{path}.where", axes) if where.value else {}
            numbers = self.loader.value(values, f"{path}.values", Mapping[str, float], None)
            if labels is None or numbers is BAD:
                continue
            if not any(_matches(arm, labels) for arm in arms):
                self.loader.fault(where.where, path, "is of no arm of this grid")
            published.append(Published(labels, numbers, str(source.value)))
        return tuple(published)

    def _entries(self, key: str) -> list[Given]:
        entries = self.table.at(key)
        if entries is None:
            return []
        if not isinstance(entries.value, list):
            self.loader.fault(entries.where, key, f"must be a list of tables: write [[grids.{self.name}.{key}]]")
            return []
        return entries.value


def _matches(arm: Arm, labels: Labels) -> bool:
    return all(arm.labels.get(axis) == label for axis, label in labels.items())


def published_for(grid: Grid, arm: Arm) -> list[Published]:
    """The published values of an arm."""
    return [entry for entry in grid.published if _matches(arm, entry.labels)]


def spell_value(value: Given) -> str:
    """The label of an option that has no name: its value, or the component that it names."""
    plain = value.plain()
    if isinstance(plain, dict):
        return str(plain.get("use", plain))
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def exists(system: System, path: str) -> bool:
    """Whether a path leads to a field of the system as it stands: `core/none` has none."""
    return any(_leads(stage, path) for stage in system.stages)


def _leads(stage: Any, path: str) -> bool:
    first, _, rest = path.partition(".")
    if first in ("dataset", "objective", "train", "metrics"):
        here = getattr(stage, first)
    elif first in stage.objective.parts:
        here = stage.parts.get(first)
    else:
        return False
    keys = rest.split(".") if rest else []
    for index, key in enumerate(keys):
        if isinstance(here, Mapping):
            if key not in here:
                return index == len(keys) - 1
            here = here[key]
        elif isinstance(here, tuple):
            if not key.isdigit() or int(key) >= len(here):
                return False
            here = here[int(key)]
        elif hasattr(type(here), "__attrs_attrs__") and any(a.name == key for a in type(here).__attrs_attrs__):
            here = getattr(here, key)
        else:
            return False
    return True


def check_grid(grid: Grid, checker: Checker) -> None:
    """Assemble every arm on the meta device; raises `Mistake` that names each arm that does not fit, and why."""
    wrong = []
    for arm in grid.arms:
        try:
            checker.assemble(arm.system)
        except Mistake as error:
            wrong.append(f"{arm.name}: {error}")
    if wrong:
        raise Mistake(
            "\n".join([f"grid {grid.name}: {len(wrong)} of {len(grid.arms)} arms cannot be assembled", *wrong])
        )


def single(name: str, system: System, seeds: tuple[int, ...]) -> Grid:
    """A system alone, as a grid of one arm."""
    arm = Arm({}, system, arm_key(system, 0))
    return Grid(name, (), (arm,), arm, seeds, (), ())
