"""A recurrent discriminator: any cell reads a text, and scores it as a whole or after every token.

Its features are the cell's outputs, which a generator can read token by token while it writes (guo2018leakgan;
semeniuta2019, section 5.4.2 and Fig. 5.4).

Axes: batch time feature.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from dovetail import (
    Cell,
    Discriminator,
    Encoder,
    Padded,
    Sequence,
    Space,
    State,
    Tokens,
    Vector,
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
        condition: from the condition to a Vector, where it is none.
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
        given: Space | None = None,
        condition: Encoder | None = None,
        scores: Literal["sequence", "step"] = "sequence",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding, self.cell, self.condition, self.scores = embedding, cell, condition, scores
        self.start = input.vocabulary.start
        self.leaks = Vector(cell.output.size)
        self.output = Vector(1) if scores == "sequence" else Sequence(input.length, 1)
        self.dropout = nn.Dropout(dropout)
        beside = given if condition is None else condition.output
        self.readout = nn.Linear(self.leaks.size + (0 if beside is None else beside.size), 1)

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
        if self.condition is not None:
            given = self.condition(given)
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
