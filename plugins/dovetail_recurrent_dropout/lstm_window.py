"""A window of an LSTM with its masks, as one function with its own backward pass: Eq. 3.3.5–3.3.10 of semeniuta2019.

Axes: `time batch feature`; gates are i, f, g, o side by side.

*Not covered:* zoneout, masks of single gates, layer normalisation, second derivatives; the cell's plain path has them.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.autograd.function import Function

from dovetail_recurrent_dropout.operators import Activation
from dovetail_recurrent_dropout.window import (
    earlier,
    input_gradient,
    of,
    project,
    recurrent_gradient,
    refuse_second_derivatives,
    steps_for,
    weight_gradient,
)
from dovetail_standard.products import repeated


@final
class LstmWindow(Function):
    """`apply(xs, h, c, weight_ih, weight_hh, bias, hidden, candidate, memory, activation)`; a mask may be None.

    Shape: xs (time, batch, input), h and c (batch, hidden), weight_ih ((gate hidden), input), weight_hh
    ((gate hidden), hidden), bias ((gate hidden)), masks (time, batch, hidden); to ys (time, batch, hidden), and h and c
    after the window.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 — autograd passes inputs by position
        ctx: Any,
        xs: Tensor,
        h: Tensor,
        c: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        hidden: Tensor | None,
        candidate: Tensor | None,
        memory: Tensor | None,
        activation: Activation,
    ) -> tuple[Tensor, Tensor, Tensor]:
        gates = project(xs, weight_ih, bias)
        hs, cs, seen = (c.new_empty(len(xs), *c.shape) for _ in range(3))  # `seen` is f(c_t)
        reads = None if hidden is None else torch.empty_like(hs)
        recur = repeated(weight_hh, len(h), len(xs))
        steps = steps_for(gates)
        for t, (last_h, last_c) in enumerate(zip(earlier(h, hs), earlier(c, cs), strict=True)):
            product = recur(last_h if reads is None else torch.mul(last_h, hidden[t], out=reads[t]))
            masks = of(candidate, t), of(memory, t)
            steps.lstm_advance(gates[t], product, last_c, *masks, cs[t], seen[t], hs[t], activation)
        ctx.save_for_backward(xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory)
        ctx.activation = activation
        return hs, hs[-1].clone(), cs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory = ctx.saved_tensors
        d_gates = torch.empty_like(gates)
        dh, dc = d_h.clone(memory_format=torch.contiguous_format), d_c.clone(memory_format=torch.contiguous_format)
        recur_back = repeated(weight_hh.t(), len(h), len(xs))
        steps = steps_for(gates)
        for t, last_c in reversed([*enumerate(earlier(c, cs))]):
            masks = of(candidate, t), of(memory, t)
            steps.lstm_retreat(gates[t], last_c, seen[t], *masks, d_ys[t], dh, dc, d_gates[t], ctx.activation)
            dh = recur_back(d_gates[t])
            if hidden is not None:
                dh.mul_(hidden[t])
        return (
            input_gradient(d_gates, weight_ih) if ctx.needs_input_grad[0] else None,
            dh,
            dc,
            weight_gradient(d_gates, xs),
            recurrent_gradient(d_gates, h, hs, reads),
            d_gates.sum((0, 1)),
            *[None] * 4,
        )
