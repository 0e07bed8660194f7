"""A window of a GRU with its masks, as one function with its own backward pass: Eq. 2.2.7–2.2.9 of semeniuta2019.

Axes: `time batch feature`; gates are r, z, g side by side, z as in PyTorch.

*Not covered:* zoneout, masks of single gates, layer normalisation, second derivatives; the cell's plain path has them.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from torch import Tensor
from torch.autograd.function import Function

from dovetail_recurrent_dropout.window import (
    NONLINEARITIES,
    Activation,
    earlier,
    input_gradient,
    project,
    recurrent_gradient,
    refuse_second_derivatives,
    sigmoid_back,
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
        steps, pair = len(xs), 2 * h.shape[1]
        f_into = NONLINEARITIES[activation].into
        before = reset == "before"
        at_once = bias_hh if before else torch.cat([bias_hh[:pair], torch.zeros_like(bias_hh[pair:])])
        gates = project(xs, weight_ih, bias_ih + at_once)
        hs, inner = (h.new_empty(steps, *h.shape) for _ in range(2))  # `inner` is r * h (before) or U h (after)
        dropped = torch.empty_like(h)
        reads = None if hidden is None else torch.empty_like(hs)
        to_pair, to_candidate = (
            part.t().contiguous() if steps > 1 else part.t() for part in weight_hh.tensor_split([pair])
        )
        for t, last in enumerate(earlier(h, hs)):
            read = last if reads is None else torch.mul(last, hidden[t], out=reads[t])
            rz, g = gates[t].tensor_split([pair], 1)
            r, z = rz.addmm_(read, to_pair).sigmoid_().chunk(2, 1)
            if before:
                g.addmm_(torch.mul(r, read, out=inner[t]), to_candidate)
            else:
                g.addcmul_(r, torch.addmm(bias_hh[pair:], read, to_candidate, out=inner[t]))
            f_into(g, g)
            new = g if candidate is None else torch.mul(g, candidate[t], out=dropped)
            torch.lerp(new, last, z, out=hs[t])
            if memory is not None:
                hs[t].mul_(memory[t])
        ctx.save_for_backward(xs, h, weight_ih, weight_hh, gates, hs, inner, reads, hidden, candidate, memory)
        ctx.activation, ctx.before = activation, before
        return hs, hs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, weight_ih, weight_hh, gates, hs, inner, reads, hidden, candidate, memory = ctx.saved_tensors
        f_back, before = NONLINEARITIES[ctx.activation].back, ctx.before
        pair = 2 * h.shape[1]
        of_pair, of_candidate = weight_hh.tensor_split([pair])
        d_gates = torch.empty_like(gates)
        d_inner = None if before else torch.empty_like(inner)
        dh, d_read, part = d_h.clone(), torch.empty_like(d_h), torch.empty_like(d_h)
        for t, last in reversed([*enumerate(earlier(h, hs))]):
            dh.add_(d_ys[t])
            if memory is not None:
                dh.mul_(memory[t])
            rz, g = gates[t].tensor_split([pair], 1)
            r, z = rz.chunk(2, 1)
            d_rz, d_g = d_gates[t].tensor_split([pair], 1)
            d_r, d_z = d_rz.chunk(2, 1)
            new = g if candidate is None else torch.mul(g, candidate[t], out=part)
            torch.mul(dh, torch.sub(last, new, out=part), out=d_z)
            torch.addcmul(dh, dh, z, value=-1, out=d_g)
            dh.mul_(z)
            if candidate is not None:
                d_g.mul_(candidate[t])
            f_back(d_g, g)
            if before:
                torch.mm(d_g, of_candidate, out=part)  # the gradient of r * h
                torch.mul(part, last if reads is None else reads[t], out=d_r)
                torch.mul(part, r, out=d_read)
            else:
                torch.mul(d_g, r, out=d_inner[t])
                torch.mul(d_g, inner[t], out=d_r)
                torch.mm(d_inner[t], of_candidate, out=d_read)
            sigmoid_back(d_rz, rz)
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
