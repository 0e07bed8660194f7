"""Dropout of the previous hidden state where it enters the gates and the candidate: W [x_t, d(h_{t-1})].

Paper: gal2016, as semeniuta2019 gives it in Eq. 3.3.8. What is carried on is not dropped. In a vanilla RNN it is
Eq. 3.3.4.

*Not covered:* the masks of the inputs, and those of word types, that gal2016 draws as well.

Axes: masks are `time batch place feature`, with one place for all gates or one for each.
"""

from __future__ import annotations

from typing import Literal, final

from attrs import field, frozen
from torch import Tensor

from dovetail import State, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, Site
from dovetail_recurrent_dropout.noise import Sampling, Scale, dropping

Sharing = Literal["tied", "untied"]


@frozen(kw_only=True)
class GalSpec(DropoutSpec):
    """Drops the hidden state that the gates and the candidate read."""

    rate: float = field(default=0.25, validator=within("[0, 1)"))
    """The probability to drop a unit; 0.25 and 0.5 in the thesis (tables 3.2–3.4)."""
    masks: Sharing = "tied"
    """One mask for all gates and the candidate, or one for each, as Gal's language models; Eq. 3.3.8 leaves it open."""
    sampling: Sampling = "sequence"
    """One mask for each sequence (section 3.3.3), or a new one at each step."""
    scale: Scale = "test"
    """Where the rate is made up for: at test time (Eq. 3.3.2) or in training (Eq. 3.3.15)."""

    def build(self) -> GalDropout:
        return GalDropout(rate=self.rate, masks=self.masks, sampling=self.sampling, scale=self.scale)


@final
class GalDropout(Dropout):
    """Eq. 3.3.8: d(h_{t-1}).

    Args:
        rate: the probability to drop, in [0, 1).
        masks: one for all gates and the candidate (`tied`), or one for each (`untied`).
        sampling: a new mask at each `step`, or one for each `sequence`.
        scale: whether the rate is made up for in `training` or at `test` time.
    """

    def __init__(self, *, rate: float, masks: Sharing, sampling: Sampling, scale: Scale) -> None:
        super().__init__()
        self.tied = masks == "tied"
        self.noise = dropping(rate=rate, sampling=sampling, scale=scale)

    def _places(self, site: Site) -> tuple[int]:
        one = self.tied or not self.training  # what stands for the masks in evaluation is the same for every gate
        return (1,) if one else (site.gates,)

    def carries(self, site: Site) -> int:
        return self.noise.carries

    def carried(self, site: Site, memory: Tensor) -> State:
        return self.noise.carried(memory, self._places(site))

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        return Masks(hidden=self.noise(memory, steps, carried, self._places(site)))
