"""Products of matrices: by oneDNN on a CPU, where PyTorch has operators for it that are right, else by PyTorch's own.

PyTorch's own products on a CPU are MKL's, which takes three times as long on some processors. oneDNN reads a weight in
a layout of its own, made once for the many steps that read it. Its operators are private to PyTorch: they are tried
once, on a small product, and left alone where they are not there or give anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product x W^T + b. Shape: x (rows, in), weight (out, in), bias (out), result (rows, out)."""
    if _is_onednns(x):
        return _onednn(x, weight, bias)
    return x @ weight.t() if bias is None else torch.addmm(bias, x, weight.t())


def outer(a: Tensor, b: Tensor) -> Tensor:
    """The product a^T b. Shape: a (rows, out), b (rows, in), result (out, in)."""
    if _is_onednns(a):
        # Of the two, b is narrower, and is turned; what is cut out of a wider tensor takes oneDNN 80 times as long.
        return _onednn(b.t().contiguous(), a.contiguous().t(), None).t().contiguous()
    return a.t() @ b


def repeated(weight: Tensor, rows: int, times: int) -> Callable[[Tensor], Tensor]:
    """The function x ↦ x W^T, for so many x with `rows` rows each; the weight is laid out for it where that pays."""
    if _is_onednns(weight):
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)  # one that is turned takes longer
        return lambda x: _onednn(x, laid_out, None)
    across = weight.t().contiguous() if times > 1 else weight.t()
    return lambda x: x @ across


def _is_onednns(x: Tensor) -> bool:
    wanted = x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.enabled
    return bool(wanted) and operators_are_right()


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result


@cache
def operators_are_right() -> bool:
    """Whether oneDNN's operators are there and give what PyTorch's products give."""
    x, weight, bias = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3), torch.arange(4.0)
    try:
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, len(x))
        turned = weight.t().contiguous().t()
        found = [_onednn(x, given, None) for given in (weight, turned, laid_out)] + [_onednn(x, weight, bias) - bias]
    except (AttributeError, RuntimeError, TypeError):
        return False
    return all(torch.equal(product, x @ weight.t()) for product in found)
