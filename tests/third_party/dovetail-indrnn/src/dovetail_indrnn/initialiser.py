"""The kind `initialiser`: how the recurrent weights of independent units begin. One weight is one unit's memory.

Papers: li2018indrnn, le2015irnn. Over T steps the gradient through a rectified unit of weight u grows by u^T while the
unit is active. To keep that between the factors `least` and `most`, u must lie in

    [least^(1/T), most^(1/T)]

Axes: unit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from attrs import field, frozen
from dovetail import Spec, within
from torch import Tensor


class Initialiser(ABC):
    """Draws from torch's global generator, if it draws at all."""

    @abstractmethod
    def __call__(self, units: int) -> Tensor:
        """The weights at the start. Shape: (unit)."""


class InitialiserSpec(Spec):
    """How recurrent weights begin."""

    kind = "initialiser"

    @abstractmethod
    def build(self) -> Initialiser: ...


@frozen(kw_only=True)
class UniformSpec(InitialiserSpec):
    """Weights that neither forget nor explode over a number of steps."""

    steps: int = field(default=100, validator=within("[1, inf)"))
    """Steps over which the bounds hold: T."""
    least: float = field(default=0.0, validator=within("[0, 1]"))
    """Factor that is left of a gradient after these steps at least; 0 lets units forget at once."""
    most: float = field(default=2.0, validator=within("[1, inf)"))
    """Factor by which a gradient grows over these steps at most."""

    def build(self) -> Uniform:
        return Uniform(low=self.least ** (1 / self.steps), high=self.most ** (1 / self.steps))


@final
class Uniform(Initialiser):
    """Between `low` and `high`."""

    def __init__(self, *, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, units: int) -> Tensor:
        return self.low + (self.high - self.low) * torch.rand(units)


@frozen(kw_only=True)
class ConstantSpec(InitialiserSpec):
    """The same weight for every unit."""

    value: float = 1.0
    """The weight. At 1 a unit copies its state, as the identity matrix of le2015irnn does."""

    def build(self) -> Constant:
        return Constant(value=self.value)


@final
class Constant(Initialiser):
    """One value."""

    def __init__(self, *, value: float) -> None:
        self.value = value

    def __call__(self, units: int) -> Tensor:
        return torch.full((units,), self.value)
