"""A discriminator of texts, real against generated: its loss and its rewards, one score a text or one a step.

Axes: batch time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dovetail import Discriminator, DiscriminatorSpec, Misfit, Padded, Sequence, Space, Tokens, Vector


def built_judge(discriminator: DiscriminatorSpec, tokens: Tokens, given: Space | None = None) -> Discriminator:
    """A discriminator of texts; raises Misfit where it gives neither one score a text nor one a step."""
    judge = discriminator.build(input=tokens, given=given)
    if judge.output not in (Vector(1), Sequence(tokens.length, 1)):
        raise Misfit("discriminator", "one that gives a Vector(1), or a Sequence of size 1", judge.output)
    return judge


def judge_loss(judge: Discriminator, real: Padded, fake: Padded, given: Any = None) -> Tensor:
    """-mean log σ(s(real)) - mean log(1 - σ(s(fake))), over the texts or over all their real steps. Shape: ()."""
    return _cross_entropy(judge(real, given), 1.0) + _cross_entropy(judge(fake, given), 0.0)


def _cross_entropy(scores: Any, target: float) -> Tensor:
    logits = scores.data[scores.mask] if isinstance(scores, Padded) else scores
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def probability_real(judge: Discriminator, tokens: Padded, given: Any = None) -> Tensor:
    """D(y), the probability that a text is real: one a text, or one a step, 0 on padding.

    Shape: tokens `Padded` (batch, time), result (batch, 1) or (batch, time).
    """
    scores = judge(tokens, given)
    if isinstance(scores, Padded):
        return scores.data[..., 0].sigmoid() * tokens.mask
    return torch.as_tensor(scores.sigmoid())
