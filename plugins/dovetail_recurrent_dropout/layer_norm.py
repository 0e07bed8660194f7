"""Layer normalisation of the sums that the gates and the candidate of a recurrence are made from.

Paper: semeniuta2019, Eq. 2.2.10–2.2.13, after ba2016. Each gate's sum is normalised over its units, so that D is the
size of the hidden state, with a scale and a shift of its own; they start at one and at zero. In an LSTM the memory is
normalised too where it is put out, h_t = o_t * f(normal(c_t)), as in ba2016.

Axes: batch feature; `(gate unit)`.

*Differs from the paper:* ba2016's LSTM normalises what comes from x and from h apart, and all gates as one vector; the
thesis does not say.
"""

from __future__ import annotations

from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5


@final
class LayerNorm(nn.Module):
    """Eq. 2.2.13 for each gate.

    Args:
        gates: how many sums there are side by side.
        hidden: units of each.
    """

    def __init__(self, *, gates: int, hidden: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(gates * hidden))
        self.shift = nn.Parameter(torch.zeros(gates * hidden))
        self.gates = gates

    def forward(self, sums: Tensor) -> Tensor:
        """Shape: (batch, (gate unit)), in and out."""
        apart = rearrange(sums, "batch (gate unit) -> batch gate unit", gate=self.gates)
        normal = F.layer_norm(apart, apart.shape[-1:], eps=EPSILON)
        return torch.addcmul(self.shift, self.scale, rearrange(normal, "batch gate unit -> batch (gate unit)"))


def normalising(layer_norm: bool, *, gates: int, hidden: int) -> nn.Module:
    """Layer normalisation, or nothing."""
    return LayerNorm(gates=gates, hidden=hidden) if layer_norm else nn.Identity()
