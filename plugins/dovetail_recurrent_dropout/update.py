"""Recurrent dropout of the candidates alone, so that what is in the memory stays: c_t = f_t * c_{t-1} + i_t * d(g_t).

Paper: semeniuta2019, Eq. 3.3.10, and semeniuta2016. In a GRU it drops g_t of Eq. 2.2.9; in a vanilla RNN it is
Eq. 3.3.4.

*Differs from the paper:* Eq. 3.3.16 as printed also scales h_0, which dropping only the candidates does not: with all
gates at one the expected state is h_0 + (1 - rate) Σ g_i.

Axes: masks are `time batch feature`.
"""

from __future__ import annotations

from typing import final

from attrs import field, frozen
from torch import Tensor

from dovetail import State, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, Site
from dovetail_recurrent_dropout.noise import Sampling, Scale, dropping


@frozen(kw_only=True)
class UpdateSpec(DropoutSpec):
    """Drops the vectors that update the memory."""

    rate: float = field(default=0.25, validator=within("[0, 1)"))
    """The probability to drop a unit; 0.25 and 0.5 in the thesis (tables 3.2–3.4)."""
    sampling: Sampling = "step"
    """A new mask at each step, or one for each sequence (section 3.3.3: this scheme needs no mask a sequence)."""
    scale: Scale = "test"
    """Where the rate is made up for: at test time (Eq. 3.3.2) or in training (Eq. 3.3.15)."""

    def build(self) -> UpdateDropout:
        return UpdateDropout(rate=self.rate, sampling=self.sampling, scale=self.scale)


@final
class UpdateDropout(Dropout):
    """Eq. 3.3.10: d(g_t).

    Args:
        rate: the probability to drop, in [0, 1).
        sampling: a new mask at each `step`, or one for each `sequence`.
        scale: whether the rate is made up for in `training` or at `test` time.
    """

    def __init__(self, *, rate: float, sampling: Sampling, scale: Scale) -> None:
        super().__init__()
        self.noise = dropping(rate=rate, sampling=sampling, scale=scale)

    def carries(self, site: Site) -> int:
        return self.noise.carries

    def carried(self, site: Site, memory: Tensor) -> State:
        return self.noise.carried(memory)

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        return Masks(candidate=self.noise(memory, steps, carried))
