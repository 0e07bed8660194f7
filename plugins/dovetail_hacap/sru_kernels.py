"""The elementwise part of a simple recurrent unit as Triton kernels: one program for each example and block of units.

Paper: hacap2018, section 3.4. A program goes through all steps with its memory in registers; the way back makes the
gates again, which costs less than reading them. `forward` and `backward` are those of `sru_scan`; they leave the sums
as they are, and keep the memories only. Half precision is computed in float32.

Axes: batch time feature; sums are `(block hidden)`, of the candidate, f, r and the highway where it is projected.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 32
"""Units of a program: a warp, so that there are many programs."""
ACTIVATIONS = {"identity": 0, "tanh": 1, "relu": 2}
NOTHING, PROJECTED, GIVEN = 0, 1, 2
"""What goes past the memory: nothing, the last block of the sums, or a tensor of its own."""


@triton.jit
def activated(c, activation: tl.constexpr):
    if activation == 1:
        return 2 * tl.sigmoid(2 * c) - 1
    if activation == 2:
        return tl.maximum(c, 0)
    return c


@triton.jit
def forward_kernel(  # noqa: PLR0917 (a kernel's arguments)
    sums, past, start, ys, cs, steps, hidden, width, kind: tl.constexpr, activation: tl.constexpr, block: tl.constexpr
):
    example = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * block + tl.arange(0, block)
    there = unit < hidden
    high = tl.float64 if ys.dtype.element_ty == tl.float64 else tl.float32
    c = tl.load(start + example * hidden + unit, there).to(high)
    tl.store(cs + example * (steps + 1) * hidden + unit, c, there)
    for t in range(steps):
        row = example * steps + t
        place = row * width + unit
        candidate = tl.load(sums + place, there).to(high)
        forget = tl.sigmoid(tl.load(sums + place + hidden, there).to(high))
        reset = tl.sigmoid(tl.load(sums + place + 2 * hidden, there).to(high))
        c = candidate + forget * (c - candidate)
        y = reset * activated(c, activation)
        if kind == 1:
            y += (1 - reset) * tl.load(sums + place + 3 * hidden, there).to(high)
        elif kind == 2:
            y += (1 - reset) * tl.load(past + row * hidden + unit, there).to(high)
        tl.store(ys + row * hidden + unit, y, there)
        tl.store(cs + (row + example + 1) * hidden + unit, c, there)


@triton.jit
def backward_kernel(  # noqa: PLR0917 (a kernel's arguments)
    d_ys,
    d_last,
    sums,
    past,
    cs,
    d_sums,
    d_past,
    d_start,
    steps,
    hidden,
    width,
    kind: tl.constexpr,
    activation: tl.constexpr,
    block: tl.constexpr,
):
    example = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * block + tl.arange(0, block)
    there = unit < hidden
    high = tl.float64 if cs.dtype.element_ty == tl.float64 else tl.float32
    d_c = tl.load(d_last + example * hidden + unit, there).to(high)
    c = tl.load(cs + (example * (steps + 1) + steps) * hidden + unit, there).to(high)
    for back in range(steps):
        row = example * steps + steps - 1 - back
        place = row * width + unit
        earlier = tl.load(cs + (row + example) * hidden + unit, there).to(high)
        candidate = tl.load(sums + place, there).to(high)
        forget = tl.sigmoid(tl.load(sums + place + hidden, there).to(high))
        reset = tl.sigmoid(tl.load(sums + place + 2 * hidden, there).to(high))
        d_y = tl.load(d_ys + row * hidden + unit, there).to(high)
        seen = activated(c, activation)
        d_reset = d_y * seen
        if kind == 1:
            d_reset -= d_y * tl.load(sums + place + 3 * hidden, there).to(high)
            tl.store(d_sums + place + 3 * hidden, d_y * (1 - reset), there)
        elif kind == 2:
            d_reset -= d_y * tl.load(past + row * hidden + unit, there).to(high)
            tl.store(d_past + row * hidden + unit, d_y * (1 - reset), there)
        if activation == 1:
            d_c += d_y * reset * (1 - seen * seen)
        elif activation == 2:
            d_c += tl.where(c > 0, d_y * reset, 0)
        else:
            d_c += d_y * reset
        tl.store(d_sums + place, d_c * (1 - forget), there)
        tl.store(d_sums + place + hidden, d_c * (earlier - candidate) * forget * (1 - forget), there)
        tl.store(d_sums + place + 2 * hidden, d_reset * reset * (1 - reset), there)
        d_c *= forget
        c = earlier
    tl.store(d_start + example * hidden + unit, d_c, there)


def forward(sums: Tensor, past: Tensor | None, c: Tensor, activation: str) -> tuple[Tensor, Tensor]:
    """The outputs, and the memories, c first, which the way back needs."""
    batch, steps, width = sums.shape
    hidden = c.shape[1]
    ys, cs = sums.new_empty(batch, steps, hidden), sums.new_empty(batch, steps + 1, hidden)
    tensors = sums.contiguous(), sums if past is None else past.contiguous(), c.contiguous(), ys, cs
    with torch.cuda.device_of(sums):
        forward_kernel[batch, triton.cdiv(hidden, BLOCK)](
            *tensors, steps, hidden, width, **constants(sums, past, hidden, activation), num_warps=1
        )
    return ys, cs


def backward(  # noqa: PLR0917 (as the loop's)
    d_ys: Tensor, d_c: Tensor, sums: Tensor, past: Tensor | None, cs: Tensor, activation: str
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The gradients of the sums, of `past` and of the memory before the first step."""
    batch, steps, width = sums.shape
    hidden = cs.shape[2]
    sums, past = sums.contiguous(), None if past is None else past.contiguous()
    d_sums, d_past, d_start = torch.empty_like(sums), None if past is None else torch.empty_like(past), d_c.clone()
    read = d_ys.contiguous(), d_c.contiguous(), sums, sums if past is None else past, cs
    written = d_sums, d_sums if d_past is None else d_past, d_start
    with torch.cuda.device_of(sums):
        backward_kernel[batch, triton.cdiv(hidden, BLOCK)](
            *read, *written, steps, hidden, width, **constants(sums, past, hidden, activation), num_warps=1
        )
    return d_sums, d_past, d_start


def constants(sums: Tensor, past: Tensor | None, hidden: int, activation: str) -> dict[str, int]:
    kind = PROJECTED if sums.shape[2] == 4 * hidden else NOTHING if past is None else GIVEN
    return {"kind": kind, "activation": ACTIVATIONS[activation], "block": BLOCK}


def probe(device: str) -> None:
    """One small scan, to see whether Triton compiles and runs here."""
    forward(torch.ones(2, 3, 16, device=device), None, torch.ones(2, 4, device=device), "tanh")
