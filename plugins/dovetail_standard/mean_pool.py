"""The mean over all places of a memory, as an encoder and as an attention that looks everywhere alike.

Axes: batch place feature; batch channel height width.
"""

from __future__ import annotations

from typing import Any, final

from attrs import frozen
from einops import rearrange
from torch import Tensor

from dovetail import (
    Attention,
    AttentionSpec,
    Encoder,
    EncoderSpec,
    Image,
    Padded,
    Regions,
    Sequence,
    Space,
    State,
    Vector,
)


@frozen(kw_only=True)
class MeanPoolSpec(EncoderSpec):
    """The mean of all regions, real steps or pixels."""

    takes = {"input": (Regions, Sequence, Image)}

    def build(self, *, input: Regions | Sequence | Image) -> MeanPool:
        return MeanPool(size=size_of(input))


@frozen(kw_only=True)
class MeanAttentionSpec(AttentionSpec):
    """Reads the mean over all real places, whatever the query."""

    takes = {"memory": (Regions, Sequence, Image)}

    def build(self, *, memory: Regions | Sequence | Image, query: Space) -> MeanAttention:
        return MeanAttention(size=size_of(memory))


def size_of(memory: Regions | Sequence | Image) -> int:
    """The features of each place of a memory."""
    return memory.channels if isinstance(memory, Image) else memory.size


def places(memory: Tensor | Padded) -> tuple[Tensor, Tensor]:
    """The places of a memory and the uniform weights over the real ones; no weight where an example has none.

    Shape: memory (batch, place, feature), `Padded` or not, or (batch, channel, height, width); places
    (batch, place, feature), weights (batch, place).
    """
    if isinstance(memory, Padded):
        return memory.data, memory.mask.to(memory.data.dtype) / memory.lengths.clamp(min=1)[:, None]
    if memory.dim() == 4:
        memory = rearrange(memory, "batch channel height width -> batch (height width) channel")
    return memory, memory.new_full(memory.shape[:2], 1 / memory.shape[1])


def weighted(data: Tensor, weights: Tensor) -> Tensor:
    """Σ_place weight · feature. Shape: (batch, place, feature), (batch, place) → (batch, feature)."""
    return (weights[:, None] @ data)[:, 0]


@final
class MeanPool(Encoder):
    """Shape: x a batch of Regions, a Sequence or an Image; result (batch, size)."""

    output: Vector

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.output = Vector(size)

    def forward(self, x: Tensor | Padded) -> Tensor:
        return weighted(*places(x))


@final
class MeanAttention(Attention):
    """Shape: memory a batch of Regions, a Sequence or an Image; read (batch, size), weights (batch, place)."""

    output: Vector

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.output = Vector(size)

    def forward(self, memory: Tensor | Padded, query: Any, state: State) -> tuple[Tensor, Tensor, State]:
        data, weights = places(memory)
        return weighted(data, weights), weights, state
