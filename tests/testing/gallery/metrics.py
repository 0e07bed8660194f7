"""Metrics, each with one fault, and their mended twin."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from dovetail import Label, Metric, MetricSpec, within


class Right(Metric):
    """Counts the predictions that equal their references."""

    direction = "higher"
    unit = "fraction"

    def __init__(self, *, scale):
        super().__init__()
        self.scale = scale
        self.reset()

    def reset(self):
        self.right, self.seen = 0.0, 0

    def update(self, outcome):
        self.right += float((outcome["predictions"] == outcome["references"]).sum())
        self.seen += len(outcome["references"])

    def merge(self, other):
        self.right += other.right
        self.seen += other.seen

    def compute(self):
        if not self.seen:
            raise ValueError("must have seen a label, but has seen none")
        return self.scale * self.right / self.seen


@frozen(kw_only=True)
class RightSpec(MetricSpec):
    """The share of labels that are predicted right."""

    needs = ("predictions", "references")
    takes = {"predictions": (Label,), "references": (Label,)}
    module: ClassVar = Right
    scale: float = field(default=1.0, validator=within("(0, inf)"))
    """Its value where all is right."""

    def build(self, *, outcome):
        return self.module(scale=self.scale)


class AverageOfAverages(Right):
    """Averages the batches' shares."""

    def update(self, outcome):
        self.right += float((outcome["predictions"] == outcome["references"]).float().mean())
        self.seen += 1


@frozen(kw_only=True)
class AverageOfAveragesSpec(RightSpec):
    """Averages the batches' shares."""

    module = AverageOfAverages


class RunningMean(Right):
    """Weighs later batches more."""

    def update(self, outcome):
        self.right = 0.5 * self.right + float((outcome["predictions"] == outcome["references"]).sum())
        self.seen = 0.5 * self.seen + len(outcome["references"])


@frozen(kw_only=True)
class RunningMeanSpec(RightSpec):
    """Weighs later batches more."""

    module = RunningMean


class MergeForgets(Right):
    """Forgets its own counts when it is merged."""

    def merge(self, other):
        self.right, self.seen = other.right, other.seen


@frozen(kw_only=True)
class MergeForgetsSpec(RightSpec):
    """Forgets its own counts when it is merged."""

    module = MergeForgets


class ResetKeeps(Right):
    """Keeps what it has counted through a reset."""

    seen = 0

    def reset(self):
        self.right = 0.0


@frozen(kw_only=True)
class ResetKeepsSpec(RightSpec):
    """Keeps what it has counted through a reset."""

    module = ResetKeeps


class ZeroForNothing(Right):
    """Is 0 where nothing was seen."""

    def compute(self):
        return super().compute() if self.seen else 0.0


@frozen(kw_only=True)
class ZeroForNothingSpec(RightSpec):
    """Is 0 where nothing was seen."""

    module = ZeroForNothing


class Inverted(Right):
    """Says that fewer right ones are better."""

    direction = "lower"


@frozen(kw_only=True)
class InvertedSpec(RightSpec):
    """Says that fewer right ones are better."""

    module = Inverted


class NoDirection(Right):
    """Says `max` where `higher` is meant."""

    direction = "max"


@frozen(kw_only=True)
class NoDirectionSpec(RightSpec):
    """Says `max` where `higher` is meant."""

    module = NoDirection
