"""A window of a vanilla recurrent network, as one function with its own backward pass: Eq. 3.3.4 of semeniuta2019.

Axes: `time batch feature`.

*Not covered:* zoneout, layer normalisation, second derivatives; the cell's plain path has them.
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
    project,
    recurrent_gradient,
    refuse_second_derivatives,
    steps_for,
    weight_gradient,
)
from dovetail_standard.products import repeated


@final
class RnnWindow(Function):
    """`apply(xs, h, weight_ih, weight_hh, bias, hidden, activation)`; the mask `hidden` of h_{t-1} may be None.

    Shape: xs (time, batch, input), h (batch, hidden), weight_ih (hidden, input), weight_hh (hidden, hidden), bias
    (hidden), mask (time, batch, hidden); to ys (time, batch, hidden), and h after the window.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 — autograd passes inputs by position
        ctx: Any,
        xs: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        hidden: Tensor | None,
        activation: Activation,
    ) -> tuple[Tensor, Tensor]:
        sums = project(xs, weight_ih, bias)
        hs = torch.empty_like(sums)
        reads = None if hidden is None else torch.empty_like(hs)
        recur = repeated(weight_hh, len(h), len(xs))
        steps = steps_for(sums)
        for t, last in enumerate(earlier(h, hs)):
            read = last if reads is None else torch.mul(last, hidden[t], out=reads[t])
            steps.rnn_advance(sums[t], recur(read), hs[t], activation)
        ctx.save_for_backward(xs, h, weight_ih, weight_hh, hs, reads, hidden)
        ctx.activation = activation
        return hs, hs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, weight_ih, weight_hh, hs, reads, hidden = ctx.saved_tensors
        d_sums, dh = torch.empty_like(hs), d_h.clone(memory_format=torch.contiguous_format)
        recur_back = repeated(weight_hh.t(), len(h), len(xs))
        steps = steps_for(hs)
        for t in reversed(range(len(xs))):
            steps.rnn_retreat(hs[t], d_ys[t], dh, d_sums[t], ctx.activation)
            dh = recur_back(d_sums[t])
            if hidden is not None:
                dh.mul_(hidden[t])
        return (
            input_gradient(d_sums, weight_ih) if ctx.needs_input_grad[0] else None,
            dh,
            weight_gradient(d_sums, xs),
            recurrent_gradient(d_sums, h, hs, reads),
            d_sums.sum((0, 1)),
            None,
            None,
        )
