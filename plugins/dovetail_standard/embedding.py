"""A table of one trained vector for each symbol: tokens to a sequence.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import final

from attrs import field, frozen
from torch import nn

from dovetail import Encoder, EncoderSpec, Padded, Sequence, Tokens, within


@frozen(kw_only=True)
class EmbeddingSpec(EncoderSpec):
    """A trained vector for each symbol."""

    takes = {"input": (Tokens,)}
    size: int = field(default=256, validator=within("[1, inf)"))
    """Size of each vector."""
    deviation: float = field(default=1.0, validator=within("[0, inf)"))
    """Standard deviation of the normal distribution that the vectors start from."""
    init: float | None = field(default=None, validator=within("(0, inf)"), metadata={"added": True})
    """The vectors start in U(±init) instead."""

    def build(self, *, input: Tokens) -> Embedding:
        return Embedding(
            symbols=len(input.vocabulary),
            size=self.size,
            length=input.length,
            deviation=self.deviation,
            init=self.init,
        )


@final
class Embedding(Encoder):
    """Looks up each token's vector; what stands behind an example's length is the padding symbol's.

    Shape: tokens `Padded` (batch, time), result `Padded` (batch, time, size).
    """

    output: Sequence

    def __init__(
        self,
        *,
        symbols: int,
        size: int,
        length: int | None = None,
        deviation: float = 1.0,
        init: float | None = None,
    ) -> None:
        super().__init__()
        self.output = Sequence(length, size)
        self.table = nn.Embedding(symbols, size)
        if init is None:
            nn.init.normal_(self.table.weight, std=deviation)
        else:
            nn.init.uniform_(self.table.weight, -init, init)

    def forward(self, x: Padded) -> Padded:
        return Padded(self.table(x.data), x.lengths)
