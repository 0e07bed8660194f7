"""The kind `dropout`: what is dropped in a recurrence, and where.

A scheme makes masks and says where they act; a cell multiplies. Neither knows the other by name, so that a scheme of
another plugin works in every cell here. Paper: semeniuta2019, section 3.3.

Axes: batch time feature outside; masks are time-first, `time batch place feature`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from dovetail import Spec, State


class Site(NamedTuple):
    """The recurrence that a scheme acts in."""

    input: int
    """Features of the input."""
    gates: int
    """How many gates and candidates read h."""
    memories: int
    """How many tensors are its memory."""


class Masks(NamedTuple):
    """Where the masks of some steps act; None where nothing does. All are factors, but for `stay`.

    Those of one step are without the time axis.
    """

    hidden: Tensor | None = None
    """On h_{t-1} where it enters the gates and the candidate: one for all, or one for each in the weights' order.
    Shape: (time, batch, 1 or gates, feature)."""
    candidate: Tensor | None = None
    """On the candidate g_t, before it is added to the memory. Shape: (time, batch, feature)."""
    memory: Tensor | None = None
    """On the updated memory (c_t of an LSTM, h_t of a GRU), before it is put out and carried on.
    Shape: (time, batch, feature)."""
    stay: Tensor | None = None
    """The share of its value before the step that each memory (h, then c) has at the end of it: zoneout's.
    Shape: (time, batch, memories, feature)."""
    input: Tensor | None = None
    """On x_t, before anything reads it. Shape: (time, batch, input)."""
    output: Tensor | None = None
    """On what is put out, but not on what is carried on. Shape: (time, batch, feature)."""

    def each(self, steps: int) -> list[Masks]:
        """The masks of each step."""
        absent = [None] * steps
        return [
            Masks(*step) for step in zip(*(absent if mask is None else mask.unbind(0) for mask in self), strict=True)
        ]

    def shared(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The masks of h (for all gates), of the candidate and of the memory. Shape: (time, batch, feature) each."""
        return None if self.hidden is None else self.hidden[:, :, 0], self.candidate, self.memory

    def read(self, xs: Tensor) -> Tensor:
        """The inputs that are read. Shape: (batch, time, input)."""
        return xs if self.input is None else xs * self.input.transpose(0, 1)

    def put_out(self, ys: Tensor) -> Tensor:
        """The outputs that are seen. Shape: (batch, time, feature)."""
        return ys if self.output is None else ys * self.output.transpose(0, 1)


def drop(x: Tensor, mask: Tensor | None) -> Tensor:
    """d(x) of Eq. 3.3.2: `x` itself where there is no mask."""
    return x if mask is None else x * mask


def stayed(new: Tensor, old: Tensor, stay: Tensor | None, memory: int) -> Tensor:
    """A memory at the end of a step, of which a share stayed as it was.

    Shape: new and old (batch, feature), stay (batch, memories, feature); `memory` is its number.
    """
    return new if stay is None else torch.lerp(new, old, stay[:, memory])


class Dropout(nn.Module, ABC):
    """A scheme of dropout in recurrent connections. It knows neither the sizes nor the equations of the recurrence."""

    @abstractmethod
    def carries(self, site: Site) -> int:
        """How many tensors `carried` draws in training; a scheme that draws there draws nothing in `forward`."""

    @abstractmethod
    def carried(self, site: Site, memory: Tensor) -> State:
        """What is drawn once a sequence; it travels in the cell's state. Nothing in evaluation.

        Shape: memory (batch, feature), each tensor carried (batch, …).
        """

    @abstractmethod
    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        """The masks of the next `steps` steps: those carried, or new ones; in evaluation what stands for them.

        Shape: memory (batch, feature).
        """


@final
class NoDropout(Dropout):
    """Nothing is dropped."""

    def carries(self, site: Site) -> int:
        return 0

    def carried(self, site: Site, memory: Tensor) -> State:
        return ()

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        return Masks()


class DropoutSpec(Spec):
    """A scheme's hyperparameters. `build` takes no spaces: a scheme fits any recurrence."""

    kind = "dropout"

    @abstractmethod
    def build(self) -> Dropout: ...
