"""Conv-LSTM's generator: a recurrence that feeds its whole softmax back, so that gradients flow through its samples.

Paper: semeniuta2019, section 5.4.1: "we feed the entire softmax output as the input for the next step". The first step
reads the start symbol. The noise stands beside the input of every step: where it enters is not said.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn

from dovetail import Cell, CellSpec, Generator, GeneratorSpec, Misfit, Padded, Sequence, Vector, within
from dovetail_standard.cells import LstmSpec
from dovetail_text_gan.relaxed import full_length


@frozen(kw_only=True)
class ContinuousSpec(GeneratorSpec):
    """A recurrence from noise to a distribution over the symbols at each place, which is the next step's input."""

    takes = {"produces": (Sequence,)}
    noise: int = field(default=128, validator=within("[1, inf)"))
    """Size of the noise, N(0, 1) (gulrajani2017wgangp's language model: 128)."""
    embedding: int = field(default=128, validator=within("[1, inf)"))
    """Size of the vectors of which the softmax is a mean."""
    cell: CellSpec = Factory(lambda: LstmSpec(hidden=512))
    """The recurrence."""

    def build(self, *, produces: Sequence, given: Any = None, leaks: Any = None) -> Continuous:
        if produces.length is None:
            raise Misfit("produces", "a Sequence of one length", produces)
        cell = self.cell.build(input=Vector(self.embedding + self.noise))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        return Continuous(produces=produces, noise=self.noise, embedding=self.embedding, cell=cell)


@final
class Continuous(Generator):
    """Maps noise to a softmax over the symbols at each of the space's places.

    Args:
        produces: the space of its sentences, as rows of symbols.
        noise: size of the noise.
        embedding: size of the vectors of which the softmax is a mean.
        cell: reads the mean vector and the noise side by side.
    """

    produces: Sequence

    def __init__(self, *, produces: Sequence, noise: int, embedding: int, cell: Cell) -> None:
        super().__init__()
        self.produces, self.noise, self.cell = produces, noise, cell
        self.embedding = nn.Linear(produces.size, embedding, bias=False)
        self.first = nn.Parameter(torch.randn(embedding))
        self.readout = nn.Linear(cell.output.size, produces.size)

    def forward(self, noise: Tensor) -> Padded:
        """Shape: noise (batch, noise), result `Padded` (batch, time, symbols), each row one in sum."""
        state, read, rows = self.cell.initial_state(len(noise)), self.first.expand(len(noise), -1), []
        assert self.produces.length is not None
        for _ in range(self.produces.length):
            y, state = self.cell.step(torch.cat([read, noise], dim=-1), state)
            rows.append(self.readout(y).softmax(-1))
            read = self.embedding(rows[-1])
        return full_length(torch.stack(rows, dim=1))

    def sample(self, n: int, given: Any = None, strategy: Any = None, leak: Any = None) -> Padded:
        """`n` sentences, through which gradients flow. Shape: `Padded` (batch, time, symbols)."""
        return self(torch.randn(n, self.noise, device=self.first.device, dtype=self.first.dtype))
