"""A convolution over words: each is seen together with its neighbours.

Paper: semeniuta2019, section 3.4.4.

Axes: batch time feature.

*Differs from the paper:* the thesis does not say what follows the convolution; it is a ReLU here.
"""

from __future__ import annotations

from typing import final

from attrs import field, frozen
from einops import rearrange
from torch import nn

from dovetail import Encoder, EncoderSpec, Misfit, Padded, Sequence, Tokens, within


@frozen(kw_only=True)
class ContextSpec(EncoderSpec):
    """Filters over each word and as many words on either side."""

    takes = {"input": (Sequence, Tokens)}
    filters: int = field(default=256, validator=within("[1, inf)"))
    """Features of each word afterwards (section 3.4.4)."""
    side: int = field(default=2, validator=within("[0, inf)"))
    """Words seen before and behind each word; two make a kernel of five words (section 3.4.4)."""
    embedding: EncoderSpec | None = None
    """From the input to the sequence that is convolved; needed for tokens."""

    def build(self, *, input: Sequence | Tokens) -> Context:
        embedding = None if self.embedding is None else self.embedding.build(input=input)
        words = input if embedding is None else embedding.output
        if not isinstance(words, Sequence):
            rule = "a Sequence (tokens become one by an `embedding`)"
            raise Misfit("input" if embedding is None else "embedding", rule, words)
        return Context(input=words.size, filters=self.filters, side=self.side, length=words.length, embedding=embedding)


@final
class Context(Encoder):
    """One convolution and a ReLU. What stands before the first word and behind the last one is zero.

    Args:
        input: features of a word.
        filters: features of a word afterwards.
        side: words seen on either side.
        length: the longest sequence.
        embedding: from what is read to words.

    Shape: x `Padded` (batch, time, input), result `Padded` (batch, time, filters), zero on padding.
    """

    output: Sequence

    def __init__(
        self, *, input: int, filters: int, side: int, length: int | None = None, embedding: Encoder | None = None
    ) -> None:
        super().__init__()
        self.output = Sequence(length, filters)
        self.embedding = embedding
        self.convolution = nn.Conv1d(input, filters, 2 * side + 1, padding=side)

    def forward(self, x: Padded) -> Padded:
        words = x if self.embedding is None else self.embedding(x)
        real = words.mask[..., None]
        seen = self.convolution(rearrange(words.data * real, "batch time feature -> batch feature time"))
        return Padded(rearrange(seen.relu(), "batch feature time -> batch time feature") * real, words.lengths)
