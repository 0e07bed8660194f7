"""A recurrence reads the tokens so far and says what reward the next one will be given.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import Factory, frozen
from torch import Tensor, nn

from dovetail import Cell, CellSpec, Encoder, EncoderSpec, Misfit, Padded, Sequence, Tokens, Vector
from dovetail_standard.baseline import Baseline, BaselineSpec
from dovetail_standard.cells import GruSpec
from dovetail_standard.embedding import EmbeddingSpec


@frozen(kw_only=True)
class LearnedBaselineSpec(BaselineSpec):
    """A value function of the tokens so far, by any cell (ranzato2016mixer, section 3.2.1: a linear regressor)."""

    takes = {"input": (Tokens,)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=32))
    """From tokens to the vectors that the cell reads."""
    cell: CellSpec = Factory(lambda: GruSpec(hidden=32))
    """The recurrence."""

    def build(self, *, input: Tokens) -> LearnedBaseline:
        embedding = self.embedding.build(input=input)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        cell = self.cell.build(input=Vector(embedding.output.size))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        return LearnedBaseline(start=input.vocabulary.start, embedding=embedding, cell=cell)


@final
class LearnedBaseline(Baseline):
    """A linear readout of a cell's outputs, before it reads the token whose reward it expects.

    Args:
        start: the number of the start token, which stands before a text.
        embedding: from tokens to a Sequence, token by token.
        cell: reads the embedded tokens.
    """

    def __init__(self, *, start: int, embedding: Encoder, cell: Cell) -> None:
        super().__init__()
        self.start, self.embedding, self.cell = start, embedding, cell
        self.readout = nn.Linear(cell.output.size, 1)

    def forward(self, texts: Padded, returns: Tensor) -> Tensor:
        before = torch.cat([torch.full_like(texts.data[:, :1], self.start), texts.data[:, :-1]], dim=1)
        ys, _ = self.cell(self.embedding(Padded(before, texts.lengths)).data)
        return self.readout(ys)[..., 0] * texts.mask
