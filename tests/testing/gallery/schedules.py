"""Schedules, each with one fault, and their mended twins."""

from __future__ import annotations

import random
from collections import Counter

from attrs import field, frozen

from dovetail import ScheduleSpec, within

ASKED = Counter()


@frozen(kw_only=True)
class DecaySpec(ScheduleSpec):
    """start / (1 + step)."""

    start: float = field(default=1.0, validator=within("(0, inf)"))
    """Value at the first step."""

    def at(self, progress):
        return self.start / (1 + progress.step)


@frozen(kw_only=True)
class MemorySpec(DecaySpec):
    """Counts how often it was asked, instead of the steps."""

    def at(self, progress):
        ASKED[self] += 1
        return self.start / ASKED[self]


@frozen(kw_only=True)
class FirstStepSpec(DecaySpec):
    """start / step, which is no number at the first one."""

    def at(self, progress):
        return self.start / progress.step


@frozen(kw_only=True)
class RandomSpec(DecaySpec):
    """Draws its value."""

    def at(self, progress):
        return random.uniform(0, self.start)
