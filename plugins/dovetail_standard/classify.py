"""Classification: an encoder, a linear readout of its vector to the classes, and the cross-entropy.

Axes: batch class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    ScheduleSpec,
    Space,
    Vector,
    within,
)
from dovetail.frozendict import FrozenDict
from dovetail.notes import collect
from dovetail_standard.auxiliary import AuxiliaryLosses
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec


@frozen(kw_only=True)
class ClassifySpec(ObjectiveSpec):
    """One class for each example, by the cross-entropy of a linear readout from the encoder's vector."""

    parts = {"encoder": EncoderSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains the encoder and the readout."""
    input: str = "input"
    """The dataset's field that is classified."""
    target: str = "label"
    """The dataset's field of its class."""
    smoothing: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the target's probability that is spread over all classes."""
    group: str | None = field(default=None, metadata={"added": True})
    """A Label field of the dataset that the outcome holds as `groups`, for metrics that tell them apart."""
    masked: bool = field(default=False, metadata={"added": True})
    """Let the outcome also hold `masked`, the classes predicted as in training, with the masks of dropout on; an
    encoder with batch normalisation, whose statistics that would change, is refused."""
    auxiliary: Mapping[str, float | ScheduleSpec] = field(factory=FrozenDict, converter=FrozenDict)
    """Weights of the losses that the encoder notes, by their names; a loss without a weight does not count."""

    def build(self, *, data: Fields, encoder: EncoderSpec) -> Classify:
        label = field_of(data, self.target, Label)
        built = encoder.build(input=field_of(data, self.input, Space))
        if not isinstance(built.output, Vector):
            raise Misfit("encoder", "an encoder whose output is a Vector", built.output)
        if self.masked and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in built.modules()):
            raise Misfit("encoder", "without batch normalisation where `masked` is true", type(built).__name__)
        return Classify(
            encoder=built,
            label=label,
            optimizer=self.optimizer,
            input=self.input,
            target=self.target,
            smoothing=self.smoothing,
            auxiliary=AuxiliaryLosses.of(self.auxiliary),
            group=None if self.group is None else (self.group, field_of(data, self.group, Label)),
            masked=self.masked,
        )


@final
class Classify(Objective):
    """Cross-entropy of an encoder with a linear readout.

    Its outcome: `predictions`, the most probable classes, and `references`, the true ones; `groups` where there is a
    group, and `masked` where it is asked for. Shape: (batch) each.

    Args:
        group: the dataset's field of the groups, and its space.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        label: Label,
        optimizer: OptimizerSpec,
        input: str = "input",
        target: str = "label",
        smoothing: float = 0.0,
        auxiliary: AuxiliaryLosses | None = None,
        group: tuple[str, Label] | None = None,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.readout = nn.Linear(encoder.output.size, label.classes)
        self.auxiliary = auxiliary or AuxiliaryLosses(weights={})
        self.input, self.target, self.smoothing = input, target, smoothing
        self.phases = (Phase(name="classify", parts=("encoder", "objective"), optimizer=optimizer),)
        self.group, self.masked = group and group[0], masked
        grouped = {} if group is None else {"groups": group[1]}
        self.outcome = Fields(
            {"predictions": label, "references": label, **grouped, **({"masked": label} if masked else {})}
        )

    def logits(self, batch: Batch) -> Tensor:
        """The score of each class. Shape: (batch, class)."""
        return self.readout(self.encoder(batch[self.input]))

    def forward(self, batch: Batch, phase: str) -> Tensor:
        with collect() as notes:
            logits = self.logits(batch)
        loss = F.cross_entropy(logits, batch[self.target], label_smoothing=self.smoothing)
        return self.auxiliary(loss, notes.losses)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            for batch in loader:
                outcome = {"predictions": self.logits(batch).argmax(-1), "references": batch[self.target]}
                if self.group is not None:
                    outcome["groups"] = batch[self.group]
                if self.masked:
                    self.train()
                    outcome["masked"] = self.logits(batch).argmax(-1)
                    self.eval()
                yield outcome
