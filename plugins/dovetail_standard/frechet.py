"""The Fréchet distance between the features of samples and those of references, each taken for a Gaussian.

Paper: heusel2017fid, Eq. 6, with any encoder's features: Inception's make it the FID.

    |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁ Σ₂)^½

Covariances are unbiased (divided by n - 1). With Σ = A Aᵀ, of a symmetric eigen-decomposition, the last trace is the
sum of the singular values of A₁ᵀ A₂: real and never negative, also where a covariance is singular, as it is for fewer
examples than features. The distance of few examples is too large on average: compare values of equal counts only.

*Differs from the paper's code:* that takes the root of Σ₁ Σ₂ itself, which can be complex by rounding.

Axes: batch feature.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any, final

import attrs
import torch
from torch import Tensor

from dovetail import Encoder, EncoderSpec, Fields, Metric, MetricSpec, Misfit, Outcome, Tokens, Vector
from dovetail_standard.tokenisation import differences, words_in


@attrs.frozen(kw_only=True)
class FrechetDistanceSpec(MetricSpec):
    """The Fréchet distance between two sets of features."""

    needs = ("samples", "references")

    encoder: EncoderSpec
    """What makes features, a vector each, of samples and of references; in evaluation mode, and not trained."""

    def build(self, *, outcome: Fields) -> FrechetDistance:
        if outcome["references"] != outcome["samples"]:
            raise Misfit("references", f"of the samples' space, {outcome['samples']}", outcome["references"])
        encoder = self.encoder.build(input=outcome["samples"])
        if not isinstance(encoder.output, Vector):
            raise Misfit("encoder", "one that gives a Vector", encoder.output)
        tokens = outcome["samples"] if isinstance(outcome["samples"], Tokens) else None
        return FrechetDistance(encoder=encoder, tokens=tokens)


@attrs.frozen(eq=False)
class Moments:
    """What is kept of features: their count, their mean, and the sum of the outer products of their deviations from it.

    Shape: mean (feature), scatter (feature, feature), both float64.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of a batch. Shape: features (batch, feature)."""
        features = features.double()
        mean = features.mean(dim=0)
        return cls(len(features), mean, (features - mean).T @ (features - mean))

    def __add__(self, other: Moments) -> Moments:
        """The moments of both, as of one batch (chan1983variance, Eq. 2.1)."""
        count, step = self.count + other.count, other.mean - self.mean
        return Moments(
            count,
            self.mean + step * (other.count / count),
            self.scatter + other.scatter + torch.outer(step, step) * (self.count * other.count / count),
        )

    @property
    def covariance(self) -> Tensor:
        return self.scatter / (self.count - 1)


def frechet_distance(mean1: Tensor, covariance1: Tensor, mean2: Tensor, covariance2: Tensor) -> Tensor:
    """Eq. 6. Shape: means (feature), covariances (feature, feature), symmetric and not negative; result ()."""
    overlap = torch.linalg.svdvals(root(covariance1).T @ root(covariance2)).sum()
    distance = (mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() - 2 * overlap
    return distance.clamp(min=0)


def root(covariance: Tensor) -> Tensor:
    """A matrix A with A Aᵀ = Σ, of Σ's rank. Shape: (feature, feature) both.

    Eigenvalues that are 0 but for rounding are taken for 0: their roots would be as large as 1e-8 of the largest.
    """
    values, vectors = torch.linalg.eigh(covariance)
    least = len(values) * torch.finfo(values.dtype).eps * values.abs().amax()
    return vectors * values.where(values > least, 0.0).sqrt()


@final
class FrechetDistance(Metric):
    """The distance between `encoder`'s features of `samples` and of `references`; keeps only their moments.

    Args:
        encoder: what makes the features.
        tokens: the space of samples and references that are texts, whose words are counted for the remark.
    """

    direction = "lower"
    unit = "squared feature units"

    def __init__(self, *, encoder: Encoder, tokens: Tokens | None = None) -> None:
        super().__init__()
        self.encoder, self.tokens = encoder.requires_grad_(False), tokens
        self.reset()

    def reset(self) -> None:
        self.moments: dict[str, Moments] = {}
        self.words: dict[str, Counter[str]] = {name: Counter() for name in FrechetDistanceSpec.needs}

    @torch.no_grad()
    def update(self, outcome: Outcome) -> None:
        self.encoder.eval()
        for name in FrechetDistanceSpec.needs:
            self._add(name, Moments.of(self.encoder(outcome[name])))
            if self.tokens is not None:
                self.words[name].update(chain.from_iterable(words_in(self.tokens, outcome[name])))

    def merge(self, other: Any) -> None:
        for name, moments in other.moments.items():
            self._add(name, moments)
            self.words[name].update(other.words[name])

    def compute(self) -> float:
        """The distance.

        Raises:
            ValueError: with fewer than two examples on either side, or where a feature is not finite.
        """
        for name in FrechetDistanceSpec.needs:
            moments = self.moments.get(name)
            count = 0 if moments is None else moments.count
            if moments is None or count < 2:
                raise ValueError(f"`{name}` must be at least 2 for a Fréchet distance, but are {count}")
            if not bool(moments.scatter.isfinite().all()):
                raise ValueError(f"`{name}` must have finite features, but some are infinite or not a number")
        one, two = (self.moments[name] for name in FrechetDistanceSpec.needs)
        return float(frechet_distance(one.mean, one.covariance, two.mean, two.covariance))

    def remark(self) -> str:
        """That examples are too few for a covariance of full rank, what the encoder remarks, how texts differ."""
        few = [
            f"{moments.count} {name} are too few for a covariance of full rank, of {len(moments.mean)} features: the"
            " distance is too large on average"
            for name, moments in self.moments.items()
            if moments.count <= len(moments.mean)
        ]
        return "; ".join(filter(None, [*few, self.encoder.remark(), *differences(*self.words.values())]))

    def _add(self, name: str, moments: Moments) -> None:
        self.moments[name] = self.moments[name] + moments if name in self.moments else moments
