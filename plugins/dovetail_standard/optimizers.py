"""PyTorch's optimizers. The training loop sets the learning rate before each step where it is a schedule."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from attrs import field, frozen
from torch import nn

from dovetail import Mistake, OptimizerSpec, Progress, ScheduleSpec, value_at, within

_START = Progress(step=0, epoch=0)


@frozen(kw_only=True)
class SgdSpec(OptimizerSpec):
    """Gradient descent, with momentum where it is asked for."""

    lr: float | ScheduleSpec = field(default=0.1, validator=within("[0, inf)"))
    """Learning rate."""
    momentum: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the last update that is kept."""
    nesterov: bool = False
    """Take the gradient where the momentum leads; needs a momentum above 0."""
    weight_decay: float = field(default=0.0, validator=within("[0, inf)"))
    """Weight of the squared parameters, halved, in the loss."""

    def build(self, *, parameters: Iterable[nn.Parameter]) -> torch.optim.SGD:
        if self.nesterov and not self.momentum:
            raise Mistake("`momentum` must be above 0 where `nesterov` is true, but is 0")
        return torch.optim.SGD(
            parameters,
            lr=value_at(self.lr, _START),
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )


@frozen(kw_only=True)
class AdamSpec(OptimizerSpec):
    """Adam (kingma2015adam); its weight decay is part of the gradient."""

    lr: float | ScheduleSpec = field(default=1e-3, validator=within("[0, inf)"))
    """Learning rate."""
    beta1: float = field(default=0.9, validator=within("[0, 1)"))
    """Decay a step of the mean of the gradients."""
    beta2: float = field(default=0.999, validator=within("[0, 1)"))
    """Decay a step of the mean of their squares."""
    epsilon: float = field(default=1e-8, validator=within("(0, inf)"))
    """Added to the root of the mean square."""
    weight_decay: float = field(default=0.0, validator=within("[0, inf)"))
    """Weight of the squared parameters, halved, in the loss."""

    def build(self, *, parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(
            parameters,
            lr=value_at(self.lr, _START),
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
        )


@frozen(kw_only=True)
class AdamWSpec(OptimizerSpec):
    """Adam whose weight decay is apart from the gradient (loshchilov2019adamw)."""

    lr: float | ScheduleSpec = field(default=1e-3, validator=within("[0, inf)"))
    """Learning rate."""
    beta1: float = field(default=0.9, validator=within("[0, 1)"))
    """Decay a step of the mean of the gradients."""
    beta2: float = field(default=0.999, validator=within("[0, 1)"))
    """Decay a step of the mean of their squares."""
    epsilon: float = field(default=1e-8, validator=within("(0, inf)"))
    """Added to the root of the mean square."""
    weight_decay: float = field(default=0.01, validator=within("[0, inf)"))
    """Share of each parameter, times the learning rate, that a step takes away."""

    def build(self, *, parameters: Iterable[nn.Parameter]) -> torch.optim.AdamW:
        return torch.optim.AdamW(
            parameters,
            lr=value_at(self.lr, _START),
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
        )


@frozen(kw_only=True)
class RmspropSpec(OptimizerSpec):
    """Gradients divided by the root of their mean square."""

    lr: float | ScheduleSpec = field(default=1e-3, validator=within("[0, inf)"))
    """Learning rate."""
    decay: float = field(default=0.99, validator=within("[0, 1)"))
    """Decay a step of the mean square."""
    momentum: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the last update that is kept."""
    centered: bool = False
    """Divide by the deviation from the mean gradient instead."""
    epsilon: float = field(default=1e-8, validator=within("(0, inf)"))
    """Added to the root of the mean square."""
    weight_decay: float = field(default=0.0, validator=within("[0, inf)"))
    """Weight of the squared parameters, halved, in the loss."""

    def build(self, *, parameters: Iterable[nn.Parameter]) -> torch.optim.RMSprop:
        return torch.optim.RMSprop(
            parameters,
            lr=value_at(self.lr, _START),
            alpha=self.decay,
            momentum=self.momentum,
            centered=self.centered,
            eps=self.epsilon,
            weight_decay=self.weight_decay,
        )
