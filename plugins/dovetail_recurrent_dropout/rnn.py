"""A vanilla recurrent network with a `dropout` slot: h_t = f(W [x_t, d(h_{t-1})] + b).

Paper: semeniuta2019, Eq. 3.3.3 and 3.3.4. It overwrites its memory at every step, so a mask of the candidate or of the
memory is the mask of h_{t-1}: every scheme is Eq. 3.3.4.

Axes: batch time feature.

*Differs from the paper:* two bias vectors, as PyTorch has, stand for the one.
"""

from __future__ import annotations

from functools import reduce
from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Cell, CellSpec, State, Vector, within
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, NoDropout, Site, drop, stayed
from dovetail_recurrent_dropout.layer_norm import normalising
from dovetail_recurrent_dropout.operators import Activation
from dovetail_recurrent_dropout.rnn_window import RnnWindow
from dovetail_recurrent_dropout.weights import Weights, recur
from dovetail_recurrent_dropout.window import fits

GATES, MEMORIES = 1, 1


@frozen(kw_only=True)
class RnnSpec(CellSpec):
    """A vanilla recurrent network whose previous hidden state can be dropped."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units; 256 in sections 3.4.1 and 3.4.2, 1,024 in 3.4.3 and 3.4.4."""
    dropout: DropoutSpec | None = None
    """What is dropped in the recurrent connections (section 3.3.2); every scheme drops h_{t-1} here."""
    activation: Activation = "tanh"
    """The nonlinearity f (Eq. 3.3.3)."""
    init: float | None = field(default=None, validator=within("(0, inf)"))
    """All weights and biases start in U(±init): 0.05 in section 3.4.2, 0.01 in 3.4.3; U(±1/sqrt(hidden)) without it."""
    layer_norm: bool = False
    """Normalise the sums that the hidden state is made from (Eq. 2.2.10–2.2.13)."""
    fused: bool = field(default=True, metadata={"identity": False})
    """Run windows by one function with a backward pass of its own where it covers what is asked; else step by step."""

    def build(self, *, input: Vector) -> RnnCell:
        return RnnCell(
            input=input.size,
            hidden=self.hidden,
            dropout=None if self.dropout is None else self.dropout.build(),
            activation=self.activation,
            init=self.init,
            layer_norm=self.layer_norm,
            fused=self.fused,
        )


@final
class RnnCell(Cell):
    """Eq. 3.3.4.

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
        self.norm = normalising(layer_norm, gates=1, hidden=hidden)
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
        of_h = reduce(lambda one, other: other if one is None else drop(one, other), masks.shared())
        w = self.weights
        bias = w.bias_ih + w.bias_hh
        time_first = xs.transpose(0, 1).contiguous()
        ys, h = RnnWindow.apply(time_first, h, w.weight_ih, w.weight_hh, bias, of_h, self.activation)
        return ys.transpose(0, 1), h

    def _steps(self, xs: Tensor, h: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        ys = []
        for x, step in zip(self.weights(xs).unbind(1), masks.each(xs.shape[1]), strict=True):
            h = self._advance(x, h, step)
            ys.append(h)
        return torch.stack(ys, dim=1), h

    def _advance(self, x: Tensor, h: Tensor, masks: Masks) -> Tensor:
        dropped = drop(drop(h, masks.candidate), masks.memory)
        sums = x + recur(dropped, self.weights.weight_hh, self.weights.bias_hh, masks.hidden)
        return stayed(getattr(torch, self.activation)(self.norm(sums)), h, masks.stay, 0)
