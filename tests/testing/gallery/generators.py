"""Generators, each with one fault, and their mended twins.

Axes: batch time; batch vocabulary; batch channels height width.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen
from torch import nn

from dovetail import Generator, GeneratorSpec, Image, Tokens, within
from dovetail_standard.strategy import Ancestral


class Writer(Generator):
    """A recurrent model of tokens; its state is (last token, memory).

    Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary).
    """

    def __init__(self, *, produces, hidden):
        super().__init__()
        count = len(produces.vocabulary)
        self.produces = produces
        self.embed = nn.Embedding(count, hidden)
        self.remember = nn.Linear(hidden, hidden)
        self.readout = nn.Linear(hidden, count)

    def initial_state(self, batch, given=None):
        weight = self.readout.weight
        start = torch.full((batch,), self.produces.vocabulary.start, device=weight.device)
        return start, weight.new_zeros(batch, weight.shape[1])

    def renew(self, state):
        return state

    def step(self, tokens, state, leak=None):
        h = (self.embed(tokens) + self.remember(state[1])).tanh()
        return self.readout(h), (tokens, h)

    def read(self, tokens, last):
        """What is read before each token is scored."""
        return torch.cat([last[:, None], tokens[:, :-1]], 1)

    def forward(self, tokens, given=None, state=None, leak=None):
        state, logits = self.initial_state(len(tokens.data)) if state is None else state, []
        for read in self.read(tokens.data, state[0]).unbind(1):
            scores, state = self.step(read, state)
            logits.append(scores)
        return torch.stack(logits, 1), (tokens.data[:, -1], *state[1:])

    def sample(self, n, given=None, strategy=None, leak=None):
        return (strategy or Ancestral())(self, n, given, leak)


@frozen(kw_only=True)
class WriterSpec(GeneratorSpec):
    """A recurrent model of tokens."""

    takes = {"produces": (Tokens,)}
    module: ClassVar = Writer
    hidden: int = field(default=3, validator=within("[1, inf)"))
    """Units."""

    def build(self, *, produces, given=None, leaks=None):
        return self.module(produces=produces, hidden=self.hidden)


class ReadsAnswer(Writer):
    """Reads each token before it scores it."""

    def read(self, tokens, last):
        return tokens


@frozen(kw_only=True)
class ReadsAnswerSpec(WriterSpec):
    """Reads each token before it scores it."""

    module = ReadsAnswer


class Sharpened(Writer):
    """Is surer of a text that it is given than of one that it writes."""

    def forward(self, tokens, given=None, state=None, leak=None):
        logits, state = super().forward(tokens, given, state, leak)
        return 2 * logits, state


@frozen(kw_only=True)
class SharpenedSpec(WriterSpec):
    """Is surer of a text that it is given than of one that it writes."""

    module = Sharpened


class OwnStrategy(Writer):
    """Samples as it likes, whatever strategy it is given."""

    def sample(self, n, given=None, strategy=None, leak=None):
        return Ancestral(forbid=("<end>",))(self, n, given, leak)


@frozen(kw_only=True)
class OwnStrategySpec(WriterSpec):
    """Samples as it likes, whatever strategy it is given."""

    module = OwnStrategy


class LosesLastToken(Writer):
    """Hands back the last token that it has read, not the last of the text."""

    def forward(self, tokens, given=None, state=None, leak=None):
        first = (self.initial_state(len(tokens.data)) if state is None else state)[0]
        logits, state = super().forward(tokens, given, state, leak)
        return logits, (self.read(tokens.data, first)[:, -1], *state[1:])


@frozen(kw_only=True)
class LosesLastTokenSpec(WriterSpec):
    """Hands back the last token that it has read, not the last of the text."""

    module = LosesLastToken


class Painter(Generator):
    """Images from noise. Shape: noise (batch, noise), images (batch, channels, height, width)."""

    def __init__(self, *, produces, noise):
        super().__init__()
        self.produces = produces
        self.layer = nn.Linear(noise, produces.channels * produces.height * produces.width)

    def forward(self, noise):
        space = self.produces
        return self.bound(self.layer(noise)).unflatten(1, (space.channels, space.height, space.width))

    def bound(self, values):
        return values.tanh()

    def noise(self, n):
        weight = self.layer.weight
        return torch.randn(n, weight.shape[1], dtype=weight.dtype, device=weight.device)

    def sample(self, n, given=None, strategy=None, leak=None):
        return self(self.noise(n))


@frozen(kw_only=True)
class PainterSpec(GeneratorSpec):
    """Images from noise."""

    takes = {"produces": (Image,)}
    module: ClassVar = Painter
    noise: int = field(default=7, validator=within("[1, inf)"))
    """Size of the noise."""

    def build(self, *, produces, given=None, leaks=None):
        return self.module(produces=produces, noise=self.noise)


class Unbounded(Painter):
    """Puts out values beyond those of its images."""

    def bound(self, values):
        return values


@frozen(kw_only=True)
class UnboundedSpec(PainterSpec):
    """Puts out values beyond those of its images."""

    module = Unbounded


class SameNoise(Painter):
    """Draws the same noise whenever it is asked, from a generator of its own."""

    def noise(self, n):
        weight = self.layer.weight
        return torch.randn(n, weight.shape[1], generator=torch.Generator().manual_seed(0)).to(weight)


@frozen(kw_only=True)
class SameNoiseSpec(PainterSpec):
    """Draws the same noise whenever it is asked, from a generator of its own."""

    module = SameNoise


class TooFew(Painter):
    """Makes one sample, however many are asked for."""

    def noise(self, n):
        return super().noise(1)


@frozen(kw_only=True)
class TooFewSpec(PainterSpec):
    """Makes one sample, however many are asked for."""

    module = TooFew
