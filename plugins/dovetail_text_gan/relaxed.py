"""Sentences as rows of symbols: one-hot where they are real, distributions where a continuous generator wrote them.

The padding symbol is an ordinary one here, and all sentences are equally long (gulrajani2017wgangp, appendix).

Axes: batch time vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dovetail import Misfit, Padded, Sequence, Tokens


def relaxed_space(tokens: Tokens) -> Sequence:
    """The space of the rows of sentences of `tokens`; raises Misfit where their length is not limited."""
    if tokens.length is None:
        raise Misfit("data", "tokens of limited length, for continuous generators", tokens)
    return Sequence(tokens.length, len(tokens.vocabulary))


def relaxed(texts: Padded, tokens: Tokens, like: Tensor) -> Padded:
    """One-hot rows of the whole length, in the type of `like`.

    Shape: texts `Padded` (batch, time), result `Padded` (batch, length, vocabulary).
    """
    missing = (tokens.length or 0) - texts.data.shape[1]
    numbers = F.pad(texts.data, (0, missing), value=tokens.vocabulary.pad)
    return full_length(F.one_hot(numbers, len(tokens.vocabulary)).to(like.dtype))


def hardened(rows: Padded, tokens: Tokens) -> Padded:
    """The most probable symbols up to the first end symbol, or to the padding that follows no other symbol.

    Shape: rows `Padded` (batch, time, vocabulary), result `Padded` (batch, time).
    """
    vocabulary = tokens.vocabulary
    numbers = rows.data.argmax(-1)
    place = torch.arange(numbers.shape[1], device=numbers.device)
    ended = (numbers == vocabulary.end).int()
    to_end = torch.where(ended.any(1), ended.argmax(1) + 1, numbers.shape[1])
    behind_last = ((numbers != vocabulary.pad) * (place + 1)).amax(1)
    lengths = torch.minimum(to_end, behind_last)
    return Padded(numbers.masked_fill(place >= lengths[:, None], vocabulary.pad), lengths)


def full_length(data: Tensor) -> Padded:
    """All of it is real."""
    return Padded(data, torch.full((data.shape[0],), data.shape[1], device=data.device))
