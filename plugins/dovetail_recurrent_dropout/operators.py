"""The elementwise part of a step of each cell, forward and backward, by PyTorch's operators.

They write into buffers made beforehand. `kernels` has the same functions for a GPU.

Axes: `batch feature`, those of one step; gates are side by side, in the weights' order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Activation = Literal["tanh", "relu"]
aten = torch.ops.aten


class Nonlinearity(NamedTuple):
    """f, in buffers."""

    into: Callable[[Tensor, Tensor], Tensor]
    """(x, out): f(x)."""
    back: Callable[[Tensor, Tensor], Tensor]
    """(gradient, f(x)): the gradient of f(x) becomes that of x, in its place."""


def sigmoid_back(gradient: Tensor, y: Tensor) -> Tensor:
    """The gradient of y = sigmoid(x) becomes that of x, in its place."""
    return aten.sigmoid_backward.grad_input(gradient, y, grad_input=gradient)


NONLINEARITIES: dict[Activation, Nonlinearity] = {
    "tanh": Nonlinearity(
        lambda x, out: torch.tanh(x, out=out),
        lambda gradient, y: aten.tanh_backward.grad_input(gradient, y, grad_input=gradient),
    ),
    "relu": Nonlinearity(
        lambda x, out: torch.clamp_min(x, 0, out=out),
        lambda gradient, y: aten.threshold_backward.grad_input(gradient, y, 0, grad_input=gradient),
    ),
}


def lstm_advance(  # noqa: PLR0917 (one argument for each tensor that a step reads or writes)
    gates: Tensor,
    product: Tensor,
    c: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    new_c: Tensor,
    seen: Tensor,
    new_h: Tensor,
    activation: Activation,
) -> None:
    """One step after its product: the gates are sums, and become what they are; writes c_t, f(c_t) and h_t."""
    into = NONLINEARITIES[activation].into
    i, f, g, o = gates.add_(product).chunk(4, 1)
    gates[:, : 2 * c.shape[1]].sigmoid_()
    o.sigmoid_()
    into(g, g)
    torch.mul(f, c, out=new_c)
    new_c.addcmul_(i, g if candidate is None else torch.mul(g, candidate, out=new_h))
    if memory is not None:
        new_c.mul_(memory)
    torch.mul(o, into(new_c, seen), out=new_h)


def lstm_retreat(  # noqa: PLR0917 (one argument for each tensor that a step reads or writes)
    gates: Tensor,
    c: Tensor,
    seen: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    d_y: Tensor,
    dh: Tensor,
    dc: Tensor,
    d_gates: Tensor,
    activation: Activation,
) -> None:
    """The same backward: writes the gradients of the gates' sums; dc becomes that of c_{t-1}, and dh is used up."""
    back = NONLINEARITIES[activation].back
    i, f, g, o = gates.chunk(4, 1)
    d_i, d_f, d_g, d_o = d_gates.chunk(4, 1)
    dh.add_(d_y)
    torch.mul(dh, seen, out=d_o)
    dc.add_(back(dh.mul_(o), seen))
    if memory is not None:
        dc.mul_(memory)
    of_g = dc if candidate is None else torch.mul(dc, candidate, out=dh)
    torch.mul(of_g, g, out=d_i)
    torch.mul(dc, c, out=d_f)
    back(torch.mul(of_g, i, out=d_g), g)
    pair = 2 * c.shape[1]
    sigmoid_back(d_gates[:, :pair], gates[:, :pair])
    sigmoid_back(d_o, o)
    dc.mul_(f)


def gru_open(gates: Tensor, last: Tensor, inner: Tensor | None) -> None:
    """The gates r and z, which are sums, become what they are; writes r * h into `inner` where that is given."""
    gates[:, : 2 * last.shape[1]].sigmoid_()
    if inner is not None:
        torch.mul(gates[:, : last.shape[1]], last, out=inner)


def gru_advance(  # noqa: PLR0917 (one argument for each tensor that a step reads or writes)
    gates: Tensor,
    inner: Tensor | None,
    h: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    new_h: Tensor,
    activation: Activation,
) -> None:
    """The step after its last product: g becomes what it is, r * `inner` added where that is given; writes h_t."""
    r, z, g = gates.chunk(3, 1)
    if inner is not None:
        g.addcmul_(r, inner)
    NONLINEARITIES[activation].into(g, g)
    torch.lerp(g if candidate is None else torch.mul(g, candidate, out=new_h), h, z, out=new_h)
    if memory is not None:
        new_h.mul_(memory)


def gru_retreat(  # noqa: PLR0917 (one argument for each tensor that a step reads or writes)
    gates: Tensor,
    inner: Tensor | None,
    h: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    d_y: Tensor,
    dh: Tensor,
    d_gates: Tensor,
    d_inner: Tensor | None,
    activation: Activation,
) -> None:
    """The same backward: writes the gradients of the sums of z and g, and of r and `inner` where that is given.

    dh becomes the gradient of h_{t-1} where it is interpolated.
    """
    r, z, g = gates.chunk(3, 1)
    d_r, d_z, d_g = d_gates.chunk(3, 1)
    dh.add_(d_y)
    if memory is not None:
        dh.mul_(memory)
    new = g if candidate is None else torch.mul(g, candidate, out=d_g)
    torch.sub(h, new, out=d_z).mul_(dh)
    sigmoid_back(d_z, z)
    torch.addcmul(dh, dh, z, value=-1, out=d_g)
    dh.mul_(z)
    if candidate is not None:
        d_g.mul_(candidate)
    NONLINEARITIES[activation].back(d_g, g)
    if inner is not None:
        torch.mul(d_g, r, out=d_inner)
        sigmoid_back(torch.mul(d_g, inner, out=d_r), r)


def gru_open_back(gates: Tensor, last: Tensor, part: Tensor, d_gates: Tensor) -> None:
    """From the gradient of r * h, `part`: writes that of the sum of r; `part` becomes that of h."""
    r, d_r = gates[:, : last.shape[1]], d_gates[:, : last.shape[1]]
    sigmoid_back(torch.mul(part, last, out=d_r), r)
    part.mul_(r)


def rnn_advance(sums: Tensor, product: Tensor, new_h: Tensor, activation: Activation) -> None:
    """One step after its product: writes h_t."""
    NONLINEARITIES[activation].into(sums.add_(product), new_h)


def rnn_retreat(h: Tensor, d_y: Tensor, dh: Tensor, d_sums: Tensor, activation: Activation) -> None:
    """The same step backward: writes the gradient of its sum."""
    NONLINEARITIES[activation].back(torch.add(dh, d_y, out=d_sums), h)
