"""The statistics of a table: mean and standard deviation over seeds, and the difference to the base paired by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean, stdev

from attrs import frozen

CONFIDENCE = 0.95


@frozen
class Summary:
    """Values over seeds: `n` of them out of `asked`. `deviation` is the sample's (n - 1), None from one value."""

    n: int
    asked: int
    mean: float | None
    deviation: float | None


@frozen
class Difference:
    """The mean of the paired differences to the base over the `n` seeds that both have.

    Its interval is None from one seed.
    """

    n: int
    mean: float
    low: float | None
    high: float | None


def summarise(values: Mapping[int, float], asked: int) -> Summary:
    """Mean and standard deviation of the values by seed."""
    numbers = list(values.values())
    return Summary(
        len(numbers), asked, fmean(numbers) if numbers else None, stdev(numbers) if len(numbers) > 1 else None
    )


def difference(values: Mapping[int, float], base: Mapping[int, float]) -> Difference | None:
    """The paired difference with Student's interval at 95 %; None where no seed is in both."""
    seeds = sorted(values.keys() & base.keys())
    if not seeds:
        return None
    differences = [values[seed] - base[seed] for seed in seeds]
    mean, n = fmean(differences), len(seeds)
    if n < 2:
        return Difference(n, mean, None, None)
    from scipy.stats import t

    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(differences) / math.sqrt(n)
    return Difference(n, mean, mean - half, mean + half)
