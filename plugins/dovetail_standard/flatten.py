"""An encoder that lays a value out as one vector: raw pixels as features, say."""

from __future__ import annotations

from typing import final

from attrs import frozen
from torch import Tensor

from dovetail import Encoder, EncoderSpec, Image, Regions, Space, Vector
from dovetail_standard.mlp import flat_size


@frozen(kw_only=True)
class FlattenSpec(EncoderSpec):
    """Lays a value out as one vector."""

    takes = {"input": (Vector, Image, Regions)}

    def build(self, *, input: Space) -> Flatten:
        return Flatten(input=input)


@final
class Flatten(Encoder):
    """Lays a batch of `input` out. Shape: x (batch, *input), returned (batch, size)."""

    def __init__(self, *, input: Space) -> None:
        super().__init__()
        self.output = Vector(flat_size(input))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(start_dim=1)
