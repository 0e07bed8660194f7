"""Values that flow between parts, whatever they are nested in: their tensors, some of their examples, how they differ.

Axes: the first axis of every tensor is the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dovetail.spaces import Padded

ABSOLUTE, RELATIVE = 1e-5, 1e-4
"""What two float32 numbers that are computed in another order may differ by."""


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The value with every tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(item, change) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(item, change) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(mapped(item, change) for item in value)
    return value


def tensors(value: Any) -> list[Tensor]:
    """Every tensor in a value; what stands behind the end of an example is zero."""
    if isinstance(value, Padded):
        behind = ~value.mask
        return [value.data.masked_fill(behind.reshape(behind.shape + (1,) * (value.data.ndim - 2)), 0), value.lengths]
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [tensor for item in value.values() for tensor in tensors(item)]
    return [tensor for item in value for tensor in tensors(item)] if isinstance(value, tuple | list) else []


def aligned(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A batch whose fields that are padded to one length have the lengths of the first such one.

    What stands side by side, a text and its labels or predictions and references, is as long in each example.
    """
    lengths: dict[int, Tensor] = {}
    return {
        name: Padded(value.data, lengths.setdefault(value.data.shape[1], value.lengths))
        if isinstance(value, Padded)
        else value
        for name, value in batch.items()
    }


def picked(value: Any, examples: list[int]) -> Any:
    """Some examples of a batch, in this order."""
    return mapped(value, lambda tensor: tensor[torch.tensor(examples)])


def difference(one: Any, other: Any) -> float:
    """By how many times what is tolerated two values differ at most; infinity where they differ in shape or type."""
    ones, others = tensors(one), tensors(other)
    if [(t.shape, t.dtype) for t in ones] != [(t.shape, t.dtype) for t in others]:
        return float("inf")
    return max((_excess(a, b) for a, b in zip(ones, others, strict=True)), default=0.0)


def _excess(one: Tensor, other: Tensor) -> float:
    if not one.numel():
        return 0.0
    if not one.is_floating_point():
        return 0.0 if torch.equal(one, other) else float("inf")
    one, other = one.detach().double(), other.detach().double()
    excess = (one - other).abs() / (ABSOLUTE + RELATIVE * other.abs())
    same = (one == other) | (one.isnan() & other.isnan())
    return float(excess.masked_fill(same, 0.0).nan_to_num(float("inf"), float("inf")).max())


def identical(one: Any, other: Any) -> bool:
    """Whether two values are equal to the last bit."""
    ones, others = tensors(one), tensors(other)
    return len(ones) == len(others) and all(
        a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num())
        for a, b in zip(ones, others, strict=True)
    )


def total(value: Any) -> Tensor:
    """A number that every real value counts in, each with a weight of its own; 0 where there is none."""
    parts = [t.double() for t in tensors(value) if t.is_floating_point()]
    weighted = [(t * torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype).view_as(t)).sum() for t in parts]
    return torch.stack(weighted).sum() if weighted else torch.zeros((), dtype=torch.float64)


def trimmed(value: Any) -> Any:
    """A batch, and the batches in it, without the padding that a smaller batch of its examples would not have."""
    if isinstance(value, Padded):
        return Padded(value.data[:, : int(value.lengths.max())], value.lengths)
    if isinstance(value, Mapping):
        return {name: trimmed(item) for name, item in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(trimmed(item) for item in value)
    return value
