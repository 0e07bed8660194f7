"""PyTorch's own recurrences as cells: the fused `nn.RNN`, `nn.LSTM` and `nn.GRU`, of one layer or several.

Axes: batch time feature. The state is batch-first, (batch, layers, hidden) a tensor, where PyTorch's is layers-first.

*Not covered:* packed sequences (what is read behind an example's length is the caller's to ignore), dropout between
layers.
"""

from __future__ import annotations

from typing import Literal, final

from attrs import field, frozen
from torch import Tensor, nn

from dovetail import Cell, CellSpec, State, Vector, within


@frozen(kw_only=True)
class RnnSpec(CellSpec):
    """An Elman network: h' = tanh(W x + U h + b)."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of each layer."""
    layers: int = field(default=1, validator=within("[1, inf)"))
    """Layers, each reading the one below."""
    activation: Literal["tanh", "relu"] = "tanh"
    """What each unit applies to its sum."""

    def build(self, *, input: Vector) -> FusedCell:
        return FusedCell(
            recurrence=nn.RNN(input.size, self.hidden, self.layers, nonlinearity=self.activation, batch_first=True)
        )


@frozen(kw_only=True)
class LstmSpec(CellSpec):
    """A long short-term memory with forget gates, without peepholes."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of each layer."""
    layers: int = field(default=1, validator=within("[1, inf)"))
    """Layers, each reading the one below."""

    def build(self, *, input: Vector) -> FusedCell:
        return FusedCell(recurrence=nn.LSTM(input.size, self.hidden, self.layers, batch_first=True))


@frozen(kw_only=True)
class GruSpec(CellSpec):
    """A gated recurrent unit whose reset gate acts after the matrix product."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of each layer."""
    layers: int = field(default=1, validator=within("[1, inf)"))
    """Layers, each reading the one below."""

    def build(self, *, input: Vector) -> FusedCell:
        return FusedCell(recurrence=nn.GRU(input.size, self.hidden, self.layers, batch_first=True))


@final
class FusedCell(Cell):
    """One of PyTorch's recurrences as a cell.

    Args:
        recurrence: an `nn.RNN`, `nn.LSTM` or `nn.GRU` with `batch_first=True`, of one direction.
    """

    output: Vector

    def __init__(self, *, recurrence: nn.RNNBase) -> None:
        super().__init__()
        if not recurrence.batch_first or recurrence.bidirectional:
            raise ValueError(f"`recurrence` must be batch-first and of one direction, but is {recurrence}")
        self.recurrence = recurrence
        self.output = Vector(recurrence.hidden_size)

    def initial_state(self, batch: int) -> State:
        """Zeros: h, and the memory c of an LSTM. Shape: (batch, layers, hidden) each."""
        weights = next(self.recurrence.parameters())
        shape = (batch, self.recurrence.num_layers, self.recurrence.hidden_size)
        return tuple(weights.new_zeros(shape) for _ in range(2 if isinstance(self.recurrence, nn.LSTM) else 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step. Shape: x (batch, input), y (batch, hidden)."""
        ys, state = self(x[:, None], state)
        return ys[:, 0], state

    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps. Shape: xs (batch, time, input), ys (batch, time, hidden)."""
        state = self.initial_state(len(xs)) if state is None else state
        layers_first = tuple(part.transpose(0, 1).contiguous() for part in state)
        if isinstance(self.recurrence, nn.LSTM):
            ys, after = self.recurrence(xs, layers_first)
        else:
            ys, hidden = self.recurrence(xs, layers_first[0])
            after = (hidden,)
        return ys, tuple(part.transpose(0, 1) for part in after)
