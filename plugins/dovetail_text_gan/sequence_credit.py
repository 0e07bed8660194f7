"""SeqGAN-reinforce: every token is given the reward of the whole text.

Paper: semeniuta2019, section 5.4.2: R_t = D(y).

Axes: batch time.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import frozen
from torch import Tensor

from dovetail import Padded, Space
from dovetail_standard.credit import Credit, CreditSpec, Game


@frozen(kw_only=True)
class SequenceCreditSpec(CreditSpec):
    """The reward of the whole text, for each of its tokens."""

    scores = "sequence"

    def build(self, *, scores: Space) -> SequenceCredit:
        self.check(scores)
        return SequenceCredit()


@final
class SequenceCredit(Credit):
    """R_t = D(y)."""

    def forward(self, texts: Padded, game: Game) -> Tensor:
        each = torch.arange(len(texts.data), device=texts.data.device)
        return game.reward(texts, each) * texts.mask
