"""A metric of each group of examples apart, by name: one number for each of several test sets, say.

*Not covered:* outcomes that are not batches of labels.
"""

from __future__ import annotations

from typing import Any, final

from attrs import frozen
from torch import Tensor, nn

from dovetail import Fields, Label, Labels, Metric, MetricSpec, Outcome, Padded


@frozen(kw_only=True)
class ByGroupSpec(MetricSpec):
    """A table of a metric's values, by the names of the groups that were seen."""

    needs = ("predictions", "references", "groups")
    takes = {"predictions": (Label, Labels), "references": (Label, Labels), "groups": (Label,)}
    metric: MetricSpec
    """What is measured in each group."""

    def build(self, *, outcome: Fields) -> ByGroup:
        groups = outcome["groups"]
        names = groups.names or tuple(str(number) for number in range(groups.classes))
        return ByGroup(names=names, metrics=[self.metric.build(outcome=outcome) for _ in names])


@final
class ByGroup(Metric):
    """One metric for each group.

    Args:
        names: the groups' names by number.
        metrics: as many metrics, each of which gives a number.
    """

    def __init__(self, *, names: tuple[str, ...], metrics: list[Metric]) -> None:
        super().__init__()
        self.names = names
        self.metrics = nn.ModuleList(metrics)
        self.direction, self.unit = metrics[0].direction, metrics[0].unit
        self.reset()

    def reset(self) -> None:
        self.seen: set[int] = set()
        for metric in self.metrics:
            metric.reset()

    def update(self, outcome: Outcome) -> None:
        groups = outcome["groups"]
        for group in groups.unique().tolist():
            rows = groups == group
            self.seen.add(group)
            self.metrics[group].update({name: _rows(outcome[name], rows) for name in ("predictions", "references")})

    def merge(self, other: Any) -> None:
        self.seen |= other.seen
        for mine, theirs in zip(self.metrics, other.metrics, strict=True):
            mine.merge(theirs)

    def compute(self) -> dict[str, float]:
        if not self.seen:
            raise ValueError("`by-group` must have seen an example, but has seen none")
        return {self.names[group]: self.metrics[group].compute() for group in sorted(self.seen)}


def _rows(labels: Tensor | Padded, rows: Tensor) -> Tensor | Padded:
    return Padded(labels.data[rows], labels.lengths[rows]) if isinstance(labels, Padded) else labels[rows]
