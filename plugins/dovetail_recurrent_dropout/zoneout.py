"""Zoneout: memories that stay as they were, h_t = m * h_{t-1} + (1 - m) * h~_t, and the same of c_t with its own rate.

Paper: krueger2017. h~_t is what the recurrence makes of h_{t-1}; in an LSTM it reads the c_t before zoneout, as in the
authors' code. At test time the masks are replaced by what they are in the mean.

The defaults are what the authors' code is run with on the Penn treebank. Under `sampling = "sequence"` a unit stays as
it was for a whole sequence; that code has masks for whole sequences as an option, too.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import State, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, Site
from dovetail_recurrent_dropout.noise import Noise, Sampling
from dovetail_recurrent_dropout.several import SeveralDropout


@frozen(kw_only=True)
class ZoneoutSpec(DropoutSpec):
    """Lets units keep their previous values."""

    hidden: float = field(default=0.05, validator=within("[0, 1)"))
    """The probability that a unit of h stays as it was; 0.05 for the Penn treebank, words and characters."""
    cell: float = field(default=0.5, validator=within("[0, 1)"))
    """The same of an LSTM's c; 0.5 for the Penn treebank. The other cells have no c."""
    sampling: Sampling = "step"
    """A new mask at each step, or one for each sequence."""

    def build(self) -> SeveralDropout:
        return SeveralDropout(
            schemes=[
                StayDropout(memory=memory, noise=Noise(success=rate, sampling=self.sampling, expected=rate))
                for memory, rate in enumerate((self.hidden, self.cell))
                if rate > 0
            ]
        )


@final
class StayDropout(Dropout):
    """Zoneout of one memory.

    Args:
        memory: its number: h, then c. In a recurrence without it, nothing stays.
        noise: ones where a unit stays.
    """

    def __init__(self, *, memory: int, noise: Noise) -> None:
        super().__init__()
        self.memory = memory
        self.noise = noise

    def carries(self, site: Site) -> int:
        return self.noise.carries if self.memory < site.memories else 0

    def carried(self, site: Site, memory: Tensor) -> State:
        return self.noise.carried(memory) if self.memory < site.memories else ()

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        if self.memory >= site.memories:
            return Masks()
        stay = self.noise(memory, steps, carried)
        others = torch.zeros_like(stay)
        return Masks(
            stay=torch.stack([stay if number == self.memory else others for number in range(site.memories)], 2)
        )
