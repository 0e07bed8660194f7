"""A window of an LSTM with its masks, as one function with its own backward pass: Eq. 3.3.5–3.3.10 of semeniuta2019.

Axes: `time batch feature`; gates are i, f, g, o side by side.

*Not covered:* zoneout, masks of single gates, layer normalisation, second derivatives; the cell's plain path has them.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.autograd.function import Function

from dovetail_recurrent_dropout.window import (
    NONLINEARITIES,
    Activation,
    earlier,
    project,
    recurrent_gradient,
    refuse_second_derivatives,
    sigmoid_back,
    weight_gradient,
)


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
        steps = len(xs)
        f_into = NONLINEARITIES[activation].into
        gates = project(xs, weight_ih, bias)
        hs, cs, seen = (c.new_empty(steps, *c.shape) for _ in range(3))  # `seen` is f(c_t)
        dropped = torch.empty_like(c)
        reads = None if hidden is None else torch.empty_like(hs)
        across = weight_hh.t().contiguous() if steps > 1 else weight_hh.t()
        for t, (last_h, last_c) in enumerate(zip(earlier(h, hs), earlier(c, cs), strict=True)):
            read = last_h if reads is None else torch.mul(last_h, hidden[t], out=reads[t])
            sums = gates[t].addmm_(read, across)
            i, f, g, o = sums.chunk(4, 1)
            sums[:, : 2 * c.shape[1]].sigmoid_()
            o.sigmoid_()
            f_into(g, g)
            now = torch.mul(f, last_c, out=cs[t])
            now.addcmul_(i, g if candidate is None else torch.mul(g, candidate[t], out=dropped))
            if memory is not None:
                now.mul_(memory[t])
            torch.mul(o, f_into(now, seen[t]), out=hs[t])
        ctx.save_for_backward(xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory)
        ctx.activation = activation
        return hs, hs[-1].clone(), cs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory = ctx.saved_tensors
        f_back = NONLINEARITIES[ctx.activation].back
        size = c.shape[1]
        d_gates = torch.empty_like(gates)
        dh, dc, part = d_h.clone(), d_c.clone(), torch.empty_like(d_c)
        for t, last_c in reversed([*enumerate(earlier(c, cs))]):
            dh.add_(d_ys[t])
            i, f, g, o = gates[t].chunk(4, 1)
            d_sums = d_gates[t]
            d_i, d_f, d_g, d_o = d_sums.chunk(4, 1)
            torch.mul(dh, seen[t], out=d_o)
            dc.add_(f_back(torch.mul(dh, o, out=part), seen[t]))
            if memory is not None:
                dc.mul_(memory[t])
            of_g = dc if candidate is None else torch.mul(dc, candidate[t], out=part)
            torch.mul(of_g, g, out=d_i)
            torch.mul(dc, last_c, out=d_f)
            f_back(torch.mul(of_g, i, out=d_g), g)
            sigmoid_back(d_sums[:, : 2 * size], gates[t][:, : 2 * size])
            sigmoid_back(d_o, o)
            dc.mul_(f)
            torch.mm(d_sums, weight_hh, out=dh)
            if hidden is not None:
                dh.mul_(hidden[t])
        flat = d_gates.flatten(0, 1)
        return (
            (flat @ weight_ih).view_as(xs) if ctx.needs_input_grad[0] else None,
            dh,
            dc,
            weight_gradient(d_gates, xs),
            recurrent_gradient(d_gates, h, hs, reads),
            flat.sum(0),
            *[None] * 4,
        )
