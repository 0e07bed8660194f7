"""How well text is predicted: perplexity, and bits per character.

Axes: batch time 1: `nll` in nats a token.
"""

from __future__ import annotations

import math
from typing import Any, Literal, final

from attrs import frozen

from dovetail import Fields, Metric, MetricSpec, Outcome, Padded, Sequence


@frozen(kw_only=True)
class PerplexitySpec(MetricSpec):
    """The exponential of the mean negative log-likelihood a token."""

    needs = ("nll",)
    takes = {"nll": (Sequence,)}
    base: Literal["corpus", "batch-mean"] = "corpus"
    """The exponential of the mean over all tokens; or the mean over batches of the exponential of each batch's mean, as
    some publish it, which is never lower where batches are of one size."""

    def build(self, *, outcome: Fields) -> Perplexity:
        return Perplexity(base=self.base)


@frozen(kw_only=True)
class BitsPerCharacterSpec(MetricSpec):
    """The mean negative log-likelihood in bits a token, where tokens are characters."""

    needs = ("nll",)
    takes = {"nll": (Sequence,)}

    def build(self, *, outcome: Fields) -> BitsPerCharacter:
        return BitsPerCharacter()


def batch_sum(nll: Padded) -> tuple[float, int]:
    """The nats and the number of a batch's real tokens."""
    return float(nll.data[..., 0].double().where(nll.mask, 0.0).sum()), int(nll.lengths.sum())


def mean_nll(sums: list[tuple[float, int]]) -> float:
    """Nats a token over all batches, whatever their order; raises ValueError where there is no token."""
    tokens = sum(count for _, count in sums)
    if not tokens:
        raise ValueError("`nll` must have a token, but none was seen")
    return math.fsum(nats for nats, _ in sums) / tokens


def exponential(nats: float) -> float:
    """The exponential of `nats`, infinity where it is too large for a float."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


@final
class Perplexity(Metric):
    """Keeps each batch's sum, so that both bases and any order give one result."""

    direction = "lower"
    unit = "perplexity"

    def __init__(self, *, base: Literal["corpus", "batch-mean"] = "corpus") -> None:
        super().__init__()
        self.base = base
        self.reset()

    def reset(self) -> None:
        self.sums: list[tuple[float, int]] = []

    def update(self, outcome: Outcome) -> None:
        self.sums.append(batch_sum(outcome["nll"]))

    def merge(self, other: Any) -> None:
        self.sums += other.sums

    def compute(self) -> float:
        corpus = exponential(mean_nll(self.sums))
        if self.base == "corpus":
            return corpus
        batches = [exponential(nats / tokens) for nats, tokens in self.sums if tokens]
        return math.fsum(batches) / len(batches)


@final
class BitsPerCharacter(Metric):
    """Nats a token, divided by ln 2."""

    direction = "lower"
    unit = "bits per character"

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        self.sums: list[tuple[float, int]] = []

    def update(self, outcome: Outcome) -> None:
        self.sums.append(batch_sum(outcome["nll"]))

    def merge(self, other: Any) -> None:
        self.sums += other.sums

    def compute(self) -> float:
        return mean_nll(self.sums) / math.log(2)
