"""Discriminators, each with one fault, and their mended twins.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen
from torch import nn

from dovetail import Discriminator, DiscriminatorSpec, Tokens, Vector, within


class Judge(Discriminator):
    """Scores vectors. Shape: x (batch, input), features (batch, hidden), scores (batch, 1)."""

    def __init__(self, *, input, hidden):
        super().__init__()
        self.layer, self.readout = nn.Linear(input, hidden), nn.Linear(hidden, 1)
        self.output, self.leaks = Vector(1), Vector(hidden)

    def features(self, x, given=None):
        return self.layer(x).tanh()

    def forward(self, x, given=None):
        return self.readout(self.features(x))


@frozen(kw_only=True)
class JudgeSpec(DiscriminatorSpec):
    """Scores vectors."""

    takes = {"input": (Vector,)}
    module: ClassVar = Judge
    hidden: int = field(default=3, validator=within("[1, inf)"))
    """Units."""

    def build(self, *, input, given=None):
        return self.module(input=input.size, hidden=self.hidden)


class Probabilities(Judge):
    """Puts out probabilities."""

    def forward(self, x, given=None):
        return super().forward(x).sigmoid()


@frozen(kw_only=True)
class ProbabilitiesSpec(JudgeSpec):
    """Puts out probabilities."""

    module = Probabilities


class Companions(Judge):
    """Compares each example with the mean of the batch."""

    def features(self, x, given=None):
        return super().features(x - x.mean(0))


@frozen(kw_only=True)
class CompanionsSpec(JudgeSpec):
    """Compares each example with the mean of the batch."""

    module = Companions


class LeaksScores(Judge):
    """Declares that its scores leak, and leaks its features."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.leaks = self.output


@frozen(kw_only=True)
class LeaksScoresSpec(JudgeSpec):
    """Declares that its scores leak, and leaks its features."""

    module = LeaksScores


class Reader(Discriminator):
    """Scores texts, and leaks what it thinks of them token by token; its state is its memory.

    Shape: x `Padded` (batch, time), features (batch, hidden), scores (batch, 1).
    """

    def __init__(self, *, count, hidden):
        super().__init__()
        self.embed = nn.Embedding(count, hidden)
        self.remember, self.readout = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)
        self.output, self.leaks = Vector(1), Vector(hidden)

    def initial_state(self, batch):
        return (self.readout.weight.new_zeros(batch, self.leaks.size),)

    def leak(self, tokens, state):
        h = (self.embed(tokens) + self.remember(state[0])).tanh()
        return h, (h,)

    def features(self, x, given=None):
        (h,) = self.initial_state(len(x.data))
        for tokens, real in zip(x.data.unbind(1), self.counted(x).unbind(1), strict=True):
            h = torch.where(real[:, None], (self.embed(tokens) + self.remember(h)).tanh(), h)
        return h

    def counted(self, x):
        """Which steps are read."""
        return x.mask

    def forward(self, x, given=None):
        return self.readout(self.features(x))


@frozen(kw_only=True)
class ReaderSpec(JudgeSpec):
    """Scores texts, and leaks what it thinks of them token by token."""

    takes = {"input": (Tokens,)}
    module = Reader

    def build(self, *, input, given=None):
        return self.module(count=len(input.vocabulary), hidden=self.hidden)


class ReadsPadding(Reader):
    """Reads on behind a text's end."""

    def counted(self, x):
        return torch.ones_like(x.mask)


@frozen(kw_only=True)
class ReadsPaddingSpec(ReaderSpec):
    """Reads on behind a text's end."""

    module = ReadsPadding


class LeaksCompanions(Reader):
    """Leaks how an example differs from the batch's mean."""

    def leak(self, tokens, state):
        h, state = super().leak(tokens, state)
        return h - h.mean(0), state


@frozen(kw_only=True)
class LeaksCompanionsSpec(ReaderSpec):
    """Leaks how an example differs from the batch's mean."""

    module = LeaksCompanions
