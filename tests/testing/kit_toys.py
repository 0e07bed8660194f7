"""Small components, right and wrong, for the tests of the kit itself; and a kind with a subject and a check of its own.

Axes: batch feature.
"""

from abc import abstractmethod

import torch
from attrs import frozen
from torch import nn

from dovetail import Encoder, EncoderSpec, Spec, Vector
from dovetail.testing import Broken, Example, Subject, check, subject_of


class Linear(Encoder):
    """A linear map, with noise and a spare parameter where they are asked for."""

    def __init__(self, input, bias=True, noise=0.0, spare=False):
        super().__init__()
        self.output, self.noise = Vector(3), noise
        self.map = nn.Linear(input, 3, bias=bias)
        if spare:
            self.spare = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        y = self.map(x)
        return y + self.noise * torch.randn_like(y) if self.noise else y


@frozen(kw_only=True)
class RightSpec(EncoderSpec):
    """A linear map."""

    takes = {"input": (Vector,)}
    bias: bool = True
    """Whether something is added, too."""

    def build(self, *, input):
        return Linear(input.size, bias=self.bias)


@frozen(kw_only=True)
class MendedSpec(RightSpec):
    """A linear map."""


@frozen(kw_only=True)
class LonelySpec(RightSpec):
    """A linear map."""


@frozen(kw_only=True)
class ForgottenSpec(RightSpec):
    """A linear map."""


@frozen(kw_only=True)
class MisdeclaredSpec(RightSpec):
    """A linear map."""


@frozen(kw_only=True)
class NoisySpec(RightSpec):
    """A linear map with noise."""

    def build(self, *, input):
        return Linear(input.size, bias=self.bias, noise=1.0)


@frozen(kw_only=True)
class SpareSpec(RightSpec):
    """A linear map with a parameter that is never used."""

    def build(self, *, input):
        return Linear(input.size, bias=self.bias, spare=True)


class OrnamentSpec(Spec):
    kind = "ornament"

    @abstractmethod
    def build(self): ...


@frozen(kw_only=True)
class StarSpec(OrnamentSpec):
    """A star."""

    points: int = 5
    """How many points it has."""

    def build(self):
        return "*" * self.points


class ClockSpec(Spec):
    kind = "clock"

    @abstractmethod
    def build(self): ...


@frozen(kw_only=True)
class TickingSpec(ClockSpec):
    """Counts up."""

    start: int = 0
    """Where it begins."""

    def build(self):
        return iter(range(self.start, self.start + 9))


@frozen(kw_only=True)
class StoppedSpec(ClockSpec):
    """Says the same time for ever."""

    time: int = 0
    """The time."""

    def build(self):
        return iter([self.time] * 9)


@subject_of("clock")
class ClockSubject(Subject):
    def times(self):
        return list(self.build())


@check("clock", reason="time does not stand still", source="newton1687", after=("examples",))
def time_passes(subject):
    """Each time is later than the one before."""
    if sorted(set(subject.times())) != subject.times():
        raise Broken(f"stands still at {subject.times()[0]}")


TWO = (Example(), Example({"bias": False}))
EXAMPLES = {
    **{f"encoder/{name}": TWO for name in ("right", "noisy", "spare", "mended", "misdeclared")},
    "encoder/lonely": TWO[:1],
    "ornament/star": (Example(), Example({"points": 7})),
    "clock/ticking": (Example(), Example({"start": 3})),
    "clock/stopped": (Example(), Example({"time": 3})),
}
EXPECTED_FAILURES = {
    "encoder/spare": {"gradients": "the parameter is kept for files of an older version"},
    "encoder/mended": {"gradients": "it had one once"},
    "encoder/misdeclared": {"causality": "it is no cell"},
}
