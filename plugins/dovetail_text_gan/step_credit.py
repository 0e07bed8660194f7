"""SeqGAN-step: a discriminator scores every beginning of a text, and a token is given what it and those after it earn.

Paper: semeniuta2019, section 5.4.2: R_t = γ R_{t+1} + D(y_1:t), with R = 0 behind the end.

Axes: batch time.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Padded, Space, within
from dovetail_standard.credit import Credit, CreditSpec, Game


@frozen(kw_only=True)
class StepCreditSpec(CreditSpec):
    """The discounted sum of the rewards from a token on."""

    scores = "step"
    discount: float = field(default=0.95, validator=within("[0, 1]"))
    """γ: how much of the next token's reward counts for this one (the thesis tunes it: section 5.6.2)."""

    def build(self, *, scores: Space) -> StepCredit:
        self.check(scores)
        return StepCredit(discount=self.discount)


@final
class StepCredit(Credit):
    """R_t = γ R_{t+1} + D(y_1:t)."""

    def __init__(self, *, discount: float = 0.95) -> None:
        super().__init__()
        self.discount = discount

    def forward(self, texts: Padded, game: Game) -> Tensor:
        rewards = game.reward(texts, torch.arange(len(texts.data), device=texts.data.device)) * texts.mask
        after = torch.zeros_like(rewards[:, 0])
        returns = []
        for reward in reversed(rewards.unbind(1)):
            after = self.discount * after + reward
            returns.append(after)
        return torch.stack(returns[::-1], dim=1) * texts.mask
