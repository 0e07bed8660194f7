"""Schedules: quantities that are pure functions of the progress of training, counted in steps or epochs done."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Literal

from attrs import field, frozen

from dovetail import Mistake, Progress, ScheduleSpec, within

Unit = Literal["step", "epoch"]


def done(progress: Progress, by: Unit) -> int:
    """The steps or epochs done so far."""
    return progress.step if by == "step" else progress.epoch


def share(position: int, begin: int, finish: int) -> float:
    """How far `position` is from `begin` to `finish`: 0 up to the first, 1 from the second on."""
    if position <= begin:
        return 0.0
    return 1.0 if position >= finish else (position - begin) / (finish - begin)


@frozen(kw_only=True)
class ConstantSpec(ScheduleSpec):
    """The same value throughout."""

    value: float
    """The quantity's value."""

    def at(self, progress: Progress) -> float:
        return self.value


@frozen(kw_only=True)
class LinearSpec(ScheduleSpec):
    """A straight line between two values: a warm-up or an annealing."""

    start: float = 0.0
    """Value up to `begin`."""
    end: float = 1.0
    """Value from `finish` on."""
    begin: int = field(default=0, validator=within("[0, inf)"))
    """Steps or epochs done when the value begins to change."""
    finish: int = field(validator=within("[0, inf)"))
    """Steps or epochs done when it has reached its end."""
    by: Unit = "step"
    """What is counted."""

    def at(self, progress: Progress) -> float:
        return self.start + (self.end - self.start) * share(done(progress, self.by), self.begin, self.finish)


@frozen(kw_only=True)
class CosineSpec(ScheduleSpec):
    """Half a wave of a cosine between two values."""

    start: float
    """Value up to `begin`."""
    end: float = 0.0
    """Value from `finish` on."""
    begin: int = field(default=0, validator=within("[0, inf)"))
    """Steps or epochs done when the value begins to change."""
    finish: int = field(validator=within("[0, inf)"))
    """Steps or epochs done when it has reached its end."""
    by: Unit = "step"
    """What is counted."""

    def at(self, progress: Progress) -> float:
        angle = math.pi * share(done(progress, self.by), self.begin, self.finish)
        return self.end + (self.start - self.end) * (1 + math.cos(angle)) / 2


@frozen(kw_only=True)
class ExponentialSpec(ScheduleSpec):
    """Multiplied by a factor after every step or epoch, from one on."""

    start: float
    """Value before the first multiplication."""
    factor: float = field(validator=within("(0, inf)"))
    """What each multiplies the value by."""
    begin: int = field(default=1, validator=within("[1, inf)"))
    """Steps or epochs done at the first multiplication."""
    by: Unit = "epoch"
    """What is counted."""

    def at(self, progress: Progress) -> float:
        return self.start * self.factor ** max(0, done(progress, self.by) - self.begin + 1)


@frozen(kw_only=True)
class PlateauSpec(ScheduleSpec):
    """Divided whenever the watched metric has not beaten the best so far for some evaluations in a row."""

    start: float
    """Value before the first division."""
    divisor: float = field(default=1.5, validator=within("[1, inf)"))
    """What the value is divided by."""
    patience: int = field(default=1, validator=within("[1, inf)"))
    """Evaluations in a row without a new best that make one division."""
    smallest: float = field(default=0.0, validator=within("[0, inf)"))
    """The value does not fall below this."""

    def at(self, progress: Progress) -> float:
        best, waited, divisions = -math.inf, 0, 0
        for metric in progress.validation:
            value = metric if progress.higher else -metric
            waited = 0 if value > best else waited + 1
            best = value if value > best else best
            if waited == self.patience:
                divisions, waited = divisions + 1, 0
        return max(self.smallest, self.start / self.divisor**divisions)


@frozen(kw_only=True)
class PiecewiseSpec(ScheduleSpec):
    """One value after another, changed at the boundaries."""

    values: tuple[float, ...]
    """The values in their order, one more than there are boundaries."""
    boundaries: tuple[int, ...] = field(validator=within("[1, inf)"))
    """Steps or epochs done when the next value begins, in rising order."""
    by: Unit = "epoch"
    """What is counted."""

    def at(self, progress: Progress) -> float:
        if len(self.values) != len(self.boundaries) + 1:
            raise Mistake(
                f"`values` must be one more than `boundaries`, but are {len(self.values)} and {len(self.boundaries)}"
            )
        if any(later <= earlier for earlier, later in pairwise(self.boundaries)):
            raise Mistake(f"`boundaries` must rise, but are {self.boundaries}")
        return self.values[bisect_right(self.boundaries, done(progress, self.by))]
