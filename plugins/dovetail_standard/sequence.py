"""An encoder of sequences by any cell: its states at each step, or one vector pooled over each example's real steps.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from attrs import Factory, field, frozen
from einops import repeat
from torch import Tensor, nn

from dovetail import Cell, CellSpec, Encoder, EncoderSpec, Misfit, Padded, Sequence, Space, Tokens, Vector, within
from dovetail_standard.cells import LstmSpec

Pooling = Literal["last", "mean", "max", "none"]


@frozen(kw_only=True)
class SequenceSpec(EncoderSpec):
    """A cell run over a sequence, in one direction or both."""

    takes = {"input": (Sequence, Tokens)}
    cell: CellSpec = Factory(LstmSpec)
    """The recurrence; built twice where the encoder is bidirectional."""
    embedding: EncoderSpec | None = None
    """From the input to the sequence that the cell reads; needed for tokens."""
    pooling: Pooling = "last"
    """How the steps become one vector: each direction's last real one, their mean or maximum; `none` keeps them all."""
    bidirectional: bool = False
    """Read from the end as well, and put both directions' outputs side by side."""
    head: EncoderSpec | None = None
    """From the pooled vector (or the sequence, where nothing is pooled) to the output."""
    input_dropout: float = field(default=0.0, validator=within("[0, 1)"), metadata={"added": True})
    """Share of what the cell reads that training drops, step by step."""
    output_dropout: float = field(default=0.0, validator=within("[0, 1)"), metadata={"added": True})
    """Share of the pooled vector (or of every step's output) that training drops."""

    def build(self, *, input: Sequence | Tokens) -> SequenceEncoder:
        embedding = None if self.embedding is None else self.embedding.build(input=input)
        steps = input if embedding is None else embedding.output
        if not isinstance(steps, Sequence):
            rule = "a Sequence (tokens become one by an `embedding`)"
            raise Misfit("input" if embedding is None else "embedding", rule, steps)
        cells = [self.cell.build(input=Vector(steps.size)) for _ in range(1 + self.bidirectional)]
        if not isinstance(cells[0].output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cells[0].output)
        width = len(cells) * cells[0].output.size
        pooled = Sequence(steps.length, width) if self.pooling == "none" else Vector(width)
        return SequenceEncoder(
            cell=cells[0],
            backward_cell=cells[1] if self.bidirectional else None,
            embedding=embedding,
            pooling=self.pooling,
            head=None if self.head is None else self.head.build(input=pooled),
            length=steps.length,
            input_dropout=self.input_dropout,
            output_dropout=self.output_dropout,
        )


def flip(x: Tensor, lengths: Tensor) -> Tensor:
    """Each example's real steps in reverse order, its padding where it was. Shape: x (batch, time, feature)."""
    steps = torch.arange(x.shape[1], device=x.device)
    behind = lengths[:, None] - 1 - steps
    order = torch.where(behind >= 0, behind, steps)
    return x.gather(1, repeat(order, "batch time -> batch time feature", feature=x.shape[2]))


def pool(x: Padded, pooling: Pooling) -> Any:
    """One vector over each example's real steps, or the sequence itself with zeros on its padding.

    Shape: x (batch, time, feature), result (batch, feature); an example without any step gives zeros.
    """
    kept = x.data * x.mask[..., None]
    if pooling == "none":
        return Padded(kept, x.lengths)
    if pooling == "mean":
        return kept.sum(1) / x.lengths.clamp(min=1)[:, None]
    if pooling == "max":
        highest = x.data.masked_fill(~x.mask[..., None], -torch.inf).amax(1)
        return highest.where(x.lengths[:, None] > 0, 0.0)
    return kept[torch.arange(len(kept), device=kept.device), (x.lengths - 1).clamp(min=0)]


@final
class SequenceEncoder(Encoder):
    """Runs a cell over each example, and another from its end where there is a `backward_cell`.

    Shape: x a batch of a Sequence, or of what `embedding` reads; result (batch, feature), or `Padded`
    (batch, time, feature) where `pooling` is "none"; or the head's.
    """

    output: Space

    def __init__(
        self,
        *,
        cell: Cell,
        backward_cell: Cell | None = None,
        embedding: Encoder | None = None,
        pooling: Pooling = "last",
        head: Encoder | None = None,
        length: int | None = None,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_dropout, self.output_dropout = nn.Dropout(input_dropout), nn.Dropout(output_dropout)
        self.cell, self.backward_cell, self.embedding, self.head = cell, backward_cell, embedding, head
        self.pooling: Pooling = pooling
        width = sum(part.output.size for part in (cell, backward_cell) if part is not None)
        pooled = Sequence(length, width) if pooling == "none" else Vector(width)
        self.output = pooled if head is None else head.output

    def forward(self, x: Padded) -> Any:
        data, lengths = x if self.embedding is None else self.embedding(x)
        data = self.input_dropout(data)
        directions = [self._pooled(self.cell(data)[0], lengths)]
        if self.backward_cell is not None:
            ys, _ = self.backward_cell(flip(data, lengths))
            directions.append(self._pooled(ys, lengths, backward=True))
        if self.pooling == "none":
            outputs = torch.cat([part.data for part in directions], dim=-1)
            representation = Padded(self.output_dropout(outputs), lengths)
        else:
            representation = self.output_dropout(torch.cat(directions, dim=-1))
        return representation if self.head is None else self.head(representation)

    def _pooled(self, ys: Tensor, lengths: Tensor, backward: bool = False) -> Any:
        in_place = flip(ys, lengths) if backward and self.pooling == "none" else ys
        return pool(Padded(in_place, lengths), self.pooling)
