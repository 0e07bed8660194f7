"""A window of a GRU with its masks, as one function with its own backward pass: Eq. 2.2.7–2.2.9 of semeniuta2019.

Axes: `time batch feature`; gates are r, z, g side by side, z as in PyTorch.

*Not covered:* zoneout, masks of single gates, layer normalisation, second derivatives; the cell's plain path has them.
"""

from __future__ import annotations

from typing import Any, Literal, final

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

Reset = Literal["before", "after"]


@final
class GruWindow(Function):
    """`apply(xs, h, weight_ih, weight_hh, bias_ih, bias_hh, hidden, candidate, memory, activation, reset)`.

    Shape: xs (time, batch, input), h (batch, hidden), weight_ih ((gate hidden), input), weight_hh
    ((gate hidden), hidden), biases ((gate hidden)), masks (time, batch, hidden) or None; to ys (time, batch, hidden)
    and h after the window.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 — autograd passes inputs by position
        ctx: Any,
        xs: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        hidden: Tensor | None,
        candidate: Tensor | None,
        memory: Tensor | None,
        activation: Activation,
        reset: Reset,
    ) -> tuple[Tensor, Tensor]:
        pair = 2 * h.shape[1]
        before = reset == "before"
        at_once = bias_hh if before else torch.cat([bias_hh[:pair], torch.zeros_like(bias_hh[pair:])])
        gates = project(xs, weight_ih, bias_ih + at_once)
        hs, inner = (h.new_empty(len(xs), *h.shape) for _ in range(2))  # `inner` is r * h (before) or U h (after)
        reads = None if hidden is None else torch.empty_like(hs)
        to_pair, to_candidate = (
            part.t().contiguous() if len(xs) > 1 else part.t() for part in weight_hh.tensor_split([pair])
        )
        steps = steps_for(gates)
        for t, last in enumerate(earlier(h, hs)):
            read = last if reads is None else torch.mul(last, hidden[t], out=reads[t])
            rz, g = gates[t].tensor_split([pair], 1)
            rz.addmm_(read, to_pair)
            steps.gru_open(gates[t], read, inner[t] if before else None)
            if before:
                g.addmm_(inner[t], to_candidate)
            else:
                torch.addmm(bias_hh[pair:], read, to_candidate, out=inner[t])
            masks = of(candidate, t), of(memory, t)
            steps.gru_advance(gates[t], None if before else inner[t], last, *masks, hs[t], activation)
        ctx.save_for_backward(xs, h, weight_ih, weight_hh, gates, hs, inner, reads, hidden, candidate, memory)
        ctx.activation, ctx.before = activation, before
        return hs, hs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, weight_ih, weight_hh, gates, hs, inner, reads, hidden, candidate, memory = ctx.saved_tensors
        before, pair = ctx.before, 2 * h.shape[1]
        of_pair, of_candidate = weight_hh.tensor_split([pair])
        d_gates = torch.empty_like(gates)
        d_inner = None if before else torch.empty_like(inner)
        dh, d_read = d_h.clone(memory_format=torch.contiguous_format), torch.empty_like(inner[0])
        steps = steps_for(gates)
        for t, last in reversed([*enumerate(earlier(h, hs))]):
            of_after, d_after = (None, None) if before else (inner[t], d_inner[t])
            masks = of(candidate, t), of(memory, t)
            steps.gru_retreat(gates[t], of_after, last, *masks, d_ys[t], dh, d_gates[t], d_after, ctx.activation)
            d_rz, d_g = d_gates[t].tensor_split([pair], 1)
            if before:
                torch.mm(d_g, of_candidate, out=d_read)  # the gradient of r * h
                steps.gru_open_back(gates[t], last if reads is None else reads[t], d_read, d_gates[t])
            else:
                torch.mm(d_inner[t], of_candidate, out=d_read)
            d_read.addmm_(d_rz, of_pair)
            dh.add_(d_read) if hidden is None else dh.addcmul_(d_read, hidden[t])
        of_bias = d_gates.sum((0, 1))
        of_hidden = [
            recurrent_gradient(d_gates[:, :, :pair], h, hs, reads),
            weight_gradient(d_gates[:, :, pair:], inner) if before else recurrent_gradient(d_inner, h, hs, reads),
        ]
        of_bias_hh = of_bias if before else torch.cat([of_bias[:pair], d_inner.sum((0, 1))])
        return (
            input_gradient(d_gates, weight_ih) if ctx.needs_input_grad[0] else None,
            dh,
            weight_gradient(d_gates, xs),
            torch.cat(of_hidden),
            of_bias,
            of_bias_hh,
            *[None] * 5,
        )
