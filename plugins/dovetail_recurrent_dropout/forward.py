"""Forward dropout: of what a recurrence reads and of what it puts out, the recurrence itself left alone.

Paper: semeniuta2019, sections 3.3.1 and 3.4, after Pham et al. and Zaremba et al. It is a scheme like those of the
recurrent connections, to be put beside them by `several`.

*Differs from the paper:* rates on inputs and outputs of 0.2 and 0.5 are those of tables 3.2–3.4; the authors' code
divides by what is kept in training (`scale = "training"`), while the text's Eq. 3.3.2 multiplies at test time.
"""

from __future__ import annotations

from typing import Literal, final

from attrs import field, frozen
from torch import Tensor

from dovetail import State, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, Site
from dovetail_recurrent_dropout.noise import Noise, Sampling, Scale, dropping
from dovetail_recurrent_dropout.several import SeveralDropout


@frozen(kw_only=True)
class ForwardSpec(DropoutSpec):
    """Drops inputs and outputs."""

    input: float = field(default=0.2, validator=within("[0, 1)"))
    """The probability to drop a feature of the input; 0.2 in the thesis (tables 3.2–3.4)."""
    output: float = field(default=0.5, validator=within("[0, 1)"))
    """The probability to drop an output; 0.5 in the thesis (tables 3.2–3.4)."""
    sampling: Sampling = "step"
    """A new mask at each step, as forward dropout has it, or one for each sequence, as in gal2016."""
    scale: Scale = "test"
    """Where the rates are made up for: at test time (Eq. 3.3.2) or in training (Eq. 3.3.15)."""

    def build(self) -> SeveralDropout:
        rates: dict[End, float] = {"input": self.input, "output": self.output}
        return SeveralDropout(
            schemes=[
                EndDropout(end=end, noise=dropping(rate=rate, sampling=self.sampling, scale=self.scale))
                for end, rate in rates.items()
                if rate > 0
            ]
        )


End = Literal["input", "output"]


@final
class EndDropout(Dropout):
    """Eq. 3.3.2 at one end of a recurrence.

    Args:
        end: what is dropped.
        noise: its masks.
    """

    def __init__(self, *, end: End, noise: Noise) -> None:
        super().__init__()
        self.end = end
        self.noise = noise

    def carries(self, site: Site) -> int:
        return self.noise.carries

    def _like(self, site: Site, memory: Tensor) -> Tensor:
        return memory if self.end == "output" else memory[:, :1].expand(-1, site.input)

    def carried(self, site: Site, memory: Tensor) -> State:
        return self.noise.carried(self._like(site, memory))

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        return Masks()._replace(**{self.end: self.noise(self._like(site, memory), steps, carried)})
