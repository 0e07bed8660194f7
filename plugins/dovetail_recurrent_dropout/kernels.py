"""The elementwise part of a step of each cell, forward and backward, as Triton kernels; the products are PyTorch's.

Each function does what the one of the same name in `operators` does. A program has a block of units of all examples.
Masks and the outputs' gradients may be expanded or transposed; all else is contiguous. Half precision is computed in
float32.

Axes: `batch feature`, those of one step; gates are side by side, in the weights' order.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 256


@triton.jit
def activated(x, relu: tl.constexpr):
    return tl.where(x < 0, 0, x) if relu else 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def slope(y, relu: tl.constexpr):
    """The derivative of y = f(x)."""
    return tl.where(y > 0, 1.0, 0.0) if relu else 1 - y * y


@triton.jit
def read(tensor, place, there):
    high: tl.constexpr = tl.float64 if tensor.dtype.element_ty == tl.float64 else tl.float32
    return tl.load(tensor + place, there, 0).to(high)


@triton.jit
def factor(mask, row, unit, of_row, of_unit, there):  # noqa: PLR0917 (a kernel's arguments)
    return 1.0 if mask is None else read(mask, row.to(tl.int64) * of_row + unit * of_unit, there)


@triton.jit
def lstm_forward(  # noqa: PLR0917 (a kernel's arguments)
    gates, product, c, new_c, seen, new_h, candidate, candidate_row, candidate_unit, memory, memory_row, memory_unit,
    size, hidden, relu: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    row, unit = here // hidden, here % hidden
    at = row * 4 * hidden + unit
    i = tl.sigmoid(read(gates, at, there) + read(product, at, there))
    f = tl.sigmoid(read(gates, at + hidden, there) + read(product, at + hidden, there))
    g = activated(read(gates, at + 2 * hidden, there) + read(product, at + 2 * hidden, there), relu)
    o = tl.sigmoid(read(gates, at + 3 * hidden, there) + read(product, at + 3 * hidden, there))
    new = f * read(c, here, there) + i * g * factor(candidate, row, unit, candidate_row, candidate_unit, there)
    new *= factor(memory, row, unit, memory_row, memory_unit, there)
    f_c = activated(new, relu)
    tl.store(gates + at, i, there)
    tl.store(gates + at + hidden, f, there)
    tl.store(gates + at + 2 * hidden, g, there)
    tl.store(gates + at + 3 * hidden, o, there)
    tl.store(new_c + here, new, there)
    tl.store(seen + here, f_c, there)
    tl.store(new_h + here, o * f_c, there)


@triton.jit
def lstm_backward(  # noqa: PLR0917 (a kernel's arguments)
    gates, c, seen, dh, dc, d_gates, candidate, candidate_row, candidate_unit, memory, memory_row, memory_unit,
    d_y, d_y_row, d_y_unit, size, hidden, relu: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    row, unit = here // hidden, here % hidden
    at = row * 4 * hidden + unit
    i, f = read(gates, at, there), read(gates, at + hidden, there)
    g, o = read(gates, at + 2 * hidden, there), read(gates, at + 3 * hidden, there)
    f_c = read(seen, here, there)
    of_h = read(dh, here, there) + factor(d_y, row, unit, d_y_row, d_y_unit, there)
    of_c = read(dc, here, there) + of_h * o * slope(f_c, relu)
    of_c *= factor(memory, row, unit, memory_row, memory_unit, there)
    of_g = of_c * factor(candidate, row, unit, candidate_row, candidate_unit, there)
    tl.store(d_gates + at, of_g * g * i * (1 - i), there)
    tl.store(d_gates + at + hidden, of_c * read(c, here, there) * f * (1 - f), there)
    tl.store(d_gates + at + 2 * hidden, of_g * i * slope(g, relu), there)
    tl.store(d_gates + at + 3 * hidden, of_h * f_c * o * (1 - o), there)
    tl.store(dc + here, of_c * f, there)


@triton.jit
def gru_open_forward(gates, last, inner, size, hidden, block: tl.constexpr):  # noqa: PLR0917 (a kernel's arguments)
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    at = here // hidden * 3 * hidden + here % hidden
    r = tl.sigmoid(read(gates, at, there))
    tl.store(gates + at, r, there)
    tl.store(gates + at + hidden, tl.sigmoid(read(gates, at + hidden, there)), there)
    if inner is not None:
        tl.store(inner + here, r * read(last, here, there), there)


@triton.jit
def gru_forward(  # noqa: PLR0917 (a kernel's arguments)
    gates, inner, h, new_h, candidate, candidate_row, candidate_unit, memory, memory_row, memory_unit,
    size, hidden, relu: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    row, unit = here // hidden, here % hidden
    at = row * 3 * hidden + unit
    g = read(gates, at + 2 * hidden, there)
    if inner is not None:
        g += read(gates, at, there) * read(inner, here, there)
    g = activated(g, relu)
    tl.store(gates + at + 2 * hidden, g, there)
    new = g * factor(candidate, row, unit, candidate_row, candidate_unit, there)
    new += read(gates, at + hidden, there) * (read(h, here, there) - new)
    tl.store(new_h + here, new * factor(memory, row, unit, memory_row, memory_unit, there), there)


@triton.jit
def gru_backward(  # noqa: PLR0917 (a kernel's arguments)
    gates, inner, h, dh, d_gates, d_inner, candidate, candidate_row, candidate_unit, memory, memory_row, memory_unit,
    d_y, d_y_row, d_y_unit, size, hidden, relu: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    row, unit = here // hidden, here % hidden
    at = row * 3 * hidden + unit
    z, g = read(gates, at + hidden, there), read(gates, at + 2 * hidden, there)
    kept = factor(candidate, row, unit, candidate_row, candidate_unit, there)
    of_h = read(dh, here, there) + factor(d_y, row, unit, d_y_row, d_y_unit, there)
    of_h *= factor(memory, row, unit, memory_row, memory_unit, there)
    of_g = of_h * (1 - z) * kept * slope(g, relu)
    tl.store(d_gates + at + hidden, of_h * (read(h, here, there) - g * kept) * z * (1 - z), there)
    tl.store(d_gates + at + 2 * hidden, of_g, there)
    tl.store(dh + here, of_h * z, there)
    if inner is not None:
        r = read(gates, at, there)
        tl.store(d_inner + here, of_g * r, there)
        tl.store(d_gates + at, of_g * read(inner, here, there) * r * (1 - r), there)


@triton.jit
def gru_open_backward(gates, last, part, d_gates, size, hidden, block: tl.constexpr):  # noqa: PLR0917 (a kernel's arguments)
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    at = here // hidden * 3 * hidden + here % hidden
    r, of_inner = read(gates, at, there), read(part, here, there)
    tl.store(d_gates + at, of_inner * read(last, here, there) * r * (1 - r), there)
    tl.store(part + here, of_inner * r, there)


@triton.jit
def rnn_forward(  # noqa: PLR0917 (a kernel's arguments)
    sums,
    product,
    new_h,
    size,
    hidden,  # noqa: ARG001 (as every kernel's)
    relu: tl.constexpr,
    block: tl.constexpr,
):
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    tl.store(new_h + here, activated(read(sums, here, there) + read(product, here, there), relu), there)


@triton.jit
def rnn_backward(  # noqa: PLR0917 (a kernel's arguments)
    h, dh, d_sums, d_y, d_y_row, d_y_unit, size, hidden, relu: tl.constexpr, block: tl.constexpr
):
    here = tl.program_id(0) * block + tl.arange(0, block)
    there = here < size
    of_h = read(dh, here, there) + factor(d_y, here // hidden, here % hidden, d_y_row, d_y_unit, there)
    tl.store(d_sums + here, of_h * slope(read(h, here, there), relu), there)


def launch(kernel: triton.JITFunction, like: Tensor, *tensors: Tensor | int | None, **constants: bool) -> None:
    """One program for each block of what is of the size of `like`. Shape: (batch, hidden)."""
    with torch.cuda.device_of(like):
        kernel[triton.cdiv(like.numel(), BLOCK),](*tensors, like.numel(), like.shape[1], **constants, block=BLOCK)


def strided(tensor: Tensor | None) -> tuple[Tensor | int | None, ...]:
    return (None, 0, 0) if tensor is None else (tensor, *tensor.stride())


def lstm_advance(  # noqa: PLR0917 (as the window's)
    gates: Tensor,
    product: Tensor,
    c: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    new_c: Tensor,
    seen: Tensor,
    new_h: Tensor,
    activation: str,
) -> None:
    masks = *strided(candidate), *strided(memory)
    launch(lstm_forward, c, gates, product, c, new_c, seen, new_h, *masks, relu=activation == "relu")


def lstm_retreat(  # noqa: PLR0917 (as the window's)
    gates: Tensor,
    c: Tensor,
    seen: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    d_y: Tensor,
    dh: Tensor,
    dc: Tensor,
    d_gates: Tensor,
    activation: str,
) -> None:
    masks = *strided(candidate), *strided(memory), *strided(d_y)
    launch(lstm_backward, c, gates, c, seen, dh, dc, d_gates, *masks, relu=activation == "relu")


def gru_open(gates: Tensor, last: Tensor, inner: Tensor | None) -> None:
    launch(gru_open_forward, last, gates, last, inner)


def gru_advance(  # noqa: PLR0917 (as the window's)
    gates: Tensor,
    inner: Tensor | None,
    h: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    new_h: Tensor,
    activation: str,
) -> None:
    masks = *strided(candidate), *strided(memory)
    launch(gru_forward, h, gates, inner, h, new_h, *masks, relu=activation == "relu")


def gru_retreat(  # noqa: PLR0917 (as the window's)
    gates: Tensor,
    inner: Tensor | None,
    h: Tensor,
    candidate: Tensor | None,
    memory: Tensor | None,
    d_y: Tensor,
    dh: Tensor,
    d_gates: Tensor,
    d_inner: Tensor | None,
    activation: str,
) -> None:
    masks = *strided(candidate), *strided(memory), *strided(d_y)
    launch(gru_backward, h, gates, inner, h, dh, d_gates, d_inner, *masks, relu=activation == "relu")


def gru_open_back(gates: Tensor, last: Tensor, part: Tensor, d_gates: Tensor) -> None:
    launch(gru_open_backward, last, gates, last, part, d_gates)


def rnn_advance(sums: Tensor, product: Tensor, new_h: Tensor, activation: str) -> None:
    launch(rnn_forward, new_h, sums, product, new_h, relu=activation == "relu")


def rnn_retreat(h: Tensor, d_y: Tensor, dh: Tensor, d_sums: Tensor, activation: str) -> None:
    launch(rnn_backward, h, h, dh, d_sums, *strided(d_y), relu=activation == "relu")


def probe(device: str) -> None:
    """One small step, to see whether Triton compiles and runs here."""
    h = torch.zeros(2, 3, device=device)
    rnn_advance(h, h, torch.empty_like(h), "tanh")
