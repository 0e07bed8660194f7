"""Tagging: an encoder of a sequence, a linear readout of each step to the labels, and the cross-entropy of each.

Paper: semeniuta2019, section 3.4.4.

Axes: batch time label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch
from attrs import Factory, frozen
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Batch,
    Encoder,
    EncoderSpec,
    Fields,
    Labels,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    Sequence,
    Space,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec


@frozen(kw_only=True)
class TagSpec(ObjectiveSpec):
    """One label for each step, by the mean cross-entropy over all real steps."""

    parts = {"encoder": EncoderSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains the encoder and the readout."""
    input: str = "input"
    """The dataset's field that is tagged."""
    target: str = "label"
    """The dataset's field of the labels."""

    def build(self, *, data: Fields, encoder: EncoderSpec) -> Tag:
        labels = field_of(data, self.target, Labels)
        built = encoder.build(input=field_of(data, self.input, Space))
        if not isinstance(built.output, Sequence):
            raise Misfit("encoder", "an encoder whose output is a Sequence (`pooling` none)", built.output)
        return Tag(encoder=built, labels=labels, optimizer=self.optimizer, input=self.input, target=self.target)


@final
class Tag(Objective):
    """Cross-entropy at each step of an encoder with a linear readout.

    Its outcome: `predictions`, the most probable labels, and `references`, the true ones, `Padded` (batch, time) each.
    """

    def __init__(
        self, *, encoder: Encoder, labels: Labels, optimizer: OptimizerSpec, input: str = "input", target: str = "label"
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.readout = nn.Linear(encoder.output.size, labels.classes)
        self.input, self.target = input, target
        self.phases = (Phase(name="tag", parts=("encoder", "objective"), optimizer=optimizer),)
        self.outcome = Fields({"predictions": labels, "references": labels})

    def logits(self, batch: Batch) -> Tensor:
        """The score of each label. Shape: (batch, time, label)."""
        return self.readout(self.encoder(batch[self.input]).data)

    def forward(self, batch: Batch, phase: str) -> Tensor:
        labels = batch[self.target]
        loss = F.cross_entropy(self.logits(batch).flatten(0, 1), labels.data.flatten(), reduction="none")
        return (loss * labels.mask.flatten()).sum() / labels.lengths.sum()

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            for batch in loader:
                labels = batch[self.target]
                predictions = self.logits(batch).argmax(-1).where(labels.mask, 0)
                yield {"predictions": Padded(predictions, labels.lengths), "references": labels}
