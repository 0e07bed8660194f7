"""A recurrent discriminator's spec: any cell reads a text, and scores it as a whole or after every token.

Paper: semeniuta2019, section 5.4.2; guo2018leakgan.
"""

from __future__ import annotations

from typing import Literal

from attrs import Factory, field, frozen

from dovetail import CellSpec, DiscriminatorSpec, EncoderSpec, Misfit, Sequence, Tokens, Vector, within
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.recurrent_discriminator import Recurrent


@frozen(kw_only=True)
class RecurrentSpec(DiscriminatorSpec):
    """A cell that reads a text and tells whether it is real."""

    takes = {"input": (Tokens,), "given": (Vector,)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=128))
    """From tokens to the vectors that the cell reads."""
    cell: CellSpec = Factory(lambda: LstmSpec(hidden=128))
    """The recurrence."""
    scores: Literal["sequence", "step"] = "sequence"
    """One score a text, after its last token, or one after every token (section 5.4.2, SeqGAN-step)."""
    dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the features that training drops before the score."""

    def build(self, *, input: Tokens, given: Vector | None = None) -> Recurrent:
        embedding = self.embedding.build(input=input)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        cell = self.cell.build(input=Vector(embedding.output.size))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        return Recurrent(
            input=input, embedding=embedding, cell=cell, given=given, scores=self.scores, dropout=self.dropout
        )
