"""A long short-term memory with a `dropout` slot.

Paper: semeniuta2019, Eq. 3.3.5–3.3.7 (2.2.4–2.2.6); the schemes are Eq. 3.3.8–3.3.10. The cell is hochreiter1997's with
a forget gate.

Axes: batch time feature; a weight's rows are `(gate out)`, its gates i, f, g, o, in PyTorch's order.

*Differs from the paper:* two bias vectors, as PyTorch has, stand for the one.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Cell, CellSpec, State, Vector, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, NoDropout, Site, drop, stayed
from dovetail_recurrent_dropout.layer_norm import normalising
from dovetail_recurrent_dropout.lstm_window import LstmWindow
from dovetail_recurrent_dropout.operators import Activation
from dovetail_recurrent_dropout.weights import Weights, recur
from dovetail_recurrent_dropout.window import fits

GATES, MEMORIES = 4, 2


@frozen(kw_only=True)
class LstmSpec(CellSpec):
    """A long short-term memory in whose recurrent connections something can be dropped."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units; 256 in sections 3.4.1 and 3.4.2, 1,024 in 3.4.3 and 3.4.4."""
    dropout: DropoutSpec | None = None
    """What is dropped in the recurrent connections (section 3.3.3)."""
    activation: Activation = "tanh"
    """The nonlinearity f (Eq. 3.3.5 and 3.3.7); `relu` in section 3.4.4."""
    init: float | None = field(default=None, validator=within("(0, inf)"))
    """All weights and biases start in U(±init): 0.05 in section 3.4.2, 0.01 in 3.4.3; U(±1/sqrt(hidden)) without it."""
    layer_norm: bool = False
    """Normalise the sums that gates and candidate are made from (Eq. 2.2.10–2.2.13), and c_t where it is put out."""
    fused: bool = field(default=True, metadata={"identity": False})
    """Run windows by one function with a backward pass of its own where it covers what is asked; else step by step."""

    def build(self, *, input: Vector) -> LstmCell:
        return LstmCell(
            input=input.size,
            hidden=self.hidden,
            dropout=None if self.dropout is None else self.dropout.build(),
            activation=self.activation,
            init=self.init,
            layer_norm=self.layer_norm,
            fused=self.fused,
        )


@final
class LstmCell(Cell):
    """Eq. 3.3.5–3.3.7, with the masks of a scheme.

    Args:
        input: features of the input.
        hidden: units.
        dropout: what is dropped.
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
        activation: Activation = "tanh",
        init: float | None = None,
        layer_norm: bool = False,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.output = Vector(hidden)
        self.dropout = NoDropout() if dropout is None else dropout
        self.activation: Activation = activation
        self.fused = fused and not layer_norm
        self.site = Site(input=input, gates=GATES, memories=MEMORIES)
        self.norm = normalising(layer_norm, gates=GATES, hidden=hidden)
        self.norm_memory = normalising(layer_norm, gates=1, hidden=hidden)
        self.weights = Weights(input=input, hidden=hidden, gates=GATES, init=init)

    def initial_state(self, batch: int) -> State:
        """Zeros, and the masks of a sequence in training. Shape: h and c (batch, hidden)."""
        return self.renew((self.weights.zeros(batch), self.weights.zeros(batch)))

    def renew(self, state: State) -> State:
        return (*state[:2], *self.dropout.carried(self.site, state[0]))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step. Shape: x (batch, input), y (batch, hidden)."""
        ys, state = self(x[:, None], state)
        return ys[:, 0], state

    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps. A state without masks gets them. Shape: xs (batch, time, input), ys (batch, time, hidden)."""
        state = self.initial_state(len(xs)) if state is None else state
        h, c, *carried = state if len(state) > MEMORIES else self.renew(state)
        masks = self.dropout(self.site, h, xs.shape[1], tuple(carried))
        xs = masks.read(xs)
        fused = self.fused and fits(xs, self.weights.weight_hh, masks)
        ys, h, c = (self._window if fused else self._steps)(xs, h, c, masks)
        return masks.put_out(ys), (h, c, *carried)

    def _window(self, xs: Tensor, h: Tensor, c: Tensor, masks: Masks) -> tuple[Tensor, Tensor, Tensor]:
        w = self.weights
        weights = w.weight_ih, w.weight_hh, w.bias_ih + w.bias_hh
        time_first = xs.transpose(0, 1).contiguous()
        ys, h, c = LstmWindow.apply(time_first, h, c, *weights, *masks.shared(), self.activation)
        return ys.transpose(0, 1), h, c

    def _steps(self, xs: Tensor, h: Tensor, c: Tensor, masks: Masks) -> tuple[Tensor, Tensor, Tensor]:
        ys = []
        for x, step in zip(self.weights(xs).unbind(1), masks.each(xs.shape[1]), strict=True):
            h, c = self._advance(x, h, c, step)
            ys.append(h)
        return torch.stack(ys, dim=1), h, c

    def _advance(self, x: Tensor, h: Tensor, c: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        sums = x + recur(h, self.weights.weight_hh, self.weights.bias_hh, masks.hidden)
        i, f, g, o = self.norm(sums).chunk(4, dim=1)
        f_of = getattr(torch, self.activation)
        candidate = drop(f_of(g), masks.candidate)
        memory = drop(f.sigmoid() * c + i.sigmoid() * candidate, masks.memory)
        new = o.sigmoid() * f_of(self.norm_memory(memory))
        return stayed(new, h, masks.stay, 0), stayed(memory, c, masks.stay, 1)
