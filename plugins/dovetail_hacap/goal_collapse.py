"""How alike the goals of a caption are: 1 where a manager always wants the same.

Paper: hacap2018, Section 5.4, which sees that "the subgoal vectors suffer collapse with all vectors representing the
similar goal", and gives no number.

    collapse = mean over captions of the mean over s ≠ t of cos(g_s, g_t)

The table has it for `real` captions, which the generator reads, and for `generated` ones. Goals in all directions have
a value about 0, opposite ones a negative one. A goal of zeros has a cosine of 0 with any other. Captions of one step
have no pair and are left out, which `remark` counts; a side without any other has no value.

Axes: step feature, of one caption.
"""

from __future__ import annotations

import math
from typing import Any, final

from attrs import frozen

from dovetail import Fields, Metric, MetricSpec, Outcome, Sequence
from dovetail_hacap.steps import Steps, directions, steps_of

SIDES = {"real": "goals", "generated": "sample_goals"}


@frozen(kw_only=True)
class GoalCollapseSpec(MetricSpec):
    """The mean cosine of a caption's goals with one another; a table of `real` and `generated` captions."""

    needs = ("goals", "sample_goals")
    takes = {"goals": (Sequence,), "sample_goals": (Sequence,)}

    def build(self, *, outcome: Fields) -> GoalCollapse:
        return GoalCollapse()


def likeness(goals: Steps) -> float:
    """The mean cosine of two different steps' goals, of which there must be two. Shape: (step, feature)."""
    vectors = directions(goals)
    cosines = vectors @ vectors.T
    number = len(goals)
    return float((cosines.sum() - cosines.trace()) / (number * (number - 1)))


@final
class GoalCollapse(Metric):
    """Keeps one number a caption. Needs no part of the model but what it notes."""

    direction = "lower"
    unit = "cosine"

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        self.values: dict[str, list[float]] = {side: [] for side in SIDES}
        self.single = dict.fromkeys(SIDES, 0)

    def update(self, outcome: Outcome) -> None:
        for side, name in SIDES.items():
            captions = steps_of(name, outcome[name])
            values = [likeness(goals) for goals in captions if len(goals) > 1]
            self.values[side] += values
            self.single[side] += len(captions) - len(values)

    def merge(self, other: Any) -> None:
        for side in SIDES:
            self.values[side] += other.values[side]
            self.single[side] += other.single[side]

    def compute(self) -> dict[str, float]:
        if not any(self.values.values()) and not any(self.single.values()):
            raise ValueError("`goals` must be those of a caption, but none was seen")
        return {side: math.fsum(values) / len(values) for side, values in self.values.items() if values}

    def remark(self) -> str:
        said = [
            f"{single} of {single + len(self.values[side])} {side} captions have one step, and are left out"
            for side, single in self.single.items()
            if single
        ]
        return "; ".join(said)
