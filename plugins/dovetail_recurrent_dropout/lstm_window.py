"""A window of an LSTM with its masks, as one function with its own backward pass: Eq. 3.3.5–3.3.10 of semeniuta2019.

Axes: `time batch feature`; gates are i, f, g, o side by side.

*Not covered:* zoneout, masks of single gates, layer normalisation, second derivatives; the cell's plain path has them.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.autograd.function import Function

from dovetail import State
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
        into = NONLINEARITIES[activation].into
        gates = project(xs, weight_ih, bias)
        hs, cs, seen = (c.new_empty(len(xs), *c.shape) for _ in range(3))  # `seen` is f(c_t)
        dropped = torch.empty_like(c)
        reads = None if hidden is None else torch.empty_like(hs)
        recur = repeated(weight_hh, len(h), len(xs))
        sums, i_f, i, f, g, o = by_step(gates)
        for t, (last_h, last_c, new_h, new_c) in enumerate(zip(earlier(h, hs), earlier(c, cs), hs, cs, strict=True)):
            sums[t].add_(recur(last_h if reads is None else torch.mul(last_h, hidden[t], out=reads[t])))
            i_f[t].sigmoid_()
            o[t].sigmoid_()
            into(g[t], g[t])
            torch.mul(f[t], last_c, out=new_c)
            new_c.addcmul_(i[t], g[t] if candidate is None else torch.mul(g[t], candidate[t], out=dropped))
            if memory is not None:
                new_c.mul_(memory[t])
            torch.mul(o[t], into(new_c, seen[t]), out=new_h)
        ctx.save_for_backward(xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory)
        ctx.activation = activation
        return hs, hs[-1].clone(), cs[-1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        xs, h, c, weight_ih, weight_hh, gates, hs, cs, seen, reads, hidden, candidate, memory = ctx.saved_tensors
        back = NONLINEARITIES[ctx.activation].back
        d_gates = torch.empty_like(gates)
        _, i_f, i, f, g, o = by_step(gates)
        d_sums, d_i_f, d_i, d_f, d_g, d_o = by_step(d_gates)
        dh, dc, part = d_h.clone(), d_c.clone(), torch.empty_like(d_c)
        recur_back = repeated(weight_hh.t(), len(h), len(xs))
        for t, (last_c, d_y, f_c) in reversed([*enumerate(zip(earlier(c, cs), d_ys, seen, strict=True))]):
            dh.add_(d_y)
            torch.mul(dh, f_c, out=d_o[t])
            dc.add_(back(torch.mul(dh, o[t], out=part), f_c))
            if memory is not None:
                dc.mul_(memory[t])
            of_g = dc if candidate is None else torch.mul(dc, candidate[t], out=part)
            torch.mul(of_g, g[t], out=d_i[t])
            torch.mul(dc, last_c, out=d_f[t])
            back(torch.mul(of_g, i[t], out=d_g[t]), g[t])
            sigmoid_back(d_i_f[t], i_f[t])
            sigmoid_back(d_o[t], o[t])
            dh = recur_back(d_sums[t])
            dc.mul_(f[t])
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


def by_step(gates: Tensor) -> tuple[State, ...]:
    """The gates of each step: all, i with f, i, f, g, o. Shape: (time, batch, (gate hidden)) to (batch, …) each."""
    parts = (gates, gates[:, :, : gates.shape[2] // 2], *gates.chunk(4, 2))
    return tuple(part.unbind() for part in parts)
