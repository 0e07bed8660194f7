"""Attentions, each with one fault, and their mended twins.

Axes: batch places feature.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen
from torch import nn

from dovetail import Attention, AttentionSpec, Sequence, Vector, within


class Dot(Attention):
    """Weighs places by their product with the query.

    Shape: memory (batch, places, memory), query (batch, query), read (batch, memory), weights (batch, places).
    """

    def __init__(self, *, memory, query, sharpness):
        super().__init__()
        self.key = nn.Linear(query, memory)
        self.sharpness = sharpness
        self.output = Vector(memory)

    def weigh(self, scores, mask):
        return scores.masked_fill(~mask, -torch.inf).softmax(1)

    def read(self, weights, memory):
        return (weights[..., None] * memory.data).sum(1)

    def forward(self, memory, query, state):
        scores = self.sharpness * (memory.data @ self.key(query)[..., None])[..., 0]
        weights = self.weigh(scores, memory.mask)
        return self.read(weights, memory), weights, state


@frozen(kw_only=True)
class DotSpec(AttentionSpec):
    """Weighs places by their product with the query."""

    takes = {"memory": (Sequence,), "query": (Vector,)}
    module: ClassVar = Dot
    sharpness: float = field(default=1.0, validator=within("(0, inf)"))
    """Factor of the scores."""

    def build(self, *, memory, query):
        return self.module(memory=memory.size, query=query.size, sharpness=self.sharpness)


class Unmasked(Dot):
    """Takes the softmax over padding, too."""

    def weigh(self, scores, mask):
        return scores.softmax(1)


@frozen(kw_only=True)
class UnmaskedSpec(DotSpec):
    """Takes the softmax over padding, too."""

    module = Unmasked


class MaskedAfter(Dot):
    """Masks after the softmax, so that the real part gets less than one."""

    def weigh(self, scores, mask):
        return scores.softmax(1) * mask


@frozen(kw_only=True)
class MaskedAfterSpec(DotSpec):
    """Masks after the softmax, so that the real part gets less than one."""

    module = MaskedAfter


class Independent(Dot):
    """Weighs each place by itself."""

    def weigh(self, scores, mask):
        return scores.sigmoid() * mask


@frozen(kw_only=True)
class IndependentSpec(DotSpec):
    """Weighs each place by itself."""

    module = Independent


class SharedRead(Dot):
    """Hands the mean read of the batch to every example."""

    def read(self, weights, memory):
        read = super().read(weights, memory)
        return read.mean(0).expand_as(read)


@frozen(kw_only=True)
class SharedReadSpec(DotSpec):
    """Hands the mean read of the batch to every example."""

    module = SharedRead


class Sharpening(Dot):
    """Is sharper with each read, which its state counts."""

    def initial_state(self, memory):
        return (self.key.weight.new_ones(len(memory.lengths)),)

    def forward(self, memory, query, state):
        (count,) = state
        read, weights, _ = super().forward(memory, query * count.reshape(-1, 1), ())
        return read, weights, (count + 1,)


@frozen(kw_only=True)
class SharpeningSpec(DotSpec):
    """Is sharper with each read."""

    module = Sharpening


class SharedCount(Sharpening):
    """Counts in one number for the whole batch."""

    def initial_state(self, memory):
        return (self.key.weight.new_ones(()),)


@frozen(kw_only=True)
class SharedCountSpec(DotSpec):
    """Is sharper with each read, which one number counts for the whole batch."""

    module = SharedCount
