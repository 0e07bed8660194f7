"""A gated recurrent unit with a `dropout` slot, its reset gate before the product (the thesis) or after it (PyTorch).

Paper: semeniuta2019, Eq. 2.2.7–2.2.9, of cho2014; section 3.3.3 says that the schemes apply in a similar fashion.

Axes: batch time feature; a weight's rows are `(gate out)`, its gates r, z, g, in PyTorch's order.

*Differs from the paper:* z is PyTorch's, h_t = (1 - z_t) * g_t + z_t * h_{t-1}, which is Eq. 2.2.9 with 1 - z_t for
z_t: the same functions, the signs of z's weights changed. Two bias vectors, as PyTorch has, stand for the one.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Cell, CellSpec, State, Vector, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, NoDropout, Site, drop, stayed
from dovetail_recurrent_dropout.gru_window import GruWindow, Reset
from dovetail_recurrent_dropout.layer_norm import normalising
from dovetail_recurrent_dropout.operators import Activation
from dovetail_recurrent_dropout.weights import Weights, recur
from dovetail_recurrent_dropout.window import fits

GATES, MEMORIES = 3, 1


@frozen(kw_only=True)
class GruSpec(CellSpec):
    """A gated recurrent unit in whose recurrent connections something can be dropped."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units; 256 in sections 3.4.1 and 3.4.2, 1,024 in 3.4.3 and 3.4.4."""
    dropout: DropoutSpec | None = None
    """What is dropped in the recurrent connections (end of section 3.3.3)."""
    reset: Reset = "before"
    """Where the reset gate acts: on h before the matrix product (Eq. 2.2.8), or on the product, as in PyTorch."""
    activation: Activation = "tanh"
    """The nonlinearity f (Eq. 2.2.8)."""
    init: float | None = field(default=None, validator=within("(0, inf)"))
    """All weights and biases start in U(±init): 0.05 in section 3.4.2, 0.01 in 3.4.3; U(±1/sqrt(hidden)) without it."""
    layer_norm: bool = False
    """Normalise the sums that gates and candidate are made from (Eq. 2.2.10–2.2.13)."""
    fused: bool = field(default=True, metadata={"identity": False})
    """Run windows by one function with a backward pass of its own where it covers what is asked; else step by step."""

    def build(self, *, input: Vector) -> GruCell:
        return GruCell(
            input=input.size,
            hidden=self.hidden,
            dropout=None if self.dropout is None else self.dropout.build(),
            reset=self.reset,
            activation=self.activation,
            init=self.init,
            layer_norm=self.layer_norm,
            fused=self.fused,
        )


@final
class GruCell(Cell):
    """Eq. 2.2.7–2.2.9, with the masks of a scheme.

    Args:
        input: features of the input.
        hidden: units.
        dropout: what is dropped.
        reset: whether the reset gate acts before or after the matrix product.
        activation: the nonlinearity f.
        init: the bound of the initial weights; 1/sqrt(hidden) where it is None.
        layer_norm: normalise the sums before the nonlinearities.
        fused: run whole windows by one function where it covers what is asked.
    """

    output: Vector

    def __init__(
        self,
        *,
        input: int,
        hidden: int,
        dropout: Dropout | None = None,
        reset: Reset = "before",
        activation: Activation = "tanh",
        init: float | None = None,
        layer_norm: bool = False,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.output = Vector(hidden)
        self.dropout = NoDropout() if dropout is None else dropout
        self.reset = reset
        self.activation: Activation = activation
        self.fused = fused and not layer_norm
        self.site = Site(input=input, gates=GATES, memories=MEMORIES)
        self.norm_gates = normalising(layer_norm, gates=2, hidden=hidden)
        self.norm_candidate = normalising(layer_norm, gates=1, hidden=hidden)
        self.weights = Weights(input=input, hidden=hidden, gates=GATES, init=init)

    def initial_state(self, batch: int) -> State:
        """Zeros, and the masks of a sequence in training. Shape: h (batch, hidden)."""
        return self.renew((self.weights.zeros(batch),))

    def renew(self, state: State) -> State:
        return (state[0], *self.dropout.carried(self.site, state[0]))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step. Shape: x (batch, input), y (batch, hidden)."""
        ys, state = self(x[:, None], state)
        return ys[:, 0], state

    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps. A state without masks gets them. Shape: xs (batch, time, input), ys (batch, time, hidden)."""
        state = self.initial_state(len(xs)) if state is None else state
        h, *carried = state if len(state) > MEMORIES else self.renew(state)
        masks = self.dropout(self.site, h, xs.shape[1], tuple(carried))
        xs = masks.read(xs)
        fused = self.fused and fits(xs, self.weights.weight_hh, masks)
        ys, h = (self._window if fused else self._steps)(xs, h, masks)
        return masks.put_out(ys), (h, *carried)

    def _window(self, xs: Tensor, h: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        w = self.weights
        weights = w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh
        time_first = xs.transpose(0, 1).contiguous()
        ys, h = GruWindow.apply(time_first, h, *weights, *masks.shared(), self.activation, self.reset)
        return ys.transpose(0, 1), h

    def _steps(self, xs: Tensor, h: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        hidden = self.output.size
        weights = self.weights.weight_hh.tensor_split([2 * hidden])  # once: a slice's gradient costs a whole matrix
        biases = self.weights.bias_hh.tensor_split([2 * hidden])
        ys = []
        for x, step in zip(self.weights(xs).unbind(1), masks.each(xs.shape[1]), strict=True):
            h = self._advance(x, h, step, weights, biases)
            ys.append(h)
        return torch.stack(ys, dim=1), h

    def _advance(self, x: Tensor, h: Tensor, masks: Masks, weights: State, biases: State) -> Tensor:
        of_gates, of_candidate = (None, None) if masks.hidden is None else (masks.hidden[:, :2], masks.hidden[:, -1:])
        gates, candidate = x.tensor_split([2 * self.output.size], dim=1)
        r, z = self.norm_gates(gates + recur(h, weights[0], biases[0], of_gates)).sigmoid().chunk(2, dim=1)
        if self.reset == "before":
            candidate = candidate + recur(r * h, weights[1], biases[1], of_candidate)
        else:
            candidate = candidate + r * recur(h, weights[1], biases[1], of_candidate)
        g = drop(getattr(torch, self.activation)(self.norm_candidate(candidate)), masks.candidate)
        return stayed(drop(g + z * (h - g), masks.memory), h, masks.stay, 0)
