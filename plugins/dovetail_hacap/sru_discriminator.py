"""The discriminator of captions: three layers of simple recurrent units, whose features leak to the manager.

Paper: hacap2018, section 4.3; section 7 for the image that it may be given, which the paper leaves to future work. Its
authors' code has one layer, drops half of the features and shares the generator's embedding:
`embedding = { share = "generator.embedding" }`.
"""

from __future__ import annotations

from attrs import Factory, field, frozen

from dovetail import (
    CellSpec,
    DiscriminatorSpec,
    EncoderSpec,
    Image,
    Misfit,
    Regions,
    Sequence,
    Tokens,
    Vector,
    within,
)
from dovetail_hacap.sru import SruSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.mean_pool import MeanPoolSpec
from dovetail_standard.recurrent_discriminator import Recurrent


@frozen(kw_only=True)
class SruDiscriminatorSpec(DiscriminatorSpec):
    """Tells captions that people wrote from others, by their words and, where it is given one, by the image."""

    takes = {"input": (Tokens,), "given": (Image, Regions, Vector)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=256, deviation=0.1))
    """From words to vectors."""
    cell: CellSpec = Factory(lambda: SruSpec(hidden=256, layers=3))
    """The recurrence, whose output leaks (section 4.3)."""
    dropout: float = field(default=0.5, validator=within("[0, 1)"))
    """Share of the features that training drops before the score (the authors' code)."""
    condition: EncoderSpec = Factory(MeanPoolSpec)
    """From the image, or its regions, to a vector beside the features; not used without a condition."""

    def build(self, *, input: Tokens, given: Image | Regions | Vector | None = None) -> Recurrent:
        embedding = self.embedding.build(input=input)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        cell = self.cell.build(input=Vector(embedding.output.size))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        condition = None
        if given is not None and not isinstance(given, Vector):
            condition = self.condition.build(input=given)
            if not isinstance(condition.output, Vector):
                raise Misfit("condition", "an encoder whose output is a Vector", condition.output)
        return Recurrent(
            input=input, embedding=embedding, cell=cell, given=given, condition=condition, dropout=self.dropout
        )
