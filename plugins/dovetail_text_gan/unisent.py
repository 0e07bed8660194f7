"""A sentence as the mean of the vectors of its words and pairs of words, and a feed-forward network behind it.

Paper: cer2018use, section 3.2: the deep averaging network of the Universal Sentence Encoder. Pairs of neighbouring
tokens share the vectors of a table by a hash of their numbers.

*Differs from the paper:* the paper says neither the sizes nor the table; it trains on several tasks of transfer, and
here on whatever objective holds it (`text-gan/sequence-autoencoder` needs no labels).

Axes: batch time feature.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import final

import torch
from attrs import field, frozen
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Padded, Tokens, Vector, within

PRIME = 1_000_003
"""The hash of a pair is (first · PRIME + second) mod the table's size."""


@frozen(kw_only=True)
class UnisentSpec(EncoderSpec):
    """The mean of uni- and bigrams' vectors, then layers with tanh: Tokens to a vector of the last one's size."""

    takes = {"input": (Tokens,)}
    size: int = field(default=512, validator=within("[1, inf)"))
    """Size of the vector of a word or pair."""
    pairs: int = field(default=10_000, validator=within("[1, inf)"))
    """Vectors for pairs; those whose hashes are equal share one."""
    hidden: tuple[int, ...] = (512, 512)
    """Units of each layer; the last one's are the sentence's vector."""

    def __attrs_post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"`hidden` must have a layer, each of a unit at least, but is {list(self.hidden)}")

    def build(self, *, input: Tokens) -> Unisent:
        return Unisent(tokens=input, size=self.size, pairs=self.pairs, hidden=self.hidden)


@final
class Unisent(Encoder):
    """Sentences to vectors, by their words and pairs of words whatever their order.

    Shape: x `Padded` (batch, time), result (batch, hidden[-1]).
    """

    output: Vector

    def __init__(self, *, tokens: Tokens, size: int, pairs: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.start = tokens.vocabulary.start
        self.words, self.pairs = nn.Embedding(len(tokens.vocabulary), size), nn.Embedding(pairs, size)
        layers = [(nn.Linear(wide, narrow), nn.Tanh()) for wide, narrow in pairwise((size, *hidden))]
        self.layers = nn.Sequential(*chain.from_iterable(layers))
        self.output = Vector(hidden[-1])

    def forward(self, x: Padded) -> Tensor:
        before = torch.cat([x.data.new_full((len(x.data), 1), self.start), x.data[:, :-1]], dim=1)
        pairs = (before * PRIME + x.data) % self.pairs.num_embeddings
        summed = ((self.words(x.data) + self.pairs(pairs)) * x.mask[..., None]).sum(1)
        mean = summed / (2 * x.lengths.clamp(min=1))[:, None]
        vectors: Tensor = self.layers(mean)
        return vectors
