"""What a second sentence is to a first, from the vectors of both: how InferSent's encoder learns.

Paper: conneau2017infersent, section 3.1 and Figure 1: the vectors u and v, |u - v| and u · v, value by value, through a
layer of 512 units to three classes.

*Differs from the paper:* the layer has tanh, of which the paper does not speak.

Axes: batch class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Batch,
    Encoder,
    EncoderSpec,
    Fields,
    Label,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Phase,
    Tokens,
    Vector,
    within,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec


@frozen(kw_only=True)
class EntailmentSpec(ObjectiveSpec):
    """The relation between two sentences: cross-entropy of a network on both their vectors."""

    parts = {"encoder": EncoderSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains the encoder and the network behind it."""
    premise: str = "premise"
    """The dataset's field of the first sentence."""
    hypothesis: str = "hypothesis"
    """The dataset's field of the second."""
    target: str = "label"
    """The dataset's field of their relation."""
    hidden: int = field(default=512, validator=within("[1, inf)"))
    """Units of the layer before the classes."""

    def build(self, *, data: Fields, encoder: EncoderSpec) -> Entailment:
        premise, hypothesis = (field_of(data, name, Tokens) for name in (self.premise, self.hypothesis))
        if hypothesis != premise:
            raise Misfit("data", f"fields of which `{self.hypothesis}` is as `{self.premise}`, {premise}", hypothesis)
        label = field_of(data, self.target, Label)
        built = encoder.build(input=premise)
        if not isinstance(built.output, Vector):
            raise Misfit("encoder", "an encoder whose output is a Vector", built.output)
        return Entailment(
            encoder=built,
            label=label,
            optimizer=self.optimizer,
            fields=(self.premise, self.hypothesis, self.target),
            hidden=self.hidden,
        )


def compared(u: Tensor, v: Tensor) -> Tensor:
    """Both vectors, their distance and their product, value by value. Shape: (batch, size) each, result 4 · size."""
    return torch.cat([u, v, (u - v).abs(), u * v], dim=-1)


@final
class Entailment(Objective):
    """Cross-entropy of the relation.

    Its outcome: `predictions`, the most probable relations, and `references`, the true ones. Shape: (batch) each.

    Args:
        fields: the dataset's fields of premise, hypothesis and relation.
    """

    def __init__(
        self, *, encoder: Encoder, label: Label, optimizer: OptimizerSpec, fields: tuple[str, str, str], hidden: int
    ) -> None:
        super().__init__()
        self.encoder, self.fields = encoder, fields
        self.classes = nn.Sequential(
            nn.Linear(4 * encoder.output.size, hidden), nn.Tanh(), nn.Linear(hidden, label.classes)
        )
        self.phases = (Phase(name="entailment", parts=("encoder", "objective"), optimizer=optimizer),)
        self.outcome = Fields({"predictions": label, "references": label})

    def logits(self, batch: Batch) -> Tensor:
        """The score of each relation. Shape: (batch, class)."""
        premise, hypothesis, _ = self.fields
        return self.classes(compared(self.encoder(batch[premise]), self.encoder(batch[hypothesis])))

    def forward(self, batch: Batch, phase: str) -> Tensor:
        return F.cross_entropy(self.logits(batch), batch[self.fields[2]])

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            for batch in loader:
                yield {"predictions": self.logits(batch).argmax(-1), "references": batch[self.fields[2]]}
