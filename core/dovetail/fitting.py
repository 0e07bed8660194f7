"""What fits: the check of a system, and the components that could fill a slot, by assembling on the meta device."""

from __future__ import annotations

from typing import Any, get_args

from attrs import define, field

from dovetail.assembly import Model, Runs, SpaceMisfit, assemble, open_dataset
from dovetail.config import hints, inside, is_optional, slot_base
from dovetail.errors import DovetailError, Mistake, Where, listed
from dovetail.interfaces import Dataset, DatasetSpec, MetricSpec, ObjectiveSpec, Spec
from dovetail.registries import NONE, Registry
from dovetail.systems import StageSpec, System, load_system
from dovetail.tables import Given, given, put_all


@define
class Checker:
    """Checks systems: text, then data, then spaces. Datasets that are equal are opened once."""

    registry: Registry
    runs: Runs | None = None
    opened: dict[DatasetSpec, Dataset] = field(factory=dict, repr=False)

    def dataset(self, spec: DatasetSpec) -> Dataset:
        """The open dataset of a spec."""
        if spec not in self.opened:
            self.opened[spec] = open_dataset(self.registry, spec, self.runs)
        return self.opened[spec]

    def load(self, name: str, tables: Given) -> System:
        """The text pass."""
        return load_system(self.registry, name, tables, self.runs)

    def check(self, name: str, tables: Given) -> System:
        """All three passes; a misfit's error says which components would fit."""
        system = self.load(name, tables)
        note = "\nspaces not checked: mend the above first"
        try:
            for stage in system.stages:
                self.dataset(stage.dataset)
            note = ""
            self.assemble(system)
        except SpaceMisfit as misfit:
            lines = [f"system {name}: {misfit}", *self._would_fit(name, tables, misfit)]
            raise Mistake("\n    ".join(lines)) from misfit
        except Mistake as error:
            raise Mistake(f"system {name}: {error}{note}") from error
        return system

    def remarks(self, system: System) -> list[str]:
        """What the training splits of the stages say of themselves."""
        said = (self.dataset(stage.dataset).split("train").remark() for stage in system.stages)
        return [remark for remark in dict.fromkeys(said) if remark]

    def assemble(self, system: System) -> list[Model]:
        """Each stage on the meta device."""
        return [
            assemble(system, stage=index, meta=True, runs=self.runs, dataset=self.dataset(stage.dataset))
            for index, stage in enumerate(system.stages)
        ]

    def _would_fit(self, name: str, tables: Given, misfit: SpaceMisfit) -> list[str]:
        slots = self.slots(name, tables)
        fitting = {path: self.fits(name, tables, path) for path in (misfit.taker, misfit.giver) if path in slots}
        return [
            f"`{path}` could be {listed(names)}" if names else f"no component that is installed would fit as `{path}`"
            for path, names in fitting.items()
        ]

    def fits(self, name: str, tables: Given, path: str) -> list[str]:
        """The components that assemble in the slot at `path`, the rest as it is; raises `Mistake` for no slot."""
        slots = self.slots(name, tables)
        if path not in slots:
            raise Mistake(f"system {name} has no slot `{path}`; its slots are {listed(slots, 40)}")
        base, optional = slots[path]
        candidates = [component.name for component in self.registry.of_kind(base.kind)]
        return [name for name in [*candidates, *([NONE] if optional else [])] if self._fits(tables, path, name)]

    def _fits(self, tables: Given, path: str, name: str) -> bool:
        changed = put_all(tables, {path: given(name, Where(f"candidate {name}"))})
        try:
            self.assemble(self.load("candidate", changed))
        except DovetailError:
            return False
        return True

    def slots(self, name: str, tables: Given) -> dict[str, tuple[type[Spec], bool]]:
        """Every slot of a system by path, with its spec base and whether it may be empty."""
        system = self.load(name, tables)
        return {path: slot for stage in system.stages for path, slot in slots_of(stage).items()}


def slots_of(stage: StageSpec) -> dict[str, tuple[type[Spec], bool]]:
    """Every slot of a stage by path, in the order of writing."""
    found: dict[str, tuple[type[Spec], bool]] = {}

    def walk(value: Any, path: str, hint: Any) -> None:
        base = slot_base(hint)
        if base is not None and not isinstance(value, int | float | str):
            found[path] = (base, is_optional(hint))
        for name, item in inside(value):
            walk(item, f"{path}.{name}", hints(type(value))[name] if isinstance(value, Spec) else item_hint(hint))

    walk(stage.dataset, "dataset", DatasetSpec)
    walk(stage.objective, "objective", ObjectiveSpec)
    for part, hint in stage.objective.parts.items():
        walk(stage.parts.get(part), part, hint)
    for name, metric in stage.metrics.items():
        walk(metric, f"metrics.{name}", MetricSpec)
    return found


def item_hint(hint: Any) -> Any:
    """The type of a tuple's or mapping's items."""
    arguments = [argument for argument in get_args(hint) if argument is not Ellipsis]
    return arguments[-1] if arguments else hint
