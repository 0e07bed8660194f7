"""A metric of the predictions that are made as in training, with the masks of dropout on.

Paper: semeniuta2019, table 3.1: under Moon's masks a network can be right in training and fail without them.
"""

from __future__ import annotations

from typing import Any, final

from attrs import frozen

from dovetail import Fields, Label, Metric, MetricSpec, Outcome


@frozen(kw_only=True)
class MaskedSpec(MetricSpec):
    """A metric of labels, of an objective that predicts them in training mode as well."""

    needs = ("masked", "references")
    takes = {"masked": (Label,), "references": (Label,)}
    metric: MetricSpec
    """What is measured."""

    def build(self, *, outcome: Fields) -> Masked:
        return Masked(metric=self.metric.build(outcome=Fields({**outcome, "predictions": outcome["masked"]})))


@final
class Masked(Metric):
    """Shows a metric the masked predictions as the predictions."""

    def __init__(self, *, metric: Metric) -> None:
        super().__init__()
        self.metric = metric
        self.direction, self.unit = metric.direction, metric.unit

    def reset(self) -> None:
        self.metric.reset()

    def update(self, outcome: Outcome) -> None:
        self.metric.update({**outcome, "predictions": outcome["masked"]})

    def merge(self, other: Any) -> None:
        self.metric.merge(other.metric)

    def compute(self) -> float | dict[str, float]:
        return self.metric.compute()
