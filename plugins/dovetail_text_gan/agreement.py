"""How far raters agree: Krippendorff's alpha, for any number of raters of whom some may be missing.

Paper: krippendorff2011alpha. With o_ck how often a unit has both values c and k (each pair of its m ratings counted
1 / (m - 1) times), n_c = Σ_k o_ck and n = Σ_c n_c:

    α = 1 - (n - 1) Σ_ck o_ck δ²_ck / Σ_ck n_c n_k δ²_ck

The difference δ_ck is c - k for interval data. For ordinal data it is how many ratings lie between the two, half of
those on either end counted: the difference of their mean ranks.

*Not covered:* nominal and ratio data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

Level = Literal["ordinal", "interval"]


def alpha(units: Iterable[Sequence[int]], level: Level) -> float | None:
    """The agreement of ratings: 1 is perfect, 0 what chance would give.

    Args:
        units: the ratings of each unit; those of fewer than two say nothing of agreement, and are left out.
        level: whether ratings have an order alone, or are as far apart as their numbers.

    None where it is not defined: no unit has two ratings, or all ratings are equal.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in pairable for value in unit})
    if len(values) < 2:
        return None
    counts = np.array([[unit.count(value) for value in values] for unit in pairable], dtype=float)
    weights = 1 / (counts.sum(1) - 1)
    together = np.einsum("u,uc,uk->ck", weights, counts, counts) - np.diag(weights @ counts)
    of_value = together.sum(1)
    places = np.cumsum(of_value) - of_value / 2 if level == "ordinal" else np.array(values, dtype=float)
    squared = (places[:, None] - places) ** 2
    expected = of_value @ squared @ of_value
    return float(1 - (of_value.sum() - 1) * (together * squared).sum() / expected)
