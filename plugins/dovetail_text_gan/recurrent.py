"""A recurrent discriminator: any cell reads a text, and scores it as a whole or after every token.

Its features are the cell's outputs, which a generator can read token by token while it writes (guo2018leakgan;
semeniuta2019, section 5.4.2 and Fig. 5.4).

Axes: batch time feature.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn

from dovetail import (
    Cell,
    CellSpec,
    Discriminator,
    DiscriminatorSpec,
    Encoder,
    EncoderSpec,
    Misfit,
    Padded,
    Sequence,
    State,
    Tokens,
    Vector,
    within,
)
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec


@frozen(kw_only=True)
class RecurrentSpec(DiscriminatorSpec):
    """A cell that reads a text and tells whether it is real."""

    takes = {"input": (Tokens,), "given": (Vector,)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=128))
    """From tokens to the vectors that the cell reads."""
    cell: CellSpec = Factory(lambda: LstmSpec(hidden=128))
    """The recurrence."""
    scores: Literal["sequence", "step"] = "sequence"
    """One score a text, after its last token, or one after every token (section 5.4.2, SeqGAN-step)."""
    dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the features that training drops before the score."""

    def build(self, *, input: Tokens, given: Vector | None = None) -> Recurrent:
        embedding = self.embedding.build(input=input)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        cell = self.cell.build(input=Vector(embedding.output.size))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        return Recurrent(
            input=input, embedding=embedding, cell=cell, given=given, scores=self.scores, dropout=self.dropout
        )


@final
class Recurrent(Discriminator):
    """Scores texts by a linear readout of a cell's outputs, with the condition beside them where there is one.

    It reads the start token before a text. `features` are the cell's output after the last token, `leak` gives it after
    each.

    Args:
        input: the space of the texts.
        embedding: from tokens to a Sequence, token by token.
        cell: reads the embedded tokens.
        given: the space of the condition, if there is one.
        scores: one a text, or one after every token.
        dropout: share of the features that training drops before the score.
    """

    leaks: Vector

    def __init__(
        self,
        *,
        input: Tokens,
        embedding: Encoder,
        cell: Cell,
        given: Vector | None = None,
        scores: Literal["sequence", "step"] = "sequence",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding, self.cell, self.scores = embedding, cell, scores
        self.start = input.vocabulary.start
        self.leaks = Vector(cell.output.size)
        self.output = Vector(1) if scores == "sequence" else Sequence(input.length, 1)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(self.leaks.size + (0 if given is None else given.size), 1)

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def leak(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The features after one more token each. Shape: tokens (batch), features (batch, size)."""
        return self.cell.step(self._embedded(tokens[:, None])[:, 0], state)

    def features(self, x: Padded, given: Any = None) -> Tensor:
        """The cell's output after each text's last token. Shape: x `Padded` (batch, time), result (batch, size)."""
        states = self._read(x)
        return states[torch.arange(len(states), device=states.device), x.lengths]

    def forward(self, x: Padded, given: Any = None) -> Any:
        """The scores, logits. Shape: x `Padded` (batch, time), result (batch, 1) or `Padded` (batch, time, 1)."""
        if self.scores == "sequence":
            return self._score(self.features(x), given)
        beside = None if given is None else given[:, None].expand(-1, x.data.shape[1], -1)
        return Padded(self._score(self._read(x)[:, 1:], beside) * x.mask[..., None], x.lengths)

    def _read(self, x: Padded) -> Tensor:
        """The cell's outputs after the start token and after each token. Shape: (batch, 1 + time, size)."""
        start = torch.full_like(x.data[:, :1], self.start)
        return self.cell(self._embedded(torch.cat([start, x.data], dim=1)))[0]

    def _embedded(self, tokens: Tensor) -> Tensor:
        batch, time = tokens.shape
        embedded: Tensor = self.embedding(Padded(tokens, tokens.new_full((batch,), time))).data
        return embedded

    def _score(self, features: Tensor, given: Tensor | None) -> Tensor:
        features = self.dropout(features)
        score: Tensor = self.readout(features if given is None else torch.cat([features, given], dim=-1))
        return score
