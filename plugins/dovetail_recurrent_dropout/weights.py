"""The weights of a recurrence, laid out and named as those of `torch.nn.LSTMCell`, `GRUCell` and `RNNCell`.

Axes: batch time feature; a weight's rows are `(gate out)`.
"""

from __future__ import annotations

from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


@final
class Weights(nn.Module):
    """What the gates and the candidate of a recurrence read the input and the hidden state with.

    Args:
        input: features of the input.
        hidden: units.
        gates: how many gates and candidates there are.
        init: all values, biases too, start in U(±init); in U(±1/sqrt(hidden)), as PyTorch's do, where it is None.
    """

    def __init__(self, *, input: int, hidden: int, gates: int, init: float | None = None) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(gates * hidden, input))
        self.weight_hh = nn.Parameter(torch.empty(gates * hidden, hidden))
        self.bias_ih = nn.Parameter(torch.empty(gates * hidden))
        self.bias_hh = nn.Parameter(torch.empty(gates * hidden))
        bound = hidden**-0.5 if init is None else init
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def zeros(self, batch: int) -> Tensor:
        """A hidden state of zeros. Shape: (batch, feature)."""
        return self.weight_hh.new_zeros(batch, self.weight_hh.shape[1])

    def forward(self, xs: Tensor) -> Tensor:
        """The input's share of all steps, in one product. Shape: (batch, time, input) to (batch, time, (gate out))."""
        return F.linear(xs, self.weight_ih, self.bias_ih)


def recur(h: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    """W d(h) + b, with one mask for all gates or one for each.

    Shape: h (batch, feature), weight ((gate out), feature), mask (batch, 1 or gates, feature), to (batch, (gate out)).
    """
    if mask is None:
        return F.linear(h, weight, bias)
    if mask.shape[1] == 1:
        return F.linear(h * mask[:, 0], weight, bias)
    by_gate = rearrange(weight, "(gate out) feature -> gate feature out", gate=mask.shape[1])
    products = torch.bmm(rearrange(mask * h[:, None], "batch gate feature -> gate batch feature"), by_gate)
    return rearrange(products, "gate batch out -> batch (gate out)") + bias
