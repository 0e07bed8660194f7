"""An encoder of sentences that learns without labels: a generator must say the sentence again from its vector.

Paper: dai2015semi, section 2: the sequence autoencoder, here of any encoder to a vector and any generator of tokens
that takes one as its condition.

*Differs from the paper:* the vector stands beside each token that the generator reads, where the generator has it so,
and is not its initial state.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch
from attrs import Factory, frozen
from torch import Tensor

from dovetail import (
    Batch,
    Encoder,
    EncoderSpec,
    Fields,
    Generator,
    GeneratorSpec,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    Sequence,
    Stepwise,
    Tokens,
    Vector,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.optimizers import AdamSpec


@frozen(kw_only=True)
class SequenceAutoencoderSpec(ObjectiveSpec):
    """The likelihood of each token of a sentence, from the sentence's vector and the tokens before it."""

    parts = {"encoder": EncoderSpec, "generator": GeneratorSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains the encoder and the generator."""
    text: str = "text"
    """The dataset's field of the sentences."""

    def build(self, *, data: Fields, encoder: EncoderSpec, generator: GeneratorSpec) -> SequenceAutoencoder:
        tokens = field_of(data, self.text, Tokens)
        reader = encoder.build(input=tokens)
        if not isinstance(reader.output, Vector):
            raise Misfit("encoder", "an encoder whose output is a Vector", reader.output)
        writer = generator.build(produces=tokens, given=reader.output)
        if not isinstance(writer, Stepwise):
            raise Misfit("generator", "a generator of tokens, which has `step`", type(writer).__name__)
        return SequenceAutoencoder(
            encoder=reader, generator=writer, tokens=tokens, optimizer=self.optimizer, text=self.text
        )


@final
class SequenceAutoencoder(Objective):
    """Nats a token of the sentence itself.

    Its outcome: `nll`, nats a token, `Padded` (batch, time, 1).
    """

    def __init__(
        self, *, encoder: Encoder, generator: Generator, tokens: Tokens, optimizer: OptimizerSpec, text: str = "text"
    ) -> None:
        super().__init__()
        self.encoder, self.generator, self.text = encoder, generator, text
        self.phases = (Phase(name="autoencoder", parts=("encoder", "generator"), optimizer=optimizer),)
        self.outcome = Fields({"nll": Sequence(tokens.length, 1)})

    def nll(self, tokens: Padded) -> Tensor:
        """-log p of each token, 0 on padding. Shape: tokens `Padded` (batch, time), result (batch, time)."""
        logits, _ = self.generator(tokens, given=self.encoder(tokens))
        return negative_log_likelihood(logits, tokens)

    def forward(self, batch: Batch, phase: str) -> Tensor:
        tokens = batch[self.text]
        return self.nll(tokens).sum() / tokens.lengths.sum()

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            for batch in loader:
                tokens = batch[self.text]
                yield {"nll": Padded(self.nll(tokens)[..., None], tokens.lengths)}
