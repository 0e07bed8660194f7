"""Rewards by their rank in the batch, as LeakGAN's bootstrapped rescaling has it and as its code does it.

Paper: guo2018leakgan, Eq. 11: σ(δ (0.5 - rank / B)), where the best of B texts has rank 1; at each place apart.

Axes: batch time.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Rescaling = Literal["none", "true", "published"]
SHARPNESS = 16.0
"""δ, as in the published code."""


def rescaled(returns: Tensor, mask: Tensor, how: Rescaling) -> Tensor:
    """Rewards by rank, 0 on padding. Shape: returns and mask (batch, time), result the same.

    true: the rank is that of the reward among those at the same place; equal ones share their mean rank.
    published: the code numbers the different rewards in the order in which they come, not in that of their size, and
    the last comes out best: what a text is given does not depend on whether its reward is higher than another's.
    """
    if how == "none":
        return returns
    ranks = torch.zeros_like(returns)
    for place in range(returns.shape[1]):
        real = mask[:, place]
        ranks[real, place] = (_true if how == "true" else _published)(returns[real, place])
    return torch.sigmoid(SHARPNESS * ranks) * mask


def _true(rewards: Tensor) -> Tensor:
    """0.5 - rank / B, in (-0.5, 0.5). Shape: (batch) both."""
    higher = (rewards[None] > rewards[:, None]).sum(1)
    equal = (rewards[None] == rewards[:, None]).sum(1)
    return 0.5 - (higher + (equal + 1) / 2).to(rewards) / len(rewards)


def _published(rewards: Tensor) -> Tensor:
    """The number of each reward in the order of first appearance / B - 0.5. Shape: (batch) both."""
    order: dict[float, int] = {}
    for reward in rewards.tolist():
        order.setdefault(reward, len(order) + 1)
    return rewards.new_tensor([order[reward] for reward in rewards.tolist()]) / len(rewards) - 0.5
