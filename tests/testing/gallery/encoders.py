"""Encoders, each with one fault, and their mended twins.

Axes: batch time feature.
"""

from __future__ import annotations

import random
from typing import ClassVar

import numpy as np
import torch
from attrs import field, frozen
from torch import nn
from torch.nn import functional as F

from dovetail import Encoder, EncoderSpec, Sequence, Vector, within


class Dense(Encoder):
    """A layer and tanh. Shape: x (batch, input), result (batch, hidden)."""

    def __init__(self, *, input, hidden):
        super().__init__()
        self.layer = nn.Linear(input, hidden)
        self.output = Vector(hidden)

    def forward(self, x):
        return self.layer(x).tanh()


@frozen(kw_only=True)
class DenseSpec(EncoderSpec):
    """A layer and tanh."""

    takes = {"input": (Vector,)}
    module: ClassVar = Dense
    hidden: int = field(default=3, validator=within("[1, inf)"))
    """Units."""

    def build(self, *, input):
        return self.module(input=input.size, hidden=self.hidden)


class UnusedParameter(Dense):
    """Has a second layer, which nothing reads."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.second = nn.Linear(hidden, hidden)


@frozen(kw_only=True)
class UnusedParameterSpec(DenseSpec):
    """Has a second layer, which nothing reads."""

    module = UnusedParameter


class BatchMean(Dense):
    """Subtracts the mean over the batch."""

    def forward(self, x):
        y = super().forward(x)
        return y - y.mean(0)


@frozen(kw_only=True)
class BatchMeanSpec(DenseSpec):
    """Subtracts the mean over the batch."""

    module = BatchMean


class WrongSpace(Dense):
    """Declares its input's space as its output's."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.output = Vector(input)


@frozen(kw_only=True)
class WrongSpaceSpec(DenseSpec):
    """Declares its input's space as its output's."""

    module = WrongSpace


class Scaled(Dense):
    """Scales its output with random numbers, which are a buffer."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.keep(torch.randn(hidden))

    def keep(self, scale):
        self.register_buffer("scale", scale)

    def forward(self, x):
        return super().forward(x) * self.scale


@frozen(kw_only=True)
class ScaledSpec(DenseSpec):
    """Scales its output with random numbers."""

    module = Scaled


class PlainTensor(Scaled):
    """Keeps them as a plain attribute, which `state_dict` misses."""

    def keep(self, scale):
        self.scale = scale


@frozen(kw_only=True)
class PlainTensorSpec(DenseSpec):
    """Keeps random numbers as a plain attribute, which `state_dict` misses."""

    module = PlainTensor


class CpuBuffer(Scaled):
    """Makes its buffer on the CPU, whatever the default device."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.register_buffer("scale", torch.linspace(0.5, 1.0, hidden, device="cpu"))


@frozen(kw_only=True)
class CpuBufferSpec(DenseSpec):
    """Makes its buffer on the CPU, whatever the default device."""

    module = CpuBuffer


class Ramp(Dense):
    """Adds 0 … 1 along its features."""

    def ramp(self, like):
        return torch.linspace(0, 1, self.output.size, dtype=like.dtype, device=like.device)

    def forward(self, x):
        y = super().forward(x)
        return y + self.ramp(y)


@frozen(kw_only=True)
class RampSpec(DenseSpec):
    """Adds 0 … 1 along its features."""

    module = Ramp


class CpuTensor(Ramp):
    """Makes what it adds on the CPU, in `forward`."""

    def ramp(self, like):
        return torch.linspace(0, 1, self.output.size, dtype=like.dtype)


@frozen(kw_only=True)
class CpuTensorSpec(DenseSpec):
    """Makes what it adds on the CPU, in `forward`."""

    module = CpuTensor


class SinglePrecision(Dense):
    """Writes its output into a float32 tensor."""

    def forward(self, x):
        y = torch.zeros(len(x), self.output.size, device=x.device)
        y[:] = super().forward(x)
        return y


@frozen(kw_only=True)
class SinglePrecisionSpec(DenseSpec):
    """Writes its output into a float32 tensor."""

    module = SinglePrecision


class GlobalSeed(Dense):
    """Seeds torch before it draws its weights, to be repeatable."""

    def __init__(self, *, input, hidden):
        torch.manual_seed(0)
        super().__init__(input=input, hidden=hidden)


@frozen(kw_only=True)
class GlobalSeedSpec(DenseSpec):
    """Seeds torch before it draws its weights, to be repeatable."""

    module = GlobalSeed


class OtherRandomness(Dense):
    """Draws the size of its weights from Python's random numbers."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        nn.init.constant_(self.layer.bias, random.random())


@frozen(kw_only=True)
class OtherRandomnessSpec(DenseSpec):
    """Draws its bias from Python's random numbers."""

    module = OtherRandomness


class Threads(Dense):
    """Sets torch's number of threads for its own speed."""

    def forward(self, x):
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().forward(x)


@frozen(kw_only=True)
class ThreadsSpec(DenseSpec):
    """Sets torch's number of threads for its own speed."""

    module = Threads


class Dropout(Dense):
    """Drops half of its output in training."""

    def forward(self, x):
        return F.dropout(super().forward(x), 0.5, self.training)


@frozen(kw_only=True)
class DropoutSpec(DenseSpec):
    """Drops half of its output in training."""

    module = Dropout


class DropoutOn(Dense):
    """Drops half of its output, in evaluation too: `training` is true where it is not given."""

    def forward(self, x):
        return F.dropout(super().forward(x), 0.5)


@frozen(kw_only=True)
class DropoutOnSpec(DenseSpec):
    """Drops half of its output, in evaluation too."""

    module = DropoutOn


class OwnDropout(Dense):
    """Drops by a generator of its own, which nobody seeds."""

    def forward(self, x):
        y = super().forward(x)
        if not self.training:
            return y
        own = torch.Generator()
        own.seed()
        return y * torch.empty(y.shape).bernoulli_(0.5, generator=own).to(y) * 2


@frozen(kw_only=True)
class OwnDropoutSpec(DenseSpec):
    """Drops by a generator of its own, which nobody seeds."""

    module = OwnDropout


class NumpyDropout(Dense):
    """Drops by NumPy's random numbers."""

    def forward(self, x):
        y = super().forward(x)
        if not self.training:
            return y
        return y * torch.from_numpy(np.random.rand(*y.shape) < 0.5).to(y) * 2


@frozen(kw_only=True)
class NumpyDropoutSpec(DenseSpec):
    """Drops by NumPy's random numbers."""

    module = NumpyDropout


class LouderInTraining(Dense):
    """Is twice as large in training."""

    def forward(self, x):
        y = super().forward(x)
        return 2 * y if self.training else y


@frozen(kw_only=True)
class LouderInTrainingSpec(DenseSpec):
    """Is twice as large in training."""

    module = LouderInTraining


@frozen(kw_only=True)
class KeptSpec(DenseSpec):
    """Keeps a share of its units."""

    kept: float = field(default=0.5, validator=within("(0, 1]"))
    """Of `hidden`, what is kept."""

    def build(self, *, input):
        return Dense(input=input.size, hidden=max(1, round(self.hidden * self.kept)))


@frozen(kw_only=True)
class UnreadSpec(DenseSpec):
    """Has a share to keep, which nothing reads."""

    kept: float = field(default=0.5, validator=within("(0, 1]"))
    """Of `hidden`, what is kept."""


@frozen(kw_only=True)
class TakesAnythingSpec(DenseSpec):
    """Is for vectors alone, and does not say so."""

    takes: ClassVar = {}

    def build(self, *, input: Vector):
        return self.module(input=input.size, hidden=self.hidden)


@frozen(kw_only=True)
class PercentSpec(DenseSpec):
    """Keeps a share of its units, which is given in percent and stored as a fraction."""

    kept: float = field(default=50.0, converter=lambda percent: percent / 100)
    """Of `hidden`, what is kept, in percent."""

    def build(self, *, input):
        return Dense(input=input.size, hidden=max(1, round(self.hidden * self.kept)))


@frozen(kw_only=True)
class UndocumentedSpec(DenseSpec):
    """Keeps a share of its units."""

    kept: float = field(default=0.5, validator=within("(0, 1]"))

    def build(self, *, input):
        return Dense(input=input.size, hidden=max(1, round(self.hidden * self.kept)))


@frozen
class PositionalSpec(DenseSpec):
    """Keeps a share of its units."""

    kept: float = field(default=0.5, validator=within("(0, 1]"))
    """Of `hidden`, what is kept."""

    def build(self, *, input):
        return Dense(input=input.size, hidden=max(1, round(self.hidden * self.kept)))


@frozen(kw_only=True)
class GroupsSpec(DenseSpec):
    """Has units in groups."""

    groups: int = field(default=1, validator=within("[1, inf)"))
    """Groups that `hidden` is divided into."""

    def build(self, *, input):
        module = Dense(input=input.size, hidden=self.hidden)
        with torch.no_grad():
            module.layer.bias.view(self.groups, self.hidden // self.groups).mul_(0.5)
        return module


@frozen(kw_only=True)
class OddDefaultsSpec(GroupsSpec):
    """Has 3 units in 2 groups where nothing is said."""

    groups: int = field(default=2, validator=within("[1, inf)"))
    """Groups that `hidden` is divided into."""


@frozen(kw_only=True)
class UncitedSpec(DenseSpec):
    """A layer and tanh, for which the registry names a paper that no code names."""


@frozen(kw_only=True)
class OneExampleSpec(DenseSpec):
    """A layer and tanh, of which there is one example."""


class MeanOverTime(Encoder):
    """The mean of the real steps, through a layer. Shape: x (batch, time, input), result (batch, hidden)."""

    def __init__(self, *, input, hidden):
        super().__init__()
        self.layer = nn.Linear(input, hidden)
        self.output = Vector(hidden)

    def mean(self, x):
        return (x.data * x.mask[..., None]).sum(1) / x.lengths[:, None]

    def forward(self, x):
        return self.layer(self.mean(x))


@frozen(kw_only=True)
class MeanOverTimeSpec(DenseSpec):
    """The mean of the real steps, through a layer."""

    takes = {"input": (Sequence,)}
    module = MeanOverTime


class ReadsPadding(MeanOverTime):
    """The mean of all steps, padding among them."""

    def mean(self, x):
        return x.data.mean(1)


@frozen(kw_only=True)
class ReadsPaddingSpec(MeanOverTimeSpec):
    """The mean of all steps, padding among them."""

    module = ReadsPadding


class LastPlace(MeanOverTime):
    """What stands at the last place, which is padding in all but the longest."""

    def mean(self, x):
        return x.data[:, -1]


@frozen(kw_only=True)
class LastPlaceSpec(MeanOverTimeSpec):
    """What stands at the last place, which is padding in all but the longest."""

    module = LastPlace
