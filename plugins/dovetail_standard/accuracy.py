"""The share of labels that are predicted right."""

from __future__ import annotations

from typing import Any, final

from attrs import frozen
from torch import Tensor

from dovetail import Fields, Label, Labels, Metric, MetricSpec, Outcome, Padded


@frozen(kw_only=True)
class AccuracySpec(MetricSpec):
    """The share of labels that are predicted right; of labels in a row, each real one counts."""

    needs = ("predictions", "references")
    takes = {"predictions": (Label, Labels), "references": (Label, Labels)}

    def build(self, *, outcome: Fields) -> Accuracy:
        return Accuracy()


def real_labels(labels: Tensor | Padded) -> Tensor:
    """The labels in one row, without padding. Shape: (labels)."""
    return labels.data[labels.mask] if isinstance(labels, Padded) else labels


@final
class Accuracy(Metric):
    """Counts the predictions that equal their references."""

    direction = "higher"
    unit = "fraction"

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        self.right, self.seen = 0, 0

    def update(self, outcome: Outcome) -> None:
        predictions, references = real_labels(outcome["predictions"]), real_labels(outcome["references"])
        self.right += int((predictions == references).sum())
        self.seen += len(references)

    def merge(self, other: Any) -> None:
        self.right += other.right
        self.seen += other.seen

    def compute(self) -> float:
        if not self.seen:
            raise ValueError("`accuracy` must have seen a label, but has seen none")
        return self.right / self.seen
