"""What fits: the check of a whole system, and the components that could fill a slot, both by assembling on the meta device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import attrs
from attrs import define, field

from dovetail.assembly import Model, Runs, SpaceMisfit, assemble
from dovetail.config import hints, is_optional, slot_base
from dovetail.errors import Mistake, Where, listed
from dovetail.interfaces import DatasetSpec, Spec
from dovetail.registries import NONE, Registry
from dovetail.systems import System, load_system
from dovetail.tables import Given, given, put_all


@define
class Checker:
    """Checks systems: text, then data, then spaces. Datasets that are equal are opened once."""

    registry: Registry
    runs: Runs | None = None
    opened: dict[DatasetSpec, Any] = field(factory=dict, repr=False)

    def dataset(self, spec: DatasetSpec) -> Any:
        """The open dataset of a spec."""
        if spec not in self.opened:
            self.opened[spec] = spec.build()
        return self.opened[spec]

    def load(self, name: str, tables: Given) -> System:
        """The text pass."""
        return load_system(self.registry, name, tables, self.runs)

    def check(self, name: str, tables: Given) -> System:
        """All three passes; a misfit's error says which components would fit."""
        system = self.load(name, tables)
        try:
            self.assemble(system)
        except SpaceMisfit as misfit:
            raise Mistake(
                "\n    ".join([f"system {name}: {misfit}", *self._would_fit(name, tables, misfit)])
            ) from misfit
        return system

    def assemble(self, system: System) -> list[Model]:
        """Each stage on the meta device."""
        return [
            assemble(system, stage=index, meta=True, runs=self.runs, dataset=self.dataset(stage.dataset))
            for index, stage in enumerate(system.stages)
        ]

    def _would_fit(self, name: str, tables: Given, misfit: SpaceMisfit) -> list[str]:
        lines = []
        for path in dict.fromkeys((misfit.taker, misfit.giver)):
            if path is not None and path != "objective":
                fitting = self.fits(name, tables, path)
                lines.append(
                    f"`{path}` could be {listed(fitting)}" if fitting else f"no {path} that is installed would fit"
                )
        return lines

    def fits(self, name: str, tables: Given, path: str) -> list[str]:
        """The components that assemble in the slot at `path`, the rest of the system as it is."""
        base, optional = self.slot(name, tables, path)
        candidates = [component.name for component in self.registry.of_kind(base.kind)]
        return [name for name in [*candidates, *([NONE] if optional else [])] if self._fits(tables, path, name)]

    def _fits(self, tables: Given, path: str, name: str) -> bool:
        changed = put_all(tables, {path: given(name, Where(f"candidate {name}"))})
        try:
            self.assemble(self.load("candidate", changed))
        except Mistake:
            return False
        return True

    def slot(self, name: str, tables: Given, path: str) -> tuple[type[Spec], bool]:
        """The spec base of a slot and whether it may be empty; raises `Mistake` with the slots that there are."""
        slots = self.slots(name, tables)
        if path not in slots:
            raise Mistake(f"system {name} has no slot `{path}`; its slots are {listed(slots, 40)}")
        return slots[path]

    def slots(self, name: str, tables: Given) -> dict[str, tuple[type[Spec], bool]]:
        """Every slot of a system by path, with its spec base and whether it may be empty."""
        system = self.load(name, tables)
        return {path: slot for stage in system.stages for path, slot in slots_of(stage).items()}


def slots_of(stage: Any) -> dict[str, tuple[type[Spec], bool]]:
    """Every slot of a stage by path, in the order of writing."""
    found: dict[str, tuple[type[Spec], bool]] = {}

    def walk(value: Any, path: str, hint: Any) -> None:
        if (base := slot_base(hint)) is not None and (value is None or not isinstance(value, int | float | str)):
            found[path] = (base, is_optional(hint))
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(item, f"{path}.{key}", item_hint(hint))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                walk(item, f"{path}.{index}", item_hint(hint))
        elif isinstance(value, Spec):
            for attribute in attrs.fields(type(value)):  # type: ignore[arg-type]
                walk(getattr(value, attribute.name), f"{path}.{attribute.name}", hints(type(value))[attribute.name])

    walk(stage.dataset, "dataset", DatasetSpec)
    walk(stage.objective, "objective", hints(type(stage))["objective"])
    for part, hint in stage.objective.parts.items():
        walk(stage.parts.get(part), part, hint)
    for name, metric in stage.metrics.items():
        walk(metric, f"metrics.{name}", item_hint(hints(type(stage))["metrics"]))
    return found


def item_hint(hint: Any) -> Any:
    """The type of a tuple's or mapping's items."""
    arguments = [argument for argument in get_args(hint) if argument is not Ellipsis]
    return arguments[-1] if arguments else hint
