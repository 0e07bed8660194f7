"""Objectives, each with one fault, and their mended twin.

Axes: batch class.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import Factory, frozen
from torch import nn
from torch.nn import functional as F

from dovetail import EncoderSpec, Fields, Objective, ObjectiveSpec, OptimizerSpec, Phase
from dovetail_standard.optimizers import SgdSpec


class Fit(Objective):
    """The cross-entropy of an encoder's readout. Shape: logits (batch, class)."""

    parts = ("encoder", "objective")

    def __init__(self, *, encoder, label, optimizer):
        super().__init__()
        self.encoder, self.readout = encoder, nn.Linear(encoder.output.size, label.classes)
        self.phases = (Phase(name="fit", parts=self.parts, optimizer=optimizer),)
        self.outcome = Fields({"predictions": label, "references": label})

    def logits(self, batch):
        return self.readout(self.encoder(batch["input"]))

    def forward(self, batch, phase):
        return F.cross_entropy(self.logits(batch), batch["label"])

    @torch.no_grad()
    def evaluate(self, loader):
        training = self.training
        self.eval()
        for batch in loader:
            yield {"predictions": self.logits(batch).argmax(-1), "references": batch["label"]}
        self.train(training)


@frozen(kw_only=True)
class FitSpec(ObjectiveSpec):
    """The cross-entropy of an encoder's readout."""

    parts = {"encoder": EncoderSpec}
    module: ClassVar = Fit
    optimizer: OptimizerSpec = Factory(SgdSpec)
    """Trains both."""

    def build(self, *, data, encoder):
        return self.module(encoder=encoder.build(input=data["input"]), label=data["label"], optimizer=self.optimizer)


class WrongSign(Fit):
    """Minimises the likelihood."""

    def forward(self, batch, phase):
        return -super().forward(batch, phase)


@frozen(kw_only=True)
class WrongSignSpec(FitSpec):
    """Minimises the likelihood."""

    module = WrongSign


class Reversal(torch.autograd.Function):
    """Reverses the gradient."""

    @staticmethod
    def forward(context, value):
        return value.clone()

    @staticmethod
    def backward(context, gradient):
        return -gradient


class ReversedGradient(Fit):
    """Reverses the gradient of all, not of an adversary alone."""

    def logits(self, batch):
        return Reversal.apply(super().logits(batch))


@frozen(kw_only=True)
class ReversedGradientSpec(FitSpec):
    """Reverses the gradient of all, not of an adversary alone."""

    module = ReversedGradient


class StaysInEvaluation(Fit):
    """Does not go back to training."""

    @torch.no_grad()
    def evaluate(self, loader):
        self.eval()
        for batch in loader:
            yield {"predictions": self.logits(batch).argmax(-1), "references": batch["label"]}


@frozen(kw_only=True)
class StaysInEvaluationSpec(FitSpec):
    """Does not go back to training."""

    module = StaysInEvaluation


class LogitsForLabels(Fit):
    """Hands out scores where it declares labels."""

    @torch.no_grad()
    def evaluate(self, loader):
        training = self.training
        self.eval()
        for batch in loader:
            yield {"predictions": self.logits(batch), "references": batch["label"]}
        self.train(training)


@frozen(kw_only=True)
class LogitsForLabelsSpec(FitSpec):
    """Hands out scores where it declares labels."""

    module = LogitsForLabels


class UnknownPart(Fit):
    """Trains a part that it does not have."""

    parts = ("encodr", "objective")


@frozen(kw_only=True)
class UnknownPartSpec(FitSpec):
    """Trains a part that it does not have."""

    module = UnknownPart


class UnusedReadout(Fit):
    """Has a second readout, which no loss reads."""

    def __init__(self, *, encoder, label, optimizer):
        super().__init__(encoder=encoder, label=label, optimizer=optimizer)
        self.auxiliary = nn.Linear(encoder.output.size, label.classes)


@frozen(kw_only=True)
class UnusedReadoutSpec(FitSpec):
    """Has a second readout, which no loss reads."""

    module = UnusedReadout


class NoPhases(Fit):
    """Has a readout to train, and no phase that trains it."""

    def __init__(self, *, encoder, label, optimizer):
        super().__init__(encoder=encoder, label=label, optimizer=optimizer)
        self.phases = ()


@frozen(kw_only=True)
class NoPhasesSpec(FitSpec):
    """Has a readout to train, and no phase that trains it."""

    module = NoPhases
