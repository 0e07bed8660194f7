"""The kind `baseline`: what is taken off a reward before it weighs a token, so that the gradient varies less.

A baseline of a token depends on the tokens before it and on other texts alone: the gradient's mean stays what it was
(williams1992reinforce).

Axes: batch time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from dovetail import Padded, Spec, Tokens


class Baseline(nn.Module, ABC):
    """Expects the rewards of the tokens of sampled texts."""

    @abstractmethod
    def forward(self, texts: Padded, returns: Tensor) -> Tensor:
        """What each token's R_t is expected to be; gradients flow to the parameters, where it has any.

        The difference to `returns` is squared and minimised beside the generator's loss.
        Shape: texts `Padded` (batch, time), returns and result (batch, time).
        """


class BaselineSpec(Spec):
    """What rewards are compared with."""

    kind = "baseline"

    @abstractmethod
    def build(self, *, input: Tokens) -> Baseline: ...
