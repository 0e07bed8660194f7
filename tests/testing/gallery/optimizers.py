"""Optimizers, each with one fault, and their mended twin."""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen

from dovetail import OptimizerSpec, ScheduleSpec, value_at, within
from dovetail.interfaces import Progress


class Descent(torch.optim.Optimizer):
    """Gradient descent with momentum."""

    sign = -1.0

    def __init__(self, parameters, *, lr, momentum):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    def memory(self, parameter):
        return self.state[parameter]

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                memory = self.memory(parameter)
                memory["velocity"] = group["momentum"] * memory.get("velocity", 0.0) + parameter.grad
                parameter.add_(memory["velocity"], alpha=self.sign * group["lr"])


@frozen(kw_only=True)
class DescentSpec(OptimizerSpec):
    """Gradient descent with momentum."""

    optimizer: ClassVar = Descent
    lr: float | ScheduleSpec = field(default=0.01, validator=within("[0, inf)"))
    """Learning rate."""
    momentum: float = field(default=0.5, validator=within("[0, 1)"))
    """Share of the last update that is kept."""

    def build(self, *, parameters):
        return self.optimizer(parameters, lr=value_at(self.lr, Progress(step=0, epoch=0)), momentum=self.momentum)


class Ascent(Descent):
    """Goes up."""

    sign = 1.0


@frozen(kw_only=True)
class AscentSpec(DescentSpec):
    """Goes up."""

    optimizer = Ascent


class PrivateMomentum(Descent):
    """Keeps its momentum where `state_dict` does not see it."""

    def __init__(self, parameters, *, lr, momentum):
        super().__init__(parameters, lr=lr, momentum=momentum)
        self.velocities = {}

    def memory(self, parameter):
        return self.velocities.setdefault(parameter, {})


@frozen(kw_only=True)
class PrivateMomentumSpec(DescentSpec):
    """Keeps its momentum where `state_dict` does not see it."""

    optimizer = PrivateMomentum


@frozen(kw_only=True)
class UndocumentedSpec(DescentSpec):
    """Gradient descent, which may have momentum."""

    plain: bool = False

    def build(self, *, parameters):
        rate = value_at(self.lr, Progress(step=0, epoch=0))
        return self.optimizer(parameters, lr=rate, momentum=0.0 if self.plain else self.momentum)
