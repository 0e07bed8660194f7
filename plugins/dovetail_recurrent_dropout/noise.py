"""Bernoulli masks over a recurrence, one a step or one a sequence.

Paper: semeniuta2019, Eq. 3.3.1, 3.3.2 and 3.3.15.

Axes: `time batch place feature`, time-first, so that drawing a window at once takes the same random numbers as drawing
step after step.

*Differs from the paper:* `rate` is always the probability to drop. The thesis's p is that in Eq. 3.3.2 and its
complement in Eq. 3.3.11–3.3.16; its mask of Eq. 3.3.1, of success probability p, is read as one that drops with
probability p. Probabilities are rounded to a multiple of 2^-16, which costs a quarter of the time of uniform numbers.
"""

from __future__ import annotations

import math
from typing import Literal, final

import torch
from torch import Tensor, nn

from dovetail import State

Sampling = Literal["step", "sequence"]
Scale = Literal["training", "test"]
LEVELS = 2**16


def bernoulli(steps: int, shape: tuple[int, ...], success: float, like: Tensor) -> Tensor:
    """Ones with probability `success` in (0, 1), else zeros, from torch's global generator: four from each 64 bits.

    Shape: (steps, *shape), with the type and the device of `like`.
    """
    size = math.prod(shape)
    words = torch.empty(steps, -(-size // 4), dtype=torch.int64, device=like.device).random_(-(2**63), None)
    last = min(max(round(success * LEVELS), 1), LEVELS) - LEVELS // 2 - 1  # of the 16-bit numbers that make a one
    return (words.view(torch.int16)[:, :size] <= last).to(like.dtype).reshape(steps, *shape)


@final
class Noise(nn.Module):
    """Masks that are `value` with probability `success` and else zero.

    Args:
        success: the probability, in (0, 1]; at one there are no masks at all.
        sampling: new masks at each `step`, or one for each example of a `sequence` (of a window, where texts are cut).
        value: what a mask is where it is not zero.
        expected: what stands for the masks in evaluation; None where there are none.
    """

    def __init__(self, *, success: float, sampling: Sampling, value: float = 1.0, expected: float | None) -> None:
        super().__init__()
        self.success = success
        self.sampling = sampling
        self.value = value
        self.expected = expected

    @property
    def carries(self) -> int:
        """How many tensors `carried` draws in training."""
        return int(self.success < 1.0 and self.sampling == "sequence")

    def carried(self, memory: Tensor, places: tuple[int, ...] = ()) -> State:
        """The masks of a sequence; none in evaluation or with new ones at each step.

        Shape: memory (batch, feature), masks (batch, *places, feature).
        """
        return (self._draw(1, memory, places)[0],) if self.training and self.carries else ()

    def forward(self, memory: Tensor, steps: int, carried: State, places: tuple[int, ...] = ()) -> Tensor | None:
        """The masks of the next steps: carried, or drawn with torch's global generator; None where there are none.

        Shape: memory (batch, feature), masks (steps, batch, *places, feature).
        """
        if self.success == 1.0:
            return None
        batch, feature = memory.shape
        shape = (steps, batch, *places, feature)
        if self.training:
            return carried[0].expand(shape) if self.carries else self._draw(steps, memory, places)
        if self.expected is None:
            return None
        return torch.full((), self.expected, dtype=memory.dtype, device=memory.device).expand(shape)

    def _draw(self, steps: int, memory: Tensor, places: tuple[int, ...]) -> Tensor:
        batch, feature = memory.shape
        drawn = bernoulli(steps, (batch, *places, feature), self.success, memory)
        return drawn if self.value == 1.0 else drawn.mul_(self.value)


def dropping(*, rate: float, sampling: Sampling, scale: Scale) -> Noise:
    """The noise of dropout: zero with probability `rate`, in [0, 1).

    `scale` is what makes up for what was dropped: kept values divided by 1 - rate in `training` (Eq. 3.3.15), or all
    values multiplied by 1 - rate at `test` (Eq. 3.3.2).
    """
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"`rate` must be in [0, 1), but is {rate!r}")
    keep = 1.0 - rate
    if scale == "training":
        return Noise(success=keep, sampling=sampling, value=1.0 / keep, expected=None)
    return Noise(success=keep, sampling=sampling, expected=keep)
