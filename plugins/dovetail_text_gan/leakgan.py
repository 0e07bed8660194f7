"""The generators of Fig. 5.4: a perceptron says the next token from a discriminator's state, its own, or both.

Paper: semeniuta2019, section 5.4.2. The three variants differ in what the perceptron reads:

    leak     the discriminator's features alone: no `cell`, built with `leaks`
    noleak   the state of the generator's own `cell`: built without `leaks`
    mixed    both

*Differs from guo2018leakgan:* no manager and no goals, as the thesis says.

Axes: batch time feature; batch vocabulary. The state is (last token, condition where there is one, the cell's state …).
"""

from __future__ import annotations

from typing import final

import torch
from attrs import Factory, field, frozen
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
from dovetail_standard import activation as activations
from dovetail_standard.activation import Activation
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.strategy import Ancestral


@frozen(kw_only=True)
class LeakganSpec(GeneratorSpec):
    """A language model whose distribution is a perceptron's over its own state, a discriminator's, or both."""

    takes = {"produces": (Tokens,), "given": (Vector,), "leaks": (Vector,)}
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=128))
    """From tokens to the vectors that the cell reads; not used without a cell."""
    cell: CellSpec | None = Factory(lambda: LstmSpec(hidden=128))
    """The generator's own recurrence; without one it reads the discriminator's features alone."""
    hidden: int = field(default=128, validator=within("[1, inf)"))
    """Units of the perceptron's layer."""
    activation: Activation = "tanh"
    """Of the perceptron's layer."""

    def build(self, *, produces: Tokens, given: Vector | None = None, leaks: Vector | None = None) -> Leakgan:
        if self.cell is None and leaks is None:
            raise Misfit("leaks", "a Vector where it has no `cell`: it must read something", leaks)
        embedding = cell = None
        if self.cell is not None:
            embedding = self.embedding.build(input=produces)
            if not isinstance(embedding.output, Sequence):
                raise Misfit("embedding", "an encoder of tokens whose output is a Sequence", embedding.output)
            cell = self.cell.build(input=Vector(embedding.output.size + (0 if given is None else given.size)))
            if not isinstance(cell.output, Vector):
                raise Misfit("cell", "a cell whose output is a Vector", cell.output)
        return Leakgan(
            produces=produces,
            embedding=embedding,
            cell=cell,
            given=given,
            leaks=leaks,
            hidden=self.hidden,
            activation=self.activation,
        )


@final
class Leakgan(Generator):
    """Scores each token after those before it, by a perceptron over its cell's output and a discriminator's features.

    Args:
        produces: the space of its texts.
        embedding: from tokens to a Sequence, token by token; None without a cell.
        cell: reads embedding and condition side by side, if there is one.
        given: the space of the condition, if there is one.
        leaks: the space of a discriminator's features, if it reads them; zeros where a call brings none.
        hidden: units of the perceptron's layer.
        activation: of the perceptron's layer.
    """

    produces: Tokens

    def __init__(
        self,
        *,
        produces: Tokens,
        embedding: Encoder | None,
        cell: Cell | None,
        given: Vector | None = None,
        leaks: Vector | None = None,
        hidden: int = 128,
        activation: Activation = "tanh",
    ) -> None:
        super().__init__()
        self.produces, self.given, self.leaks = produces, given, leaks
        self.embedding, self.cell = embedding, cell
        width = leaks.size if leaks is not None else 0
        width += cell.output.size if cell is not None else (0 if given is None else given.size)
        self.perceptron = nn.Sequential(
            nn.Linear(width, hidden), activations.activation(activation), nn.Linear(hidden, len(produces.vocabulary))
        )

    def initial_state(self, batch: int, given: Tensor | None = None) -> State:
        """The start token, the condition and the cell's initial state. Shape: given (batch, size)."""
        if (given is None) != (self.given is None):
            expected = "absent" if self.given is None else f"a batch of {self.given}"
            raise ValueError(f"`given` must be {expected}, but is {'absent' if given is None else tuple(given.shape)}")
        device = self.perceptron[0].weight.device
        start = torch.full((batch,), self.produces.vocabulary.start, device=device)
        memory = () if self.cell is None else self.cell.initial_state(batch)
        return (start, *(() if given is None else (given,)), *memory)

    def renew(self, state: State) -> State:
        token, condition, memory = self._parts(state)
        return (token, *condition, *(() if self.cell is None else self.cell.renew(memory)))

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one token each. Shape: tokens (batch), leak (batch, size), logits (batch, vocabulary)."""
        _, condition, memory = self._parts(state)
        logits, memory = self._logits(tokens[:, None], condition, memory, None if leak is None else leak[:, None])
        return logits[:, 0], (tokens, *condition, *memory)

    def forward(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Teacher forcing: logits[:, t] score tokens[:, t].

        Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary), leak (batch, time, size) where
        leak[:, t] are the features of what stands before token t.
        """
        last, condition, memory = self._parts(self.initial_state(len(tokens.data), given) if state is None else state)
        read = torch.cat([last[:, None], tokens.data[:, :-1]], dim=1)
        logits, memory = self._logits(read, condition, memory, leak)
        return logits, (tokens.data[:, -1], *condition, *memory)

    def sample(
        self, n: int, given: Tensor | None = None, strategy: Strategy | None = None, leak: Leak | None = None
    ) -> Padded:
        """`n` texts, by ancestral sampling where no strategy is given. Shape: `Padded` (batch, time)."""
        return (strategy or Ancestral())(self, n, given, leak)

    def _parts(self, state: State) -> tuple[Tensor, State, State]:
        conditions = 1 + (self.given is not None)
        return state[0], state[1:conditions], state[conditions:]

    def _logits(self, read: Tensor, condition: State, memory: State, leak: Tensor | None) -> tuple[Tensor, State]:
        """The scores after each token that is read. Shape: read (batch, time), result (batch, time, vocabulary)."""
        batch, time = read.shape
        parts = [part[:, None].expand(-1, time, -1) for part in condition]
        if self.cell is not None and self.embedding is not None:
            embedded = self.embedding(Padded(read, read.new_full((batch,), time))).data
            ys, memory = self.cell(torch.cat([embedded, *parts], dim=-1), memory)
            parts = [ys]
        if self.leaks is not None:
            weight = self.perceptron[0].weight
            parts.append(weight.new_zeros(batch, time, self.leaks.size) if leak is None else leak)
        elif leak is not None:
            raise ValueError("`leak` must be absent where the generator was built without `leaks`, but is given")
        return self.perceptron(torch.cat(parts, dim=-1)), memory
