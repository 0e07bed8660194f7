"""Auxiliary losses: what the parts note while an objective runs them, weighted and added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor, nn

from dovetail import Mistake, Schedule, ScheduleSpec


@final
class AuxiliaryLosses(nn.Module):
    """Adds Σ weight · loss over the losses that have a weight; a noted loss without one does not count.

    Args:
        weights: by the name under which the loss is noted, a number or a schedule.
    """

    def __init__(self, *, weights: Mapping[str, float | Schedule]) -> None:
        super().__init__()
        self.numbers = {name: weight for name, weight in weights.items() if not isinstance(weight, Schedule)}
        self.scheduled = tuple(name for name in weights if name not in self.numbers)
        self.schedules = nn.ModuleList(weight for weight in weights.values() if isinstance(weight, Schedule))

    @classmethod
    def of(cls, weights: Mapping[str, float | ScheduleSpec]) -> AuxiliaryLosses:
        """From the weights as a spec has them."""
        return cls(
            weights={
                name: float(weight) if isinstance(weight, int | float) else weight.build()
                for name, weight in weights.items()
            }
        )

    def forward(self, loss: Tensor, noted: Mapping[str, Tensor]) -> Tensor:
        """`loss` with the weighted ones added; raises Mistake where one that has a weight was not noted."""
        weights = self.numbers | {name: at() for name, at in zip(self.scheduled, self.schedules, strict=True)}
        for name, weight in weights.items():
            if name not in noted:
                known = ", ".join(f"`{other}`" for other in noted) or "none"
                raise Mistake(f"`auxiliary` must name losses that the parts note, but is `{name}`; they note {known}")
            loss = loss + weight * noted[name]
        return loss
