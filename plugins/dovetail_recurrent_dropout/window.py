"""What the fused windows of the cells have in common, and when a window fits.

A window is a recurrence over all its steps as a single function with a backward pass of its own: the inputs are
projected in one product, each step writes into buffers made beforehand, and the gradients of all steps' weights are one
product. Its equations are those of the cells' steps; it has first derivatives only.

Axes: everything is time-first, `time batch feature`.
"""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor

from dovetail_recurrent_dropout import operators
from dovetail_recurrent_dropout.dropout import Masks
from dovetail_standard.kernels import kernels_for
from dovetail_standard.products import linear, outer

KERNELS = "dovetail_recurrent_dropout.kernels"


def fits(xs: Tensor, weight: Tensor, masks: Masks) -> bool:
    """Whether a fused window covers these inputs and masks: no zoneout, no masks of single gates, no autocasting."""
    tied = masks.hidden is None or masks.hidden.shape[2] == 1
    return tied and masks.stay is None and xs.dtype == weight.dtype and not torch.is_autocast_enabled(xs.device.type)


def steps_for(tensor: Tensor) -> ModuleType:
    """The elementwise part of steps for such tensors: Triton's kernels where they run, else PyTorch's operators."""
    return kernels_for(tensor, KERNELS) or operators


def project(xs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The input's share of all steps, in one product. Shape: (time, batch, input) to (time, batch, (gate out))."""
    return linear(xs.flatten(0, 1), weight, bias).unflatten(0, xs.shape[:2])


def refuse_second_derivatives() -> None:
    """Called by a backward pass, in which gradients are on where a graph of it is asked for."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "a fused window has first derivatives only, but `create_graph` is set; build the cell with `fused = false`"
        )


def earlier(h: Tensor, hs: Tensor) -> list[Tensor]:
    """The hidden state before each step. Shape: h (batch, hidden), hs after each (time, batch, hidden)."""
    return [h.contiguous(), *hs[:-1].unbind(0)]


def of(mask: Tensor | None, t: int) -> Tensor | None:
    """The mask of one step."""
    return None if mask is None else mask[t]


def weight_gradient(of_sums: Tensor, read: Tensor) -> Tensor:
    """The sum over all steps of the outer products. Shape: (time, batch, out) and (time, batch, in) to (out, in)."""
    return outer(of_sums.flatten(0, 1), read.flatten(0, 1))


def input_gradient(of_sums: Tensor, weight: Tensor) -> Tensor:
    """The gradient of the inputs. Shape: (time, batch, out) and (out, in) to (time, batch, in)."""
    return linear(of_sums.flatten(0, 1), weight.t()).unflatten(0, of_sums.shape[:2])


def recurrent_gradient(of_sums: Tensor, h: Tensor, hs: Tensor, reads: Tensor | None) -> Tensor:
    """The gradient of weights that read `reads`, or the hidden states before each step where it is None."""
    return weight_gradient(of_sums, torch.cat([h[None], hs[:-1]]) if reads is None else reads)
