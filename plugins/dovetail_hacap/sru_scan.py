"""A simple recurrent unit's layer over all steps, as one function with its own backward pass.

Paper: hacap2018, section 3.4. What gates and candidate are made from is one product, so that only the memory goes from
step to step, by one operator a step in either direction. On a GPU the kernels of `sru_kernels` do all of it at once,
where Triton is to be had.

Axes: batch time feature; sums are `(block hidden)`, of the candidate, f, r and the highway where it is projected.

*Not covered:* second derivatives, autocasting; the layer's plain path has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, final

import torch
from torch import Tensor
from torch.autograd.function import Function
from torch.nn import functional as F

from dovetail_standard.kernels import kernels_for
from dovetail_standard.products import linear, outer

Activation = Literal["tanh", "identity", "relu"]
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "identity": torch.clone,
    "relu": torch.relu,
}
KERNELS = "dovetail_hacap.sru_kernels"
aten = torch.ops.aten


@final
class SruScan(Function):
    """`apply(xs, c, weight, bias, highway, activation)`, to ys and the memory after all steps.

    Shape: xs (batch, time, input), c (batch, hidden), weight ((block hidden), input), bias ((2 hidden)), ys (batch,
    time, hidden). A highway is not projected where the weight has three blocks.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 (autograd passes inputs by position)
        ctx: Any, xs: Tensor, c: Tensor, weight: Tensor, bias: Tensor, highway: bool, activation: Activation
    ) -> tuple[Tensor, Tensor]:
        hidden, rows = c.shape[1], len(weight)
        biases = F.pad(bias, (hidden, rows - 3 * hidden))
        sums = linear(xs.flatten(0, 1), weight, biases).unflatten(0, xs.shape[:2])
        past = xs if highway and rows == 3 * hidden else None
        ctx.activation, ctx.kernels = activation, kernels_for(sums, KERNELS)
        ys, cs, *more = (forward if ctx.kernels is None else ctx.kernels.forward)(sums, past, c, activation)
        ctx.save_for_backward(xs, weight, sums, past, cs, *more)
        return ys, cs[:, -1].clone()

    @staticmethod
    def backward(ctx: Any, d_ys: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "an SRU's scan has first derivatives only, but `create_graph` is set; build it with `fused = false`"
            )
        xs, weight, *kept = ctx.saved_tensors
        back = backward if ctx.kernels is None else ctx.kernels.backward
        d_sums, d_past, d_start = back(d_ys, d_c, *kept, ctx.activation)
        d_sums, hidden = d_sums.flatten(0, 1), d_c.shape[1]
        d_xs = linear(d_sums, weight.t()).unflatten(0, xs.shape[:2]) if ctx.needs_input_grad[0] else None
        if d_xs is not None and d_past is not None:
            d_xs += d_past
        d_bias = d_sums.new_ones(len(d_sums)) @ d_sums[:, hidden : 3 * hidden]  # takes less time than a sum
        return d_xs, d_start, outer(d_sums, xs.flatten(0, 1)), d_bias, None, None


def blocks_of(sums: Tensor, past: Tensor | None, hidden: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """The candidate, the gates f and r side by side, and what goes past the memory."""
    candidate, gates, *projected = sums.tensor_split([hidden, 3 * hidden], 2)
    return candidate, gates, projected[0] if projected[0].shape[2] else past


def forward(sums: Tensor, past: Tensor | None, c: Tensor, activation: Activation) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs; then what the way back needs: the memories, c first, and what is seen of them.

    `past` goes past the memory where the sums have nothing that does. The gates take the place of their sums.
    """
    batch, steps, _ = sums.shape
    candidate, gates, past = blocks_of(sums, past, c.shape[1])
    forget, reset = gates.sigmoid_().chunk(2, 2)
    cs = sums.new_empty(batch, steps + 1, c.shape[1])
    cs[:, 0] = c
    memories = cs.unbind(1)
    for step, (new, forgotten) in enumerate(zip(candidate.unbind(1), forget.unbind(1), strict=True)):
        torch.lerp(new, memories[step], forgotten, out=memories[step + 1])
    seen = ACTIVATIONS[activation](cs[:, 1:])
    return seen * reset if past is None else torch.lerp(past, seen, reset), cs, seen


def backward(  # noqa: PLR0917 (what is kept, in its order)
    d_ys: Tensor,
    d_c: Tensor,
    sums: Tensor,
    past: Tensor | None,
    cs: Tensor,
    seen: Tensor,
    activation: Activation,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The gradients of the sums as they were, of `past` and of the memory before the first step."""
    hidden = cs.shape[2]
    candidate, gates, highway = blocks_of(sums, past, hidden)
    forget, reset = gates.chunk(2, 2)
    d_sums, d_past = torch.empty_like(sums), None if past is None else torch.empty_like(past)
    d_candidate, d_gates, d_highway = blocks_of(d_sums, d_past, hidden)
    d_forget, d_reset = d_gates.chunk(2, 2)
    d_cs = d_ys * reset
    if highway is None:
        torch.mul(d_ys, seen, out=d_reset)
    else:
        torch.sub(d_ys, d_cs, out=d_highway)
        torch.sub(seen, highway, out=d_reset).mul_(d_ys)
    if activation == "tanh":
        aten.tanh_backward.grad_input(d_cs, seen, grad_input=d_cs)
    elif activation == "relu":
        aten.threshold_backward.grad_input(d_cs, seen, 0, grad_input=d_cs)
    d_cs[:, -1] += d_c
    memories, forgotten = d_cs.unbind(1), forget.unbind(1)
    for step in range(len(memories) - 1, 0, -1):
        memories[step - 1].addcmul_(memories[step], forgotten[step])
    torch.addcmul(d_cs, d_cs, forget, value=-1, out=d_candidate)
    torch.sub(cs[:, :-1], candidate, out=d_forget).mul_(d_cs)
    aten.sigmoid_backward.grad_input(d_gates, gates, grad_input=d_gates)
    return d_sums, d_past, memories[0] * forgotten[0]
