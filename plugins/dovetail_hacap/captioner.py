"""What the generators of captions share: images become regions, tokens are embedded, and a reading is noted.

Paper: hacap2018, sections 3.3 and 4.2; xu2015show, section 4.2.1, for the doubly stochastic penalty.

Axes: batch time feature; batch time place.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from attrs import frozen
from torch import Tensor

from dovetail import (
    Attention,
    AttentionSpec,
    Encoder,
    EncoderSpec,
    Misfit,
    Padded,
    Regions,
    Sequence,
    State,
    Tokens,
    Vector,
    notes,
)
from dovetail_standard.language_model import negative_log_likelihood


@frozen(kw_only=True, eq=False)
class Reading:
    """What a generator of captions makes of captions that it reads word by word.

    Shape: logits (batch, time, vocabulary), weights (batch, time, place), of the context that each word was said with,
    goals (batch, time, goal), or None without a manager; chosen, log α of the places read, (batch, time), or None where
    they are not drawn.
    """

    logits: Tensor
    state: State
    weights: Tensor
    goals: Tensor | None = None
    chosen: Tensor | None = None


@runtime_checkable
class Captioner(Protocol):
    """A generator of captions that shows what it looks at, and what it is after.

    `goal` is the size of its goals, 0 without a manager; `regions` the space that it looks at.
    """

    goal: int
    regions: Regions

    def read(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> Reading:
        """Teacher forcing, with gradients to all of a reading. Shape: as `forward` of a generator of tokens."""


@runtime_checkable
class Draws(Protocol):
    """An attention that draws the places it reads, through which no gradient flows."""

    def chosen(self, state: State) -> Tensor:
        """Log α of the places read last. Shape: (batch)."""

    def surrogate(self, weights: Tensor, chosen: Tensor, likelihood: Tensor, mask: Tensor) -> Tensor:
        """What is minimised so that it learns where to look.

        Shape: weights (batch, time, place), chosen and mask (batch, time), likelihood, of each caption in nats,
        (batch); result ().
        """


def seen(encoder: EncoderSpec | None, given: Any) -> tuple[Encoder | None, Regions]:
    """The encoder from a condition to regions, if the condition is none, and their space; raises Misfit."""
    if encoder is None:
        if not isinstance(given, Regions):
            raise Misfit("given", "Regions where the generator has no `encoder`", given)
        return None, given
    if given is None:
        raise Misfit("given", "an image or regions: a caption is of something", given)
    built = encoder.build(input=given)
    if not isinstance(built.output, Regions):
        raise Misfit("encoder", "an encoder whose output is Regions", built.output)
    return built, built.output


def embedded_by(embedding: EncoderSpec, tokens: Tokens) -> tuple[Encoder, int]:
    """The embedding of tokens and its size; raises Misfit where it is no sequence."""
    built = embedding.build(input=tokens)
    if not isinstance(built.output, Sequence):
        raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", built.output)
    return built, built.output.size


def attending(attention: AttentionSpec, regions: Regions, query: int) -> tuple[Attention, int]:
    """The attention over regions and the size of what it reads; raises Misfit where that is no vector."""
    built = attention.build(memory=regions, query=Vector(query))
    if not isinstance(built.output, Vector):
        raise Misfit("attention", "an attention whose output is a Vector", built.output)
    return built, built.output.size


def regions_of(encoder: Encoder | None, given: Any, batch: int, space: Regions) -> Tensor:
    """The regions of as many conditions; raises ValueError where there is none, or another number."""
    if given is None:
        raise ValueError(f"`given` must be a batch of {space}, or of what the encoder reads, but is absent")
    if len(given) != batch:
        raise ValueError(f"`given` must be {batch} conditions, one each, but is {len(given)}")
    regions: Tensor = given if encoder is None else encoder(given)
    return regions


def read_before(last: Tensor, tokens: Padded) -> Tensor:
    """The token before each. Shape: last (batch), result (batch, time)."""
    return torch.cat([last[:, None], tokens.data[:, :-1]], dim=1)


def note(reading: Reading, tokens: Padded, attention: Attention) -> None:
    """Note the loss `coverage`, 1/B Σ_captions Σ_i (1 - Σ_t α_t,i)² over the real words, and exhibits.

    Where places are drawn, the loss `hard-attention`, too. The exhibits are `weights` and `goals`.
    """
    covered = (reading.weights * tokens.mask[..., None]).sum(1)
    notes.loss("coverage", (1 - covered).square().sum(1).mean())
    notes.exhibit("weights", reading.weights)
    if reading.goals is not None:
        notes.exhibit("goals", reading.goals)
    if isinstance(attention, Draws) and reading.chosen is not None:
        likelihood = -negative_log_likelihood(reading.logits, tokens).sum(1)
        notes.loss("hard-attention", attention.surrogate(reading.weights, reading.chosen, likelihood, tokens.mask))
