"""Ranges of numbers, written as mathematics writes them, as validators of spec fields."""

from __future__ import annotations

import math
import re
from typing import Any

from attrs import Attribute, field, frozen

_INTERVAL = re.compile(r"([\[(])\s*(\S+)\s*,\s*(\S+?)\s*([\])])")


@frozen
class Within:
    """A validator: a number, or each of a tuple of numbers, lies in the interval. Schedules and absent values pass."""

    interval: str
    low: float = field(init=False)
    high: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        match = _INTERVAL.fullmatch(self.interval)
        if match is None:
            raise ValueError(f"`interval` must be like '[0, 1)', but is {self.interval!r}")
        object.__setattr__(self, "low", float(match[2]))
        object.__setattr__(self, "high", float(match[3]))

    def holds(self, value: float) -> bool:
        above = value >= self.low if self.interval[0] == "[" else value > self.low
        below = value <= self.high if self.interval[-1] == "]" else value < self.high
        return above and below and not math.isnan(value)

    def __call__(self, instance: Any, attribute: Attribute[Any], value: Any) -> None:
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not self.holds(number):
                raise ValueError(f"`{attribute.name}` must be in {self.interval}, but is {number!r}")


def within(interval: str) -> Within:
    """A validator for `attrs.field`: `rate: float = field(default=0.5, validator=within("[0, 1)"))`."""
    return Within(interval)
