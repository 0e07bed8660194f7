"""Cells, each with one fault, and their mended twins.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from attrs import field, frozen
from torch import nn
from torch.nn import functional as F

from dovetail import Cell, CellSpec, Vector, within


class Plain(Cell):
    """h' = tanh(W x + U h). Shape: xs (batch, time, input), ys (batch, time, hidden)."""

    def __init__(self, *, input, hidden):
        super().__init__()
        self.read = nn.Linear(input, hidden)
        self.remember = nn.Linear(hidden, hidden, bias=False)
        self.output = Vector(hidden)

    def initial_state(self, batch):
        return (self.read.weight.new_zeros(batch, self.output.size),)

    def update(self, x, h):
        return (self.read(x) + self.remember(h)).tanh()

    def step(self, x, state):
        (h,) = state
        h = self.update(x, h)
        return h, (h,)

    def forward(self, xs, state=None):
        state, ys = self.initial_state(len(xs)) if state is None else state, []
        for x in xs.unbind(1):
            y, state = self.step(x, state)
            ys.append(y)
        return torch.stack(ys, 1), state


@frozen(kw_only=True)
class PlainSpec(CellSpec):
    """A vanilla recurrence."""

    takes = {"input": (Vector,)}
    module: ClassVar = Plain
    hidden: int = field(default=3, validator=within("[1, inf)"))
    """Units."""

    def build(self, *, input):
        return self.module(input=input.size, hidden=self.hidden)


class WiderOutput(Plain):
    """Declares one feature more than it puts out."""

    def __init__(self, *, input, hidden):
        super().__init__(input=input, hidden=hidden)
        self.hidden, self.output = hidden, Vector(hidden + 1)

    def initial_state(self, batch):
        return (self.read.weight.new_zeros(batch, self.hidden),)


@frozen(kw_only=True)
class WiderOutputSpec(PlainSpec):
    """Declares one feature more than it puts out."""

    module: ClassVar = WiderOutput


class LooksAhead(Plain):
    """Reads each step together with the one after it."""

    def forward(self, xs, state=None):
        after = torch.cat([xs[:, 1:], torch.zeros_like(xs[:, :1])], 1)
        return super().forward(xs + after, state)


@frozen(kw_only=True)
class LooksAheadSpec(PlainSpec):
    """Reads each step together with the one after it."""

    module = LooksAhead


class LateOutput(Plain):
    """Puts out the memory from before each step, where a sequence is read at once."""

    def forward(self, xs, state=None):
        state, ys = self.initial_state(len(xs)) if state is None else state, []
        for x in xs.unbind(1):
            ys.append(state[0])
            _, state = self.step(x, state)
        return torch.stack(ys, 1), state


@frozen(kw_only=True)
class LateOutputSpec(PlainSpec):
    """Puts out the memory from before each step, where a sequence is read at once."""

    module = LateOutput


class ForgetsWindow(Plain):
    """Starts every sequence anew, whatever state it is given."""

    def forward(self, xs, state=None):
        return super().forward(xs)


@frozen(kw_only=True)
class ForgetsWindowSpec(PlainSpec):
    """Starts every sequence anew, whatever state it is given."""

    module = ForgetsWindow


class HiddenMemory(Plain):
    """Keeps what it remembers in an attribute; its state is a copy."""

    def initial_state(self, batch):
        state = super().initial_state(batch)
        self.memory = state[0]
        return state

    def step(self, x, state):
        self.memory = self.update(x, self.memory)
        return self.memory, (self.memory,)


@frozen(kw_only=True)
class HiddenMemorySpec(PlainSpec):
    """Keeps what it remembers in an attribute; its state is a copy."""

    module = HiddenMemory


class Decaying(Plain):
    """Reads less and less, by the steps that its state counts."""

    def initial_state(self, batch):
        return (*super().initial_state(batch), self.count(batch))

    def count(self, batch):
        return self.read.weight.new_ones(batch)

    def step(self, x, state):
        h, count = state
        h = self.update(x / count.reshape(-1, 1), h)
        return h, (h, count + 1)


@frozen(kw_only=True)
class DecayingSpec(PlainSpec):
    """Reads less and less, by the steps that its state counts."""

    module = Decaying


class SharedCount(Decaying):
    """Counts in one number for the whole batch."""

    def count(self, batch):
        return self.read.weight.new_ones(())


@frozen(kw_only=True)
class SharedCountSpec(PlainSpec):
    """Reads less and less, by the steps that one number counts for the whole batch."""

    module = SharedCount


class BatchMean(Plain):
    """Remembers the mean of the batch."""

    def update(self, x, h):
        return super().update(x, h.mean(0).expand_as(h))


@frozen(kw_only=True)
class BatchMeanSpec(PlainSpec):
    """Remembers the mean of the batch."""

    module = BatchMean


class Detached(Plain):
    """Cuts the gradient at each step."""

    def update(self, x, h):
        return super().update(x, h.detach())


@frozen(kw_only=True)
class DetachedSpec(PlainSpec):
    """Cuts the gradient at each step."""

    module = Detached


class SingleStart(Plain):
    """Starts in float32, whatever its parameters' type."""

    def initial_state(self, batch):
        return (torch.zeros(batch, self.output.size, device=self.read.weight.device),)


@frozen(kw_only=True)
class SingleStartSpec(PlainSpec):
    """Starts in float32, whatever its parameters' type."""

    module = SingleStart


class Dropout(Plain):
    """Drops some of what it reads in training."""

    def update(self, x, h):
        return super().update(F.dropout(x, 0.3, self.training), h)


@frozen(kw_only=True)
class DropoutSpec(PlainSpec):
    """Drops some of what it reads in training."""

    module = Dropout


class DropoutOn(Plain):
    """Drops some of what it reads, always."""

    def update(self, x, h):
        return super().update(F.dropout(x, 0.3), h)


@frozen(kw_only=True)
class DropoutOnSpec(PlainSpec):
    """Drops some of what it reads, always."""

    module = DropoutOn
