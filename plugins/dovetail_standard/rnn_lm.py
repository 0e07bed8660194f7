"""A recurrent language model: an embedding, any cell, and a linear readout to the vocabulary.

Axes: batch time feature; batch vocabulary. The state is (last token, condition where there is one, the cell's state …).
"""

from __future__ import annotations

from typing import final

import torch
from attrs import Factory, field, frozen
from einops import repeat
from torch import Tensor, nn

from dovetail import (
    Cell,
    CellSpec,
    Encoder,
    EncoderSpec,
    Generator,
    GeneratorSpec,
    Leak,
    Misfit,
    Padded,
    Sequence,
    State,
    Strategy,
    Tokens,
    Vector,
    within,
)
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import Embedding, EmbeddingSpec
from dovetail_standard.strategy import Ancestral


@frozen(kw_only=True)
class RnnLmSpec(GeneratorSpec):
    """A recurrent language model, with a condition and a leak beside each token where it is built with them."""

    takes = {"produces": (Tokens,), "given": (Vector,), "leaks": (Vector,)}
    embedding: EncoderSpec = Factory(EmbeddingSpec)
    """From tokens to the vectors that the cell reads."""
    cell: CellSpec = Factory(LstmSpec)
    """The recurrence."""
    input_dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the embedded values that training drops."""
    output_dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the cell's outputs that training drops before the readout."""
    tied: bool = False
    """Use the embedding's vectors as the readout's weights (press2017tying); the cell must be as wide as they are."""
    init: float | None = field(default=None, validator=within("(0, inf)"), metadata={"added": True})
    """The readout's weights and biases start in U(±init); as PyTorch's do without it."""

    def build(self, *, produces: Tokens, given: Vector | None = None, leaks: Vector | None = None) -> RnnLm:
        embedding = self.embedding.build(input=produces)
        if not isinstance(embedding.output, Sequence):
            raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
        width = embedding.output.size + sum(space.size for space in (given, leaks) if space is not None)
        cell = self.cell.build(input=Vector(width))
        if not isinstance(cell.output, Vector):
            raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        if self.tied and not isinstance(embedding, Embedding):
            raise Misfit("embedding", "a standard/embedding where the readout is tied to it", type(embedding).__name__)
        if self.tied and cell.output.size != embedding.output.size:
            raise Misfit("cell", f"a cell of {embedding.output.size} units where the readout is tied", cell.output)
        return RnnLm(
            produces=produces,
            embedding=embedding,
            cell=cell,
            given=given,
            leaks=leaks,
            input_dropout=self.input_dropout,
            output_dropout=self.output_dropout,
            tied=self.tied,
            init=self.init,
        )


@final
class RnnLm(Generator):
    """Scores each token after those before it, the start token first.

    `step` reads the tokens that it is given. `forward` reads its state's first element, the last token so far, and then
    all of its tokens but the last: go on from it by `step(state[0], state)`, or by `forward` over what follows.

    Args:
        produces: the space of its texts.
        embedding: from tokens to a Sequence, token by token.
        cell: reads embedding, condition and leak side by side.
        given: the space of the condition, if there is one.
        leaks: the space of a discriminator's features, if it reads them; zeros where a call brings none.
    """

    produces: Tokens

    def __init__(
        self,
        *,
        produces: Tokens,
        embedding: Encoder,
        cell: Cell,
        given: Vector | None = None,
        leaks: Vector | None = None,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
        tied: bool = False,
        init: float | None = None,
    ) -> None:
        super().__init__()
        self.produces, self.given, self.leaks = produces, given, leaks
        self.embedding, self.cell = embedding, cell
        self.input_dropout, self.output_dropout = nn.Dropout(input_dropout), nn.Dropout(output_dropout)
        self.readout = nn.Linear(cell.output.size, len(produces.vocabulary))
        if init is not None:
            for parameter in self.readout.parameters():
                nn.init.uniform_(parameter, -init, init)
        if tied:
            self.readout.weight = embedding.table.weight

    def initial_state(self, batch: int, given: Tensor | None = None) -> State:
        """The start token, the condition and the cell's initial state. Shape: given (batch, size)."""
        if (given is None) != (self.given is None):
            expected = "absent" if self.given is None else f"a batch of {self.given}"
            raise ValueError(f"`given` must be {expected}, but is {'absent' if given is None else tuple(given.shape)}")
        start = torch.full((batch,), self.produces.vocabulary.start, device=self.readout.weight.device)
        return (start, *(() if given is None else (given,)), *self.cell.initial_state(batch))

    def renew(self, state: State) -> State:
        token, condition, memory = self._parts(state)
        return (token, *condition, *self.cell.renew(memory))

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one token each. Shape: tokens (batch), leak (batch, size), logits (batch, vocabulary)."""
        _, condition, memory = self._parts(state)
        xs = self._inputs(tokens[:, None], condition, None if leak is None else leak[:, None])
        y, memory = self.cell.step(xs[:, 0], memory)
        return self._logits(y), (tokens, *condition, *memory)

    def forward(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Teacher forcing: logits[:, t] score tokens[:, t].

        With a state, `given` is not read: the state holds it. The state after shorter examples has read their padding.

        Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary), leak (batch, time, size) where
        leak[:, t] are the features of what stands before token t.
        """
        last, condition, memory = self._parts(self.initial_state(len(tokens.data), given) if state is None else state)
        read = torch.cat([last[:, None], tokens.data[:, :-1]], dim=1)
        ys, memory = self.cell(self._inputs(read, condition, leak), memory)
        return self._logits(ys), (tokens.data[:, -1], *condition, *memory)

    def sample(
        self, n: int, given: Tensor | None = None, strategy: Strategy | None = None, leak: Leak | None = None
    ) -> Padded:
        """`n` texts, by ancestral sampling where no strategy is given. Shape: `Padded` (batch, time)."""
        return (strategy or Ancestral())(self, n, given, leak)

    def _parts(self, state: State) -> tuple[Tensor, State, State]:
        conditions = 1 + (self.given is not None)
        return state[0], state[1:conditions], state[conditions:]

    def _inputs(self, read: Tensor, condition: State, leak: Tensor | None) -> Tensor:
        batch, time = read.shape
        embedded = self.embedding(Padded(read, read.new_full((batch,), time))).data
        beside = [repeat(part, "batch size -> batch time size", time=time) for part in condition]
        if self.leaks is not None:
            beside.append(embedded.new_zeros(batch, time, self.leaks.size) if leak is None else leak)
        elif leak is not None:
            raise ValueError("`leak` must be absent where the generator was built without `leaks`, but is given")
        return torch.cat([self.input_dropout(embedded), *beside], dim=-1)

    def _logits(self, ys: Tensor) -> Tensor:
        return self.readout(self.output_dropout(ys))
