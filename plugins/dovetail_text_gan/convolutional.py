"""SeqGAN's discriminator: filters of many widths over the embedded tokens, their maxima, a highway, and one score.

Paper: yu2017seqgan, section 3.3; zhang2015text; srivastava2015highway.

    c_w = max over places of ReLU(W_w · x_{t:t+w} + b_w),   c = all c_w side by side
    τ = σ(W_T c + b_T),   features = τ ReLU(W_H c + b_H) + (1 - τ) c

*Differs from the paper's code:* a filter begins at a real token and reads zeros behind a text's end, so that padding
changes nothing; there, all texts are equally long. A penalty on the readout's weights (0.2 there) is noted as the loss
`readout`, for an objective that weighs it.

Axes: batch time feature; batch feature time inside a convolution.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import Factory, field, frozen
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Discriminator,
    DiscriminatorSpec,
    Encoder,
    EncoderSpec,
    Misfit,
    Padded,
    Sequence,
    Tokens,
    Vector,
    within,
)
from dovetail_standard.embedding import EmbeddingSpec

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


@frozen(kw_only=True)
class ConvolutionalSpec(DiscriminatorSpec):
    """Filters of many widths, their maxima over the text, and a highway layer."""

    takes = {"input": (Tokens,), "given": (Vector,)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=64, init=1.0))
    """From tokens to the vectors that the filters read."""
    widths: tuple[int, ...] = WIDTHS
    """How many tokens the filters of each bank read (the paper's for texts of 20 tokens)."""
    filters: tuple[int, ...] = FILTERS
    """How many filters each bank has."""
    dropout: float = field(default=0.25, validator=within("[0, 1)"))
    """Share of the features that training drops before the score."""

    def build(self, *, input: Tokens, given: Vector | None = None) -> Convolutional:
        if len(self.widths) != len(self.filters) or not self.widths or min(*self.widths, *self.filters) < 1:
            rule = "as many positive numbers as `widths`"
            raise Misfit("filters", rule, f"{list(self.filters)} for {list(self.widths)}")
        embedding = self.embedding.build(input=input)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        return Convolutional(
            embedding=embedding, given=given, widths=self.widths, filters=self.filters, dropout=self.dropout
        )


@final
class Convolutional(Discriminator):
    """One score a text; its features are the highway's output.

    Args:
        embedding: from tokens to a Sequence, token by token.
        given: the space of the condition, which stands beside the features, if there is one.
        widths: of the filters of each bank.
        filters: how many each bank has.
        dropout: share of the features that training drops before the score.
    """

    leaks: Vector

    def __init__(
        self,
        *,
        embedding: Encoder,
        given: Vector | None = None,
        widths: tuple[int, ...] = WIDTHS,
        filters: tuple[int, ...] = FILTERS,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        size, total = embedding.output.size, sum(filters)
        self.embedding = embedding
        self.banks = nn.ModuleList(nn.Conv1d(size, n, width) for width, n in zip(widths, filters, strict=True))
        self.transform, self.gate = nn.Linear(total, total), nn.Linear(total, total)
        nn.init.zeros_(self.gate.bias)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(total + (0 if given is None else given.size), 1)
        self.output, self.leaks = Vector(1), Vector(total)

    def features(self, x: Padded, given: Any = None) -> Tensor:
        """The highway's output. Shape: x `Padded` (batch, time), result (batch, filters)."""
        embedded = rearrange(self.embedding(x).data * x.mask[..., None], "batch time size -> batch size time")
        c = torch.cat([self._highest(bank, embedded, x.mask) for bank in self.banks], dim=1)
        gate = self.gate(c).sigmoid()
        return gate * self.transform(c).relu() + (1 - gate) * c

    def forward(self, x: Padded, given: Any = None) -> Tensor:
        """The scores, logits. Shape: x `Padded` (batch, time), given (batch, size), result (batch, 1)."""
        features = self.dropout(self.features(x))
        score: Tensor = self.readout(features if given is None else torch.cat([features, given], dim=-1))
        return score

    @staticmethod
    def _highest(bank: nn.Module, embedded: Tensor, real: Tensor) -> Tensor:
        """The maximum of each filter over the places of real tokens. Shape: (batch, filters)."""
        assert isinstance(bank, nn.Conv1d)
        activity = bank(F.pad(embedded, (0, bank.kernel_size[0] - 1))).relu()
        return (activity * real[:, None]).amax(-1)
