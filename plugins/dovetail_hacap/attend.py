"""AttendCap's decoder: an LSTM that looks at an image with its last state, and a deep output layer.

Paper: xu2015show, section 3.1.2. With the annotations a, E y the vector of the word before:

    c_0, h_0 = tanh(W_init · mean a + b)                two perceptrons
    z_t = attention(a, h_{t-1})
    i, f, o, g = σ, σ, σ, tanh of T (E y_{t-1} ⊕ h_{t-1} ⊕ z_t)
    c_t = f c_{t-1} + i g,  h_t = o tanh(c_t)
    logits = L_o (E y_{t-1} + L_h h_t + L_z z_t)

*Differs from the paper:* hacap2018, section 2, says that its LSTM has peepholes, which the paper's equations lack:
`peepholes` adds p_i c_{t-1}, p_f c_{t-1} and p_o c_t to the gates' sums (gers2002learning). Perceptrons of one layer.

Axes: batch time feature; batch place feature. The state is (last token, annotations, weights, h, c, the attention's …).
"""

from __future__ import annotations

from typing import final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn

from dovetail import (
    Attention,
    AttentionSpec,
    Encoder,
    EncoderSpec,
    Generator,
    GeneratorSpec,
    Image,
    Leak,
    Misfit,
    Padded,
    Regions,
    State,
    Strategy,
    Tokens,
    within,
)
from dovetail_hacap import captioner
from dovetail_hacap.captioner import Draws, Reading
from dovetail_hacap.soft import GatedSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.mean_pool import MeanPool
from dovetail_standard.strategy import Ancestral


@frozen(kw_only=True)
class AttendSpec(GeneratorSpec):
    """Show, attend and tell: an LSTM that looks at regions and writes."""

    takes = {"produces": (Tokens,), "given": (Image, Regions)}
    encoder: EncoderSpec | None = None
    """From the condition to regions; without it the condition is regions."""
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=256, deviation=0.1))
    """From words to vectors."""
    attention: AttentionSpec = Factory(GatedSpec)
    """Looks at the regions with the state before."""
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of the LSTM."""
    peepholes: bool = False
    """The gates see the memory (hacap2018, section 2)."""
    dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Share of the output layer's features that training drops (section 4.3: some)."""

    def build(self, *, produces: Tokens, given: Image | Regions | None = None, leaks: None = None) -> Attend:
        if leaks is not None:
            raise Misfit("leaks", "absent: this generator reads none", leaks)
        encoder, regions = captioner.seen(self.encoder, given)
        embedding, size = captioner.embedded_by(self.embedding, produces)
        attention, read = captioner.attending(self.attention, regions, self.hidden)
        return Attend(
            produces=produces,
            regions=regions,
            encoder=encoder,
            embedding=embedding,
            size=size,
            attention=attention,
            read=read,
            hidden=self.hidden,
            peepholes=self.peepholes,
            dropout=self.dropout,
        )


@final
class Attend(Generator):
    """Writes captions of regions, a word a step.

    Args:
        produces: the space of its captions.
        regions: the space of the annotations.
        embedding: from tokens to a Sequence of vectors of `size`, token by token.
        size: of the embedding.
        attention: reads `read` features of the annotations, with the LSTM's output as the query.
        read: of the attention.
        encoder: from the condition to the annotations, if it is not they.
        hidden: units of the LSTM.
        peepholes: whether the gates see the memory.
        dropout: share of the output layer's features that training drops.
    """

    produces: Tokens
    goal = 0

    def __init__(
        self,
        *,
        produces: Tokens,
        regions: Regions,
        embedding: Encoder,
        size: int,
        attention: Attention,
        read: int,
        encoder: Encoder | None = None,
        hidden: int = 256,
        peepholes: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.produces, self.regions = produces, regions
        self.encoder, self.embedding, self.attention = encoder, embedding, attention
        self.start = MeanPool(size=regions.size)
        self.first = nn.Linear(regions.size, 2 * hidden)
        self.gates = nn.Linear(size + hidden + read, 4 * hidden)
        self.peepholes = nn.Parameter(torch.zeros(3, hidden)) if peepholes else None
        self.from_hidden, self.from_context = nn.Linear(hidden, size), nn.Linear(read, size, bias=False)
        self.readout = nn.Linear(size, len(produces.vocabulary))
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch: int, given: Tensor | None = None) -> State:
        """The start token, the annotations and what their mean makes of h and c. Shape: given as the condition."""
        regions = captioner.regions_of(self.encoder, given, batch, self.regions)
        token = torch.full((len(regions),), self.produces.vocabulary.start, device=regions.device)
        h, c = self.first(self.start(regions)).tanh().chunk(2, dim=1)
        weights = regions.new_full(regions.shape[:2], 1 / regions.shape[1])
        return (token, regions, weights, h, c, *self.attention.initial_state(regions))

    def renew(self, state: State) -> State:
        return state

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one word each. Shape: tokens (batch), logits (batch, vocabulary)."""
        reading = self._read(tokens[:, None], tokens, state, leak)
        return reading.logits[:, 0], reading.state

    def read(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> Reading:
        """Teacher forcing, with gradients to the weights. Shape: as in `forward`."""
        state = self.initial_state(len(tokens.data), given) if state is None else state
        return self._read(captioner.read_before(state[0], tokens), tokens.data[:, -1], state, leak)

    def forward(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Teacher forcing: logits[:, t] score tokens[:, t]. Notes the losses and the exhibits of `captioner.note`.

        Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary).
        """
        reading = self.read(tokens, given, state, leak)
        captioner.note(reading, tokens, self.attention)
        return reading.logits, reading.state

    def sample(
        self, n: int, given: Tensor | None = None, strategy: Strategy | None = None, leak: Leak | None = None
    ) -> Padded:
        """`n` captions, by ancestral sampling where no strategy is given. Shape: `Padded` (batch, time)."""
        return (strategy or Ancestral())(self, n, given, leak)

    def _read(self, read: Tensor, last: Tensor, state: State, leak: Tensor | None) -> Reading:
        """Reads words, and scores those after them. Shape: read (batch, time), last, the last word then, (batch)."""
        if leak is not None:
            raise ValueError("`leak` must be absent: this generator reads none, but is given")
        _, regions, weights, h, c, *attention = state
        words = self.embedding(Padded(read, read.new_full((len(read),), read.shape[1]))).data
        outputs, contexts, looks, chosen, looked = [], [], [], [], tuple(attention)
        draws = self.attention if isinstance(self.attention, Draws) else None
        for word in words.unbind(1):
            context, weights, looked = self.attention(regions, h, looked)
            h, c = self._remember(torch.cat([word, h, context], dim=1), c)
            outputs.append(h)
            contexts.append(context)
            looks.append(weights)
            if draws is not None:
                chosen.append(draws.chosen(looked))
        deep = words + self.from_hidden(torch.stack(outputs, 1)) + self.from_context(torch.stack(contexts, 1))
        return Reading(
            logits=self.readout(self.dropout(deep)),
            state=(last, regions, weights, h, c, *looked),
            weights=torch.stack(looks, 1),
            chosen=torch.stack(chosen, 1) if chosen else None,
        )

    def _remember(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the LSTM. Shape: x (batch, size + hidden + read), h and c (batch, hidden)."""
        i, f, o, g = self.gates(x).chunk(4, dim=1)
        if self.peepholes is not None:
            i, f = i + self.peepholes[0] * c, f + self.peepholes[1] * c
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        if self.peepholes is not None:
            o = o + self.peepholes[2] * c
        return o.sigmoid() * c.tanh(), c
