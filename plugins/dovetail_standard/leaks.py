"""What a discriminator leaks to a generator that reads a known text.

Axes: batch time feature.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail import Leak, Padded


@torch.no_grad()
def leaked(leak: Leak, tokens: Padded, start: int) -> Tensor:
    """The features of what stands before each token, the start token first; no gradient flows to them.

    They are external to the generator: its phase does not train the discriminator (semeniuta2019, section 5.4.2).
    Shape: tokens `Padded` (batch, time), result (batch, time, size).
    """
    state = leak.initial_state(len(tokens.data))
    read = torch.cat([torch.full_like(tokens.data[:, :1], start), tokens.data[:, :-1]], dim=1)
    features = []
    for column in read.unbind(1):
        feature, state = leak.leak(column, state)
        features.append(feature)
    return torch.stack(features, dim=1)
