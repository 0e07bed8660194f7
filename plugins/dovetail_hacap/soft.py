"""Soft attention: the mean of a memory's places, weighted by how well they match the query; gated, times a number.

Paper: hacap2018, section 3.5, after bahdanau2015attention and xu2015show:

    soft    z = Σ_i α_i a_i                             α as `dovetail_hacap.scoring` has it
    gated   z = β Σ_i α_i a_i,  β = σ(w · f + b)        f the query

The paper writes α with an index n besides that of the place: with several `heads` each scores all places, and reads a
part of the features of its own; the weights returned are the mean over heads.

Axes: batch place feature; batch place head.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from einops import rearrange
from torch import Tensor, nn

from dovetail import Attention, AttentionSpec, Misfit, Padded, Regions, Sequence, State, Vector, within
from dovetail_hacap.scoring import Scores


@frozen(kw_only=True)
class SoftSpec(AttentionSpec):
    """The mean of all places, weighted by a perceptron's softmax."""

    takes = {"memory": (Regions, Sequence), "query": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of the perceptron; the paper does not say."""
    heads: int = field(default=1, validator=within("[1, inf)"))
    """So many softmaxes, each for an equal part of the features."""

    def build(self, *, memory: Regions | Sequence, query: Vector) -> Soft:
        return _built(self, memory, query, gated=False)


@frozen(kw_only=True)
class GatedSpec(SoftSpec):
    """Soft attention whose read is multiplied by a number in (0, 1) that the query says."""

    def build(self, *, memory: Regions | Sequence, query: Vector) -> Soft:
        return _built(self, memory, query, gated=True)


def _built(spec: SoftSpec, memory: Regions | Sequence, query: Vector, *, gated: bool) -> Soft:
    if memory.size % spec.heads:
        raise Misfit("memory", f"one whose size {spec.heads} heads divide", memory)
    return Soft(memory=memory.size, query=query.size, hidden=spec.hidden, heads=spec.heads, gated=gated)


@final
class Soft(Attention):
    """Bahdanau's attention. The state is the keys, (batch, place, hidden).

    Args:
        memory: features of a place.
        query: size of the query.
        hidden: units of the perceptron.
        heads: softmaxes, which must divide the features.
        gated: whether the read is multiplied by β.
    """

    output: Vector

    def __init__(self, *, memory: int, query: int, hidden: int = 256, heads: int = 1, gated: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.output = Vector(memory)
        self.scores = Scores(memory=memory, query=query, hidden=hidden, heads=heads)
        self.gate = nn.Linear(query, 1) if gated else None

    def initial_state(self, memory: Tensor | Padded) -> State:
        return (self.scores.keys(memory),)

    def forward(self, memory: Tensor | Padded, query: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """One read. Shape: query (batch, size), read (batch, feature), weights (batch, place)."""
        weights = self.scores(memory, query, state[0]).softmax(1)
        data = memory.data if isinstance(memory, Padded) else memory
        if self.heads == 1:
            read = (weights.transpose(1, 2) @ data)[:, 0]
        else:
            parts = rearrange(data, "batch place (head part) -> batch head place part", head=self.heads)
            read = rearrange(weights, "batch place head -> batch head 1 place") @ parts
            read = rearrange(read, "batch head 1 part -> batch (head part)")
        return read if self.gate is None else self.beta(query) * read, weights.mean(2), state

    def beta(self, query: Tensor) -> Tensor:
        """What a gated read is multiplied by, in (0, 1). Shape: query (batch, size), result (batch, 1)."""
        assert self.gate is not None
        return torch.sigmoid(self.gate(query))
