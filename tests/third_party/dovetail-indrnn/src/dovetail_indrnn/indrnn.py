"""The independently recurrent neural network: each unit reads its own last state, and no other unit's.

Paper: li2018indrnn. With * the product element by element:

    h_t = activation(W x_t + u * h_{t-1} + b)

*Not covered:* keeping u within bounds in training, batch normalisation, and layers with residual connections.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import Literal, final

import torch
from attrs import Factory, field, frozen
from dovetail import Cell, CellSpec, State, Vector, within
from torch import Tensor, nn

from dovetail_indrnn.initialiser import Initialiser, InitialiserSpec, UniformSpec

Activation = Literal["relu", "tanh"]


@frozen(kw_only=True)
class IndrnnSpec(CellSpec):
    """A recurrent cell without connections between its units."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=128, validator=within("[1, inf)"))
    """Units."""
    activation: Activation = "relu"
    """What each unit applies to its sum."""
    start: InitialiserSpec = Factory(UniformSpec)
    """How the recurrent weights u begin."""

    def build(self, *, input: Vector) -> IndrnnCell:
        return IndrnnCell(input=input.size, hidden=self.hidden, activation=self.activation, start=self.start.build())


@final
class IndrnnCell(Cell):
    """The output is the state. Shape: x (batch, input), y and h (batch, hidden), u (hidden)."""

    output: Vector

    def __init__(self, *, input: int, hidden: int, start: Initialiser, activation: Activation = "relu") -> None:
        super().__init__()
        self.output = Vector(hidden)
        self.activation = activation
        self.input = nn.Linear(input, hidden)
        self.u = nn.Parameter(start(hidden))

    def initial_state(self, batch: int) -> State:
        return (self.u.new_zeros(batch, self.output.size),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = self._next(self.input(x), state[0])
        return h, (h,)

    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps, whose inputs are projected at once. Shape: xs (batch, time, input), ys (batch, time, hidden)."""
        (h,) = self.initial_state(len(xs)) if state is None else state
        ys = []
        for projected in self.input(xs).unbind(1):
            h = self._next(projected, h)
            ys.append(h)
        return torch.stack(ys, dim=1), (h,)

    def _next(self, projected: Tensor, h: Tensor) -> Tensor:
        total = projected + self.u * h
        return total.relu() if self.activation == "relu" else total.tanh()
