"""SeqGAN's synthetic task: an LSTM with random weights writes the data, and judges what others write.

Paper: yu2017seqgan, section 4: all weights are drawn from N(0, 1), embedding and hidden state have 32 units, texts are
20 tokens long. What a generator's samples cost the oracle, in nats a token, is the measure (there NLL_oracle).

The vocabulary has neither padding nor an end: all texts are equally long, and its start symbol, 0, is a word, too.
Weights from a safetensors file are named `embedding.weight`, `recurrence.weight_ih_l0`, `recurrence.weight_hh_l0`,
`recurrence.bias_ih_l0`, `recurrence.bias_hh_l0`, `readout.weight` and `readout.bias`, with PyTorch's order of gates.

*Differs from the paper's code:* that has one bias of the gates; here the second is 0 where weights are drawn.

Axes: batch time feature; batch vocabulary. The state is (last token, h, c).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn

from dovetail import (
    DatasetSpec,
    Fields,
    Generator,
    GeneratorSpec,
    Leak,
    Mistake,
    Padded,
    State,
    Strategy,
    Tokens,
    Vocabulary,
    within,
)
from dovetail.randomness import on_stream, stream
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of
from dovetail_standard.strategy import Ancestral

AT_ONCE = 1024
"""Texts that are drawn at once."""


@frozen(kw_only=True)
class OracleSpec(GeneratorSpec):
    """A language model with random weights, which is not trained."""

    takes = {"produces": (Tokens,)}
    units: int = field(default=32, validator=within("[1, inf)"))
    """Size of the embedding and of the hidden state."""
    deviation: float = field(default=1.0, validator=within("(0, inf)"))
    """Standard deviation of all weights."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The weights' own seed: the oracle is the same in every run."""
    weights: Path | None = None
    """A safetensors file of the weights instead; for its names see the module."""

    def build(self, *, produces: Tokens, given: Any = None, leaks: Any = None) -> Oracle:
        oracle = Oracle(produces=produces, units=self.units)
        if not oracle.readout.weight.is_meta:
            oracle.load_state_dict(self._drawn(oracle) if self.weights is None else read(self.weights, oracle))
        return oracle

    def _drawn(self, oracle: Oracle) -> dict[str, Tensor]:
        """Weights in the order of their names, and no second bias of the gates."""
        random = stream(self.seed, "oracle")
        shapes = {name: tensor.shape for name, tensor in sorted(oracle.state_dict().items())}
        drawn = {name: self.deviation * torch.randn(shape, generator=random) for name, shape in shapes.items()}
        return {**drawn, "recurrence.bias_hh_l0": torch.zeros_like(drawn["recurrence.bias_hh_l0"])}


def read(file: Path, oracle: Oracle) -> dict[str, Tensor]:
    """The tensors of a file; raises Mistake where it is no safetensors file, or of other names or shapes."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        raise Mistake(f"`weights` must be a safetensors file, but cannot be read: {file}: {error}") from error
    needed = {name: tuple(tensor.shape) for name, tensor in oracle.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(needed.keys() | found.keys()):
        if needed.get(name) != found.get(name):
            raise Mistake(
                f"`weights` must have {name} of shape {needed.get(name, 'none')}, but has {found.get(name, 'none')}:"
                f" {file}; `units` and the vocabulary say the shapes"
            )
    return tensors


@final
class Oracle(Generator):
    """An embedding, an LSTM and a readout, none of which is trained.

    Args:
        produces: the space of its texts.
        units: of the embedding and of the hidden state.
    """

    produces: Tokens

    def __init__(self, *, produces: Tokens, units: int) -> None:
        super().__init__()
        self.produces = produces
        self.embedding = nn.Embedding(len(produces.vocabulary), units)
        self.recurrence = nn.LSTM(units, units, batch_first=True)
        self.readout = nn.Linear(units, len(produces.vocabulary))
        self.requires_grad_(False)

    def initial_state(self, batch: int, given: Any = None) -> State:
        """The start token and zeros."""
        zeros = self.readout.weight.new_zeros(batch, self.recurrence.hidden_size)
        start = torch.full((batch,), self.produces.vocabulary.start, device=zeros.device)
        return (start, zeros, zeros)

    def renew(self, state: State) -> State:
        return state

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one token each. Shape: tokens (batch), logits (batch, vocabulary)."""
        logits, memory = self._logits(tokens[:, None], state)
        return logits[:, 0], (tokens, *memory)

    def forward(
        self, tokens: Padded, given: Any = None, state: State | None = None, leak: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Teacher forcing. Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary)."""
        state = self.initial_state(len(tokens.data)) if state is None else state
        logits, memory = self._logits(torch.cat([state[0][:, None], tokens.data[:, :-1]], dim=1), state)
        return logits, (tokens.data[:, -1], *memory)

    def sample(self, n: int, given: Any = None, strategy: Strategy | None = None, leak: Leak | None = None) -> Padded:
        """`n` texts, by ancestral sampling where no strategy is given. Shape: `Padded` (batch, time)."""
        return (strategy or Ancestral())(self, n, given, leak)

    def _logits(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        memory = (state[1][None].contiguous(), state[2][None].contiguous())
        ys, (h, c) = self.recurrence(self.embedding(read), memory)
        return self.readout(ys), (h[0], c[0])


@frozen(kw_only=True)
class OracleTextsSpec(DatasetSpec):
    """Texts that an oracle wrote; field `text`."""

    oracle: GeneratorSpec = Factory(OracleSpec)
    """Who writes."""
    words: int = field(default=5000, validator=within("[2, inf)"))
    """Words that there are (yu2017seqgan: 5,000)."""
    length: int = field(default=20, validator=within("[1, inf)"))
    """Words of each text (yu2017seqgan: 20, and 40)."""
    train: int = field(default=10_000, validator=within("[1, inf)"))
    """Training texts (yu2017seqgan: 10,000)."""
    valid: int = field(default=1000, validator=within("[1, inf)"))
    """Validation texts; the paper has none."""
    test: int = field(default=1000, validator=within("[1, inf)"))
    """Test texts; the oracle judges samples without them."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The texts' own seed: the data are the same in every run."""

    def build(self) -> ArrayDataset:
        tokens = Tokens(
            Vocabulary(map(str, range(self.words)), pad=0, start=0, end=-1, unknown=0),
            self.length,
        )
        oracle = self.oracle.build(produces=tokens).eval()
        splits = {}
        for name, count in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            with on_stream(self.seed, "oracle-texts", name):
                parts = [oracle.sample(min(AT_ONCE, count - first)) for first in range(0, count, AT_ONCE)]
            texts = Padded(torch.cat([part.data for part in parts]), torch.cat([part.lengths for part in parts]))
            splits[name] = ArraySplit(fields={"text": texts})
        fingerprint = fingerprint_of({name: split.fields for name, split in splits.items()})
        return ArrayDataset(fields=Fields({"text": tokens}), splits=splits, fingerprint=fingerprint)
