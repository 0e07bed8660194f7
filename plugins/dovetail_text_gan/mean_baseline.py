"""The mean reward of the other texts of the batch at the same place, as a baseline (williams1992reinforce).

Axes: batch time.
"""

from __future__ import annotations

from typing import final

from attrs import frozen
from torch import Tensor

from dovetail import Padded, Tokens
from dovetail_standard.baseline import Baseline, BaselineSpec


@frozen(kw_only=True)
class MeanBaselineSpec(BaselineSpec):
    """The mean over the other texts of the batch: a text's own reward is left out, so that nothing is biased."""

    takes = {"input": (Tokens,)}

    def build(self, *, input: Tokens) -> MeanBaseline:
        return MeanBaseline()


@final
class MeanBaseline(Baseline):
    """At each place the mean of R_t over the other texts that are so long; 0 where there is no other."""

    def forward(self, texts: Padded, returns: Tensor) -> Tensor:
        real = texts.mask.to(returns)
        others = real.sum(0) - real
        return ((returns * real).sum(0) - returns * real) / others.clamp(min=1) * real
