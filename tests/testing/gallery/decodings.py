"""Decodings, each with one fault, and their mended twin.

Axes: batch time; batch vocabulary.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen

from dovetail import DecodingSpec, Padded, within


class OneByOne:
    """Draws one token after the other. Shape: `Padded` (batch, time)."""

    def __init__(self, *, temperature):
        self.temperature = temperature

    def __call__(self, generator, n, given=None, leak=None):
        space, state = generator.produces, generator.initial_state(n, given)
        tokens, leaked, columns = state[0], None if leak is None else leak.initial_state(n), []
        lengths = torch.full((n,), space.length)
        for place in range(space.length):
            features = None
            if leak is not None:
                features, leaked = leak.leak(tokens, leaked)
            logits, state = generator.step(tokens, state, features)
            tokens = self.draw((logits / self.temperature).softmax(-1))
            columns.append(tokens)
            lengths = lengths.where((tokens != space.vocabulary.end) | (lengths <= place), torch.tensor(place + 1))
            state = self.followed(state)
        return self.padded(Padded(torch.stack(columns, 1), lengths), space.vocabulary.pad)

    def draw(self, probabilities):
        return torch.multinomial(probabilities, 1)[:, 0]

    def followed(self, state):
        return state

    def padded(self, texts, pad):
        return Padded(texts.data.masked_fill(~texts.mask, pad), texts.lengths)


@frozen(kw_only=True)
class OneByOneSpec(DecodingSpec):
    """Draws one token after the other."""

    module: ClassVar = OneByOne
    temperature: float = field(default=1.0, validator=within("(0, inf)"))
    """The logits are divided by it."""

    def build(self):
        return self.module(temperature=self.temperature)


class WritesOn(OneByOne):
    """Leaves what it drew behind the end."""

    def padded(self, texts, pad):
        return texts


@frozen(kw_only=True)
class WritesOnSpec(OneByOneSpec):
    """Leaves what it drew behind the end."""

    module = WritesOn


class OtherStates(OneByOne):
    """Goes on from the states of other examples, as a beam does that forgets to pick them."""

    def followed(self, state):
        return tuple(part.roll(1, 0) for part in state)


@frozen(kw_only=True)
class OtherStatesSpec(OneByOneSpec):
    """Goes on from the states of other examples."""

    module = OtherStates


class OwnRandom(OneByOne):
    """Draws from a generator of its own, which nobody seeds."""

    def draw(self, probabilities):
        random = torch.Generator()
        random.seed()
        return torch.multinomial(probabilities, 1, generator=random)[:, 0]


@frozen(kw_only=True)
class OwnRandomSpec(OneByOneSpec):
    """Draws from a generator of its own, which nobody seeds."""

    module = OwnRandom
