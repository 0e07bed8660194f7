"""Whether attention moves where goals change, with a permutation test.

Paper: hacap2018, Sections 5.2 and 5.3, which say so of captions that are read (`real`) and of those that are
`generated`, and leave the numbers "to be finished". The definition is ours. Of a caption with goals g and weights α,

    goal_t = 1 - cos(g_t, g_{t-1}),   attention_t = ½ Σ_i |α_{t,i} - α_{t-1,i}|,   t = 2, …, T
    alignment = mean over captions of the correlation of goal_t and attention_t over t

Captions of less than four steps are left out, and so are those whose goals, or weights, change equally at every step:
they have no correlation. Changes that are equal to six decimals are equal, so that rounding is no change. `remark`
counts what is left out; a side without a caption that is left has no values.

The observed mean is compared with its null distribution: `permutations` times, partners are drawn anew and the mean is
computed again. A side's values are the observed mean, `-null` and `-null-95`, the null distribution's mean and its 95th
percentile, and `-p` = (1 + number of means of the null distribution that are as large) / (1 + permutations), as
phipson2010permutation has it: it is never 0, and small where alignment is more than chance.

- `null = "between"`: the goals of each caption get the attention of one of as many steps. Both keep their courses, and
  so what they have in common through the place in a caption alone (a first word after a uniform glance, say) is in the
  null distribution too, as its mean. What passes this test is the caption's own. A caption that is the only one of its
  length keeps its partner, and so speaks for nothing.
- `null = "within"`: the steps of each caption's attention change places. That asks less: two courses that have nothing
  to do with one another, but are both large at the first words, pass, and smooth ones do too often.

*Not covered:* which way goals change, and where attention goes.

Axes: step feature, of one caption; caption change, of captions of one length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, final

import numpy as np
from attrs import field, frozen
from scipy.stats import rankdata

from dovetail import Fields, Metric, MetricSpec, Outcome, Sequence, within
from dovetail.randomness import stream_seed
from dovetail_hacap.steps import Steps, directions, steps_of

Correlation = Literal["spearman", "pearson"]
Null = Literal["between", "within"]
Pair = tuple[list[float], list[float]]
"""A caption's changes of goals and of attention, each with a mean of 0 and a length of 1: a correlation's factors."""

SIDES = {"real": ("goals", "weights"), "generated": ("sample_goals", "sample_weights")}
SHORTEST = 4
DECIMALS = 6
SHORT = f"have fewer than {SHORTEST} steps"
STEADY_GOALS = "have goals that change equally at every step"
STEADY_WEIGHTS = "have weights that change equally at every step"


@frozen(kw_only=True)
class SemanticAlignmentSpec(MetricSpec):
    """The correlation of changes of the goal with moves of the attention, and whether it is more than chance."""

    needs = ("goals", "weights", "sample_goals", "sample_weights")
    takes = dict.fromkeys(needs, (Sequence,))
    correlation: Correlation = "spearman"
    """Of ranks, which one large jump does not decide; or of the changes themselves."""
    null: Null = "between"
    """Attention of another caption of the same length; or the caption's own, its steps in another order."""
    permutations: int = field(default=1000, validator=within("[1, inf)"))
    """So many draws make the null distribution; no p is below 1 / (permutations + 1)."""
    seed: int = 0
    """Seed of the draws."""

    def build(self, *, outcome: Fields) -> SemanticAlignment:
        return SemanticAlignment(
            correlation=self.correlation, null=self.null, permutations=self.permutations, seed=self.seed
        )


def goal_changes(goals: Steps) -> Steps:
    """1 - cos(g_t, g_{t-1}). Shape: goals (step, feature), result (step - 1)."""
    vectors = directions(goals)
    return 1 - (vectors[1:] * vectors[:-1]).sum(axis=1)


def attention_moves(weights: Steps) -> Steps:
    """The total variation between the weights of two steps. Shape: weights (step, place), result (step - 1)."""
    return np.abs(np.diff(weights, axis=0)).sum(axis=1) / 2


def factor(changes: Steps, correlation: Correlation) -> Steps | None:
    """What the correlation is the product of: the changes or their ranks around 0, of length 1; None of equal ones."""
    rounded = np.round(changes, DECIMALS)
    if np.ptp(rounded) == 0:
        return None
    values = rankdata(rounded) if correlation == "spearman" else changes
    centred = values - values.mean()
    return centred / np.linalg.norm(centred)


def groups(pairs: list[Pair]) -> Iterator[tuple[Steps, Steps]]:
    """Captions of one length together, in an order of their own. Shape: (caption, change) both."""
    for length in sorted({len(goals) for goals, _ in pairs}):
        goals, moves = zip(*sorted(pair for pair in pairs if len(pair[0]) == length), strict=True)
        yield np.array(goals), np.array(moves)


def null_means(pairs: list[Pair], null: Null, permutations: int, random: np.random.Generator) -> Steps:
    """The mean correlation of captions with partners that are drawn. Shape: (permutations)."""
    sums = np.zeros(permutations)
    for goals, moves in groups(pairs):
        for draw in range(permutations):
            drawn = random.permutation(moves) if null == "between" else random.permuted(moves, axis=1)
            sums[draw] += np.vdot(goals, drawn)
    return sums / len(pairs)


def p_value(observed: float, means: Steps) -> float:
    """How often chance is as good, the observed mean among the draws; means that differ by rounding are equal."""
    return float(1 + (means >= observed - 1e-9).sum()) / (1 + len(means))


@final
class SemanticAlignment(Metric):
    """Keeps the changes of each caption. The draws depend on what captions there are, not on their order."""

    direction = "higher"
    unit = "correlation"

    def __init__(
        self,
        *,
        correlation: Correlation = "spearman",
        null: Null = "between",
        permutations: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.correlation, self.null, self.permutations, self.seed = correlation, null, permutations, seed
        self.reset()

    def reset(self) -> None:
        self.pairs: dict[str, list[Pair]] = {side: [] for side in SIDES}
        self.left_out: dict[str, Counter[str]] = {side: Counter() for side in SIDES}

    def update(self, outcome: Outcome) -> None:
        """Take in a batch. Raises ValueError where weights are not as long as goals, or one is not finite."""
        for side, names in SIDES.items():
            goals, weights = (steps_of(name, outcome[name]) for name in names)
            if [*map(len, goals)] != [*map(len, weights)]:
                lengths = [[len(steps) for steps in each] for each in (weights, goals)]
                raise ValueError(f"`{names[1]}` must be as long as `{names[0]}`, {lengths[1]}, but are {lengths[0]}")
            for pair in zip(goals, weights, strict=True):
                self._add(side, *pair)

    def _add(self, side: str, goals: Steps, weights: Steps) -> None:
        if len(goals) < SHORTEST:
            self.left_out[side][SHORT] += 1
            return
        changed, moved = (
            factor(goal_changes(goals), self.correlation),
            factor(attention_moves(weights), self.correlation),
        )
        if changed is None or moved is None:
            self.left_out[side][STEADY_GOALS if changed is None else STEADY_WEIGHTS] += 1
        else:
            self.pairs[side].append((changed.tolist(), moved.tolist()))

    def merge(self, other: Any) -> None:
        for side in SIDES:
            self.pairs[side] += other.pairs[side]
            self.left_out[side] += other.left_out[side]

    def compute(self) -> dict[str, float]:
        """The values of each side that has a caption left; raises ValueError where none was seen."""
        if not any(self.pairs.values()) and not any(self.left_out.values()):
            raise ValueError("`goals` must be those of a caption, but none was seen")
        return {key: value for side in SIDES if self.pairs[side] for key, value in self._values(side).items()}

    def _values(self, side: str) -> dict[str, float]:
        pairs = self.pairs[side]
        observed = math.fsum(math.fsum(np.multiply(*pair)) for pair in pairs) / len(pairs)
        random = np.random.default_rng(stream_seed(self.seed, "semantic-alignment", side))
        means = null_means(pairs, self.null, self.permutations, random)
        return {
            side: observed,
            f"{side}-null": float(means.mean()),
            f"{side}-null-95": float(np.quantile(means, 0.95)),
            f"{side}-p": p_value(observed, means),
        }

    def remark(self) -> str:
        """How many captions of each side are left out, and why; how many keep their partner."""
        said = []
        for side in SIDES:
            counts, left = self.left_out[side], len(self.pairs[side])
            reasons = [f"{counts[why]} {why}" for why in (SHORT, STEADY_GOALS, STEADY_WEIGHTS) if counts[why]]
            if reasons:
                total = counts.total()
                said.append(f"{total} of {total + left} {side} captions are left out: {', '.join(reasons)}")
            alone = [*Counter(len(goals) for goals, _ in self.pairs[side]).values()].count(1)
            if self.null == "between" and alone:
                said.append(
                    f"{alone} of {left} {side} captions are the only ones of their length: they keep their partner"
                )
        return "; ".join(said)
