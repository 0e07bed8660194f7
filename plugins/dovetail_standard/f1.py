"""The F1 score: the harmonic mean of precision and recall, over the classes that count.

*Not covered:* spans of several labels; each label counts on its own.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from attrs import frozen
from sklearn.metrics import f1_score

from dovetail import Fields, Label, Labels, Metric, MetricSpec, Misfit, Outcome
from dovetail_standard.accuracy import real_labels


@frozen(kw_only=True)
class F1Spec(MetricSpec):
    """The F1 score of labels, averaged over classes."""

    needs = ("predictions", "references")
    takes = {"predictions": (Label, Labels), "references": (Label, Labels)}
    average: Literal["macro", "micro"] = "macro"
    """The mean of the classes' scores; or one score of all their decisions together."""
    classes: tuple[str, ...] = ()
    """The classes that count, by their names, or by their numbers where they have none; empty for all."""

    def build(self, *, outcome: Fields) -> F1:
        references = outcome["references"]
        names = references.names or tuple(str(number) for number in range(references.classes))
        unknown = [name for name in self.classes if name not in names]
        if unknown:
            raise Misfit(
                "outcome", f"labels that have the classes {', '.join(unknown)}", f"labels of {', '.join(names)}"
            )
        numbers = [names.index(name) for name in self.classes or names]
        return F1(classes=tuple(numbers), average=self.average)


@final
class F1(Metric):
    """Keeps all labels, and scores them at once; a class without any label or prediction scores 0.

    Args:
        classes: the numbers of those that count.
    """

    direction = "higher"
    unit = "fraction"

    def __init__(self, *, classes: tuple[int, ...], average: Literal["macro", "micro"] = "macro") -> None:
        super().__init__()
        self.classes, self.average = classes, average
        self.reset()

    def reset(self) -> None:
        self.predictions: list[torch.Tensor] = []
        self.references: list[torch.Tensor] = []

    def update(self, outcome: Outcome) -> None:
        self.predictions.append(real_labels(outcome["predictions"]).cpu())
        self.references.append(real_labels(outcome["references"]).cpu())

    def merge(self, other: Any) -> None:
        self.predictions += other.predictions
        self.references += other.references

    def compute(self) -> float:
        if not sum(len(labels) for labels in self.references):
            raise ValueError("`f1` must have seen a label, but has seen none")
        predictions, references = torch.cat(self.predictions).numpy(), torch.cat(self.references).numpy()
        score = f1_score(references, predictions, labels=list(self.classes), average=self.average, zero_division=0)
        return float(score)
