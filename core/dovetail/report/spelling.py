"""Numbers as a table has them: no more digits than their spread supports, and a true minus."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dovetail.report.statistics import Difference, Summary

ABSENT = "–"
"""What stands where there is no value."""

MINUS = "−"


def spell_seeds(seeds: Iterable[int]) -> str:
    """`seed 3`, or `seeds 0, 1, 2`."""
    seeds = list(seeds)
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def number(value: float) -> str:
    """Four significant digits, without an exponent where people would write none."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.3e}"
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 3
    return f"{value:.{digits}f}"


def to_digits_of(spread: float, *values: float) -> list[str]:
    """The values to the place of the second significant digit of `spread`, without a sign."""
    digits = 1 - math.floor(math.log10(spread))
    if digits > 6:
        return [f"{abs(value):.2e}" for value in values]
    return [f"{abs(value):.{max(0, digits)}f}" for value in values]


def _sign(value: float, spelt: str) -> str:
    """The sign of a number that is spelt without one; a true minus, and none for what is spelt as zero."""
    if not spelt.strip("0."):
        return spelt
    return f"{'+' if value > 0 else MINUS}{spelt}"


def spell_difference(found: Difference | None) -> str:
    """`mean [low, high]`, all to the digits of the interval's half-width; no interval from one pair."""
    if found is None:
        return ABSENT
    if found.low is None or found.high is None:
        return _sign(found.mean, number(abs(found.mean)))
    values = (found.mean, found.low, found.high)
    half = (found.high - found.low) / 2
    spelt = to_digits_of(half, *values) if half > 0 else [number(abs(value)) for value in values]
    mean, low, high = (_sign(value, text) for value, text in zip(values, spelt, strict=True))
    return f"{mean} [{low}, {high}]"


def spell_summary(summary: Summary) -> str:
    """`mean ± deviation`, both to the digit that the deviation's second significant one has; no ± from one seed."""
    if summary.mean is None:
        return ABSENT
    if not summary.deviation:
        return f"{number(summary.mean)}{'' if summary.deviation is None else ' ± 0'}"
    mean, deviation = to_digits_of(summary.deviation, summary.mean, summary.deviation)
    return f"{MINUS if summary.mean < 0 else ''}{mean} ± {deviation}"
