"""What a discriminator leaks to a generator that reads a known text.

Axes: batch time feature.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail import Leak, Padded


@torch.no_grad()
def features_after(leak: Leak, read: Tensor) -> Tensor:
    """The features after each token that is read; no gradient flows to them.

    Shape: read (batch, time), result (batch, time, size).
    """
    state = leak.initial_state(len(read))
    features = []
    for column in read.unbind(1):
        feature, state = leak.leak(column, state)
        features.append(feature)
    return torch.stack(features, dim=1)


def leaked(leak: Leak, tokens: Padded, start: int) -> Tensor:
    """The features of what stands before each token, the start token first; no gradient flows to them.

    They are external to the generator: its phase does not train the discriminator (semeniuta2019, section 5.4.2).
    Shape: tokens `Padded` (batch, time), result (batch, time, size).
    """
    return features_after(leak, torch.cat([torch.full_like(tokens.data[:, :1], start), tokens.data[:, :-1]], dim=1))
