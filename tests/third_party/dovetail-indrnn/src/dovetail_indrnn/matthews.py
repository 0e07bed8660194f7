"""Matthews's correlation coefficient, for any number of classes: Pearson's correlation of labels.

Paper: gorodkin2004, which generalises matthews1975 from two classes. Of s examples c are right; class k is predicted p_k
times and true t_k times:

    R = (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))

It is 0 where all predictions, or all references, are of one class.

Axes: reference prediction.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import frozen
from dovetail import Fields, Label, Metric, MetricSpec, Outcome


@frozen(kw_only=True)
class MatthewsSpec(MetricSpec):
    """The correlation of labels: 1 where all are right, about 0 for guessing, whatever the classes' shares."""

    needs = ("predictions", "references")
    takes = {"predictions": (Label,), "references": (Label,)}

    def build(self, *, outcome: Fields) -> MatthewsMetric:
        return MatthewsMetric(classes=outcome["references"].classes)


@final
class MatthewsMetric(Metric):
    """Counts how often each class was predicted for each. Shape: counts (reference, prediction)."""

    direction = "higher"
    unit = "correlation"

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.reset()

    def reset(self) -> None:
        self.counts = torch.zeros(self.classes, self.classes, dtype=torch.long)

    def update(self, outcome: Outcome) -> None:
        pairs = outcome["references"].cpu() * self.classes + outcome["predictions"].cpu()
        self.counts += pairs.bincount(minlength=self.classes**2).view(self.classes, self.classes)

    def merge(self, other: Any) -> None:
        self.counts += other.counts

    def compute(self) -> float:
        counts = self.counts.double()
        true, predicted, seen = counts.sum(1), counts.sum(0), counts.sum()
        if not seen:
            raise ValueError("a label must have been seen, but none was")
        spread = (seen**2 - predicted.square().sum()) * (seen**2 - true.square().sum())
        return float((counts.trace() * seen - predicted @ true) / spread.sqrt()) if spread else 0.0
