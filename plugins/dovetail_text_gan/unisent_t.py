"""A sentence as the mean of what a Transformer's encoder makes of its words.

Papers: cer2018use, section 3.1: the Transformer of the Universal Sentence Encoder; vaswani2017attention, section 3, for
the encoder and its sinusoidal positions.

*Differs from the paper:* the mean over the words in the place of their sum divided by the root of their number.

Axes: batch time feature.
"""

from __future__ import annotations

import math
from typing import final

import torch
from attrs import field, frozen
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Padded, Tokens, Vector, within
from dovetail_standard.sequence import pool


@frozen(kw_only=True)
class UnisentTSpec(EncoderSpec):
    """A Transformer's encoder, pooled by the mean: Tokens to a vector of `size`."""

    takes = {"input": (Tokens,)}
    size: int = field(default=512, validator=within("[1, inf)"))
    """Size of the words' vectors and of the sentence's; an even multiple of `heads`."""
    heads: int = field(default=8, validator=within("[1, inf)"))
    """Heads of attention."""
    layers: int = field(default=6, validator=within("[1, inf)"))
    """Layers of attention and feed-forward network."""
    feedforward: int = field(default=2048, validator=within("[1, inf)"))
    """Units of a layer's feed-forward network."""
    dropout: float = field(default=0.1, validator=within("[0, 1)"))
    """Share of the words' vectors, of the attention and of each layer's results that training drops."""

    def __attrs_post_init__(self) -> None:
        if self.size % self.heads or self.size % 2:
            raise ValueError(f"`size` must be even and a multiple of `heads`, {self.heads}, but is {self.size}")

    def build(self, *, input: Tokens) -> UnisentT:
        return UnisentT(
            tokens=input,
            size=self.size,
            heads=self.heads,
            layers=self.layers,
            feedforward=self.feedforward,
            dropout=self.dropout,
        )


def positions(steps: Tensor, size: int) -> Tensor:
    """Sines and cosines of each step at `size` / 2 wavelengths from 2π to 10,000 · 2π. Shape: steps (time)."""
    rates = torch.exp(-math.log(10_000) / size * torch.arange(0, size, 2, dtype=steps.dtype, device=steps.device))
    angles = steps[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@final
class UnisentT(Encoder):
    """Sentences to vectors.

    Shape: x `Padded` (batch, time), result (batch, size).
    """

    output: Vector

    def __init__(
        self, *, tokens: Tokens, size: int, heads: int, layers: int, feedforward: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(len(tokens.vocabulary), size)
        nn.init.normal_(self.words.weight, std=size**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(size, heads, feedforward, dropout, batch_first=True) for _ in range(layers)
        )
        self.output = Vector(size)

    def forward(self, x: Padded) -> Tensor:
        words = self.words(x.data) * math.sqrt(self.output.size)
        steps = torch.arange(x.data.shape[1], device=words.device, dtype=words.dtype)
        behind = steps >= x.lengths.clamp(min=1)[:, None]  # attention to nothing at all would not be a number
        states = self.dropout(words + positions(steps, self.output.size))
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=behind)
        pooled: Tensor = pool(Padded(states, x.lengths), "mean")
        return pooled
