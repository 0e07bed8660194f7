"""A simple recurrent unit (SRU): no gate reads the hidden state, so that one product serves all steps.

Paper: hacap2018, section 3.4, its five equations, after lei2018sru; section 4.4 for the initial weights.

Axes: batch time feature; the rows of a weight are `(block hidden)`, its blocks W, W_f, W_r and, where the highway is
projected, W_h.

*Differs from the paper:* the input is one vector; whoever has a word and an image's context joins them. Section 4.4
does not say how the biases of a recurrence start: by Xavier's scheme, as in its authors' code, or with a number.

*Not covered:* gates that read the memory and the scaled highway, both of lei2018sru.
"""

from __future__ import annotations

from typing import Literal, final

import torch
from attrs import field, frozen
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import Cell, CellSpec, State, Vector, within
from dovetail_hacap.sru_scan import ACTIVATIONS, Activation, SruScan

Projection = Literal["always", "where-needed"]


@frozen(kw_only=True)
class SruSpec(CellSpec):
    """A simple recurrent unit with a forget gate, a reset gate and a highway."""

    takes = {"input": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of each layer; the paper does not say, its authors' code has 256."""
    layers: int = field(default=1, validator=within("[1, inf)"))
    """Layers, each reading the one below."""
    activation: Activation = "tanh"
    """The activation g of the memory (section 3.4)."""
    highway: bool = True
    """Let the input past the memory where the reset gate is closed; without it h_t = r_t * g(c_t)."""
    highway_projection: Projection = "always"
    """Whether a highway has W_h always (section 3.4), or only where a layer's input is not of its size (lei2018sru)."""
    dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Probability that a feature read by a layer is dropped in training, at all steps of a sequence."""
    forget_bias: float | None = None
    """What b_f starts as; by Xavier's scheme (section 4.4) where it is not given."""
    highway_bias: float | None = None
    """What b_r starts as: the lower, the more goes past the memory; by Xavier's scheme where it is not given."""
    fused: bool = field(default=True, metadata={"identity": False})
    """Run several steps by one function with a backward pass of its own; the plain way has second derivatives too."""

    def build(self, *, input: Vector) -> SruCell:
        return SruCell(
            input=input.size,
            hidden=self.hidden,
            layers=self.layers,
            activation=self.activation,
            highway=self.highway,
            highway_projection=self.highway_projection,
            dropout=self.dropout,
            forget_bias=self.forget_bias,
            highway_bias=self.highway_bias,
            fused=self.fused,
        )


def remember(candidate: Tensor, forget: Tensor, c: Tensor) -> Tensor:
    """c_t = f_t * c_{t-1} + (1 - f_t) * x~_t. Shape: (batch, hidden) each."""
    return forget * c + (1 - forget) * candidate


def put_out(seen: Tensor, reset: Tensor, past: Tensor | None) -> Tensor:
    """h_t = r_t * g(c_t) + (1 - r_t) * W_h u_t of g(c_t), `seen`, and W_h u_t, `past`. Shape: all the same."""
    return reset * seen if past is None else reset * seen + (1 - reset) * past


@final
class SruLayer(nn.Module):
    """One layer: the five equations of section 3.4.

    Args:
        input: features of the input.
        hidden: units.
        activation: g.
        highway: whether there is one.
        projection: whether a highway has W_h; the input must be of the layer's size without it.
        forget_bias: what b_f starts as; by Xavier's scheme where it is None.
        highway_bias: what b_r starts as; by Xavier's scheme where it is None.
        fused: run several steps by one function with a backward pass of its own.
    """

    def __init__(
        self,
        *,
        input: int,
        hidden: int,
        activation: Activation = "tanh",
        highway: bool = True,
        projection: bool = True,
        forget_bias: float | None = None,
        highway_bias: float | None = None,
        fused: bool = True,
    ) -> None:
        super().__init__()
        if highway and not projection and input != hidden:
            raise ValueError(f"`input` must be {hidden}, as `hidden` is, where nothing projects it, but is {input}")
        self.activation: Activation = activation
        self.highway = highway
        self.hidden = hidden
        self.fused = fused
        blocks = 4 if highway and projection else 3
        self.weight = nn.Parameter(torch.empty(blocks * hidden, input))
        self.bias = nn.Parameter(torch.empty(2 * hidden))
        for block in self.weight.detach().split(hidden):
            nn.init.orthogonal_(block)
        for bias, start in zip(self.bias.detach().chunk(2), (forget_bias, highway_bias), strict=True):
            bound = (6 / (hidden + hidden)) ** 0.5  # Xavier's, of a vector that has `hidden` both ways
            nn.init.uniform_(bias, -bound, bound) if start is None else nn.init.constant_(bias, start)

    def forward(self, xs: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """All steps, and the memory after them. Shape: xs (batch, time, input), c (batch, hidden)."""
        if self.fused and xs.shape[1] > 1 and not torch.is_autocast_enabled(xs.device.type):
            return SruScan.apply(xs, c, self.weight, self.bias, self.highway, self.activation)
        return self._steps(xs, c)

    def _steps(self, xs: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        biases = F.pad(self.bias, (self.hidden, len(self.weight) - 3 * self.hidden))
        candidate, forget, reset, *projected = F.linear(xs, self.weight, biases).split(self.hidden, 2)
        forget, reset = forget.sigmoid(), reset.sigmoid()
        cs = []
        for now in zip(candidate.unbind(1), forget.unbind(1), strict=True):
            c = remember(*now, c)
            cs.append(c)
        seen = ACTIVATIONS[self.activation](torch.stack(cs, 1))
        past = (projected or [xs])[0] if self.highway else None
        return put_out(seen, reset, past), c


@final
class SruCell(Cell):
    """Layers of simple recurrent units.

    Args:
        input: features of the input.
        hidden: units of each layer.
        layers: how many, each reading the one below.
        activation: g.
        highway: whether the input gets past the memory.
        highway_projection: whether it is projected always, or only where it is not of a layer's size.
        dropout: probability that a feature that a layer reads is dropped in training.
        forget_bias: what b_f starts as; by Xavier's scheme where it is None.
        highway_bias: what b_r starts as; by Xavier's scheme where it is None.
        fused: run several steps by one function with a backward pass of its own.
    """

    output: Vector

    def __init__(
        self,
        *,
        input: int,
        hidden: int,
        layers: int = 1,
        activation: Activation = "tanh",
        highway: bool = True,
        highway_projection: Projection = "always",
        dropout: float = 0.0,
        forget_bias: float | None = None,
        highway_bias: float | None = None,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.output = Vector(hidden)
        self.dropout = dropout
        self.sizes = [input] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(
            SruLayer(
                input=size,
                hidden=hidden,
                activation=activation,
                highway=highway,
                projection=highway_projection == "always" or size != hidden,
                forget_bias=forget_bias,
                highway_bias=highway_bias,
                fused=fused,
            )
            for size in self.sizes
        )

    def initial_state(self, batch: int) -> State:
        """Zeros: the memory of each layer, then in training the masks of what each reads.

        Shape: memories (batch, hidden), masks (batch, input) and (batch, hidden).
        """
        bias = next(self.parameters())
        return self.renew(tuple(bias.new_zeros(batch, self.output.size) for _ in self.layers))

    def renew(self, state: State) -> State:
        memories = state[: len(self.layers)]
        if not (self.training and self.dropout):
            return memories
        keep = 1 - self.dropout
        masks = (memories[0].new_empty(len(memories[0]), size).bernoulli_(keep).div_(keep) for size in self.sizes)
        return (*memories, *masks)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step. Shape: x (batch, input), y (batch, hidden)."""
        ys, state = self(x[:, None], state)
        return ys[:, 0], state

    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps. A state without masks gets them. Shape: xs (batch, time, input), ys (batch, time, hidden)."""
        count = len(self.layers)
        state = self.initial_state(len(xs)) if state is None else state
        state = state if len(state) > count else self.renew(state)
        masks = state[count:]
        memories = []
        for number, (layer, c) in enumerate(zip(self.layers, state[:count], strict=True)):
            if masks and self.training:
                xs = xs * masks[number][:, None]
            xs, after = layer(xs, c)
            memories.append(after)
        return xs, (*memories, *masks)
