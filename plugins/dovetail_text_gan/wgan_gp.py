"""WGAN-GP over sentences: a continuous generator against a critic that reads rows of symbols.

Paper: gulrajani2017wgangp, Eq. 3 and section 5.4; semeniuta2019, Eq. 5.4.1. Real sentences are one-hot rows, filled up
with the padding symbol; generated ones are distributions; x̂ lies between the two, by one ε for a sentence, and the
norm of the gradient is over all its places and symbols. What is measured are the most probable symbols, to their end.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import (
    Batch,
    Discriminator,
    DiscriminatorSpec,
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
    Tokens,
    Vector,
    within,
)
from dovetail_standard.adversarial import held, turns
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.wgan_gp import WassersteinWithPenalty
from dovetail_text_gan.relaxed import full_length, hardened, relaxed, relaxed_space

ADAM = AdamSpec(lr=1e-4, beta1=0.5, beta2=0.9)  # the language model's, in the paper's code


@frozen(kw_only=True)
class TextWganGpSpec(ObjectiveSpec):
    """A continuous generator of sentences against a critic whose gradient is held near norm 1."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}
    text: str = "text"
    """The dataset's field of sentences."""
    penalty: float = field(default=10.0, validator=within("[0, inf)"))
    """Weight λ of the gradient penalty (gulrajani2017wgangp: 10)."""
    discriminator_optimizer: OptimizerSpec = ADAM
    """Of the critic."""
    generator_optimizer: OptimizerSpec = ADAM
    """Of the generator."""
    discriminator_updates: int = field(default=10, validator=within("[1, inf)"))
    """Batches, with one update of the critic each, to one turn of the generator (the language model's code: 10)."""
    generator_updates: int = field(default=1, validator=within("[1, inf)"))
    """Updates of the generator in its turn."""

    def build(self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec) -> TextWganGp:
        tokens = field_of(data, self.text, Tokens)
        rows = relaxed_space(tokens)
        critic = discriminator.build(input=rows)
        if critic.output != Vector(1):
            raise Misfit("discriminator", "one that gives a Vector(1), one score a sentence", critic.output)
        return TextWganGp(
            generator=generator.build(produces=rows),
            discriminator=critic,
            tokens=tokens,
            text=self.text,
            losses=WassersteinWithPenalty(penalty=self.penalty),
            phases=turns(
                self.discriminator_optimizer,
                self.generator_optimizer,
                discriminator_updates=self.discriminator_updates,
                generator_updates=self.generator_updates,
            ),
        )


@final
class TextWganGp(Objective):
    """Its outcome: as many `samples` as `references`, tokens both."""

    def __init__(
        self,
        *,
        generator: Generator,
        discriminator: Discriminator,
        tokens: Tokens,
        losses: WassersteinWithPenalty,
        phases: tuple[Phase, ...],
        text: str = "text",
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.losses = generator, discriminator, losses
        self.tokens, self.text, self.phases = tokens, text, phases
        self.outcome = Fields({"samples": tokens, "references": tokens})

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a phase; only its side's parameters get a gradient. Shape: ()."""
        count = len(batch[self.text].data)
        if phase == "generator":
            with held(self.discriminator):
                return self.losses.generator(self._score(self.generator.sample(count).data))
        with torch.no_grad():
            fake = self.generator.sample(count).data
        return self.losses.discriminator(self._score, relaxed(batch[self.text], self.tokens, fake).data, fake)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            for batch in loader:
                real: Padded = batch[self.text]
                samples = hardened(self.generator.sample(len(real.data)), self.tokens)
                yield {"samples": samples, "references": real}

    def _score(self, rows: Tensor) -> Tensor:
        """Shape: rows (batch, time, symbols), result (batch, 1)."""
        scores: Tensor = self.discriminator(full_length(rows))
        return scores
