"""Dropout of the memory itself, after its update: c_t = d(f_t * c_{t-1} + i_t * g_t).

Paper: moon2015, as semeniuta2019 gives it in Eq. 3.3.9. In a GRU it drops h_t after the interpolation of Eq. 2.2.9; in
a vanilla RNN it is Eq. 3.3.4. With all gates at one the expected memory decays as (1 - rate)^t (Eq. 3.3.14).

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
class MoonSpec(DropoutSpec):
    """Drops the memory after its update."""

    rate: float = field(default=0.25, validator=within("[0, 1)"))
    """The probability to drop a unit; 0.25 and 0.5 in the thesis (tables 3.2–3.4)."""
    sampling: Sampling = "sequence"
    """One mask for each sequence (section 3.3.3), or a new one at each step."""
    scale: Scale = "test"
    """Where the rate is made up for: at test time (Eq. 3.3.2) or in training (Eq. 3.3.15)."""

    def build(self) -> MoonDropout:
        return MoonDropout(rate=self.rate, sampling=self.sampling, scale=self.scale)


@final
class MoonDropout(Dropout):
    """Eq. 3.3.9: d(c_t).

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
        return Masks(memory=self.noise(memory, steps, carried))
