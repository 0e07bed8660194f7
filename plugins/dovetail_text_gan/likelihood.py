"""Maximum likelihood of sentences, with samples to be judged: pre-training, and the language model among the systems.

Paper: semeniuta2019, section 5.4.2. Where there is a discriminator it learns beside the generator, to tell real from
generated sentences, so that adversarial training does not begin with an untrained one; a generator that reads its
features (`leak`) reads those of the moment, and no gradient flows to them.

*Differs from the papers:* SeqGAN (yu2017seqgan) pre-trains the discriminator after the generator; the thesis does not
say how it is done there.

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
    Discriminator,
    DiscriminatorSpec,
    Fields,
    Generator,
    GeneratorSpec,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Phase,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.judging import judge_loss
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.sides import Sides


@frozen(kw_only=True)
class LikelihoodSpec(ObjectiveSpec):
    """The likelihood of each token after those before it; a discriminator learns beside it where there is one."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec | None}
    text: str = "text"
    """The dataset's field of sentences."""
    given: str | None = None
    """The dataset's field that the generator is given as a condition, if any."""
    leak: bool = False
    """The generator reads the discriminator's features beside each token."""
    generator_optimizer: OptimizerSpec = Factory(AdamSpec)
    """Of the generator."""
    discriminator_optimizer: OptimizerSpec = Factory(AdamSpec)
    """Of the discriminator."""

    def build(
        self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec | None = None
    ) -> Likelihood:
        sides = Sides.build(data, self.text, self.given, generator, discriminator, leak=self.leak)
        phases = [Phase(name="likelihood", parts=("generator", "objective"), optimizer=self.generator_optimizer)]
        if discriminator is not None:
            optimizer = self.discriminator_optimizer
            phases.insert(0, Phase(name="discriminator", parts=("discriminator",), optimizer=optimizer))
        return Likelihood(sides=sides, phases=tuple(phases))


@final
class Likelihood(Objective):
    """Trains a generator of sentences by maximum likelihood, the mean over all tokens, in nats.

    Its outcome: `nll`, nats a token, `Padded` (batch, time, 1), and as many `samples` as `references`.
    """

    generator: Generator
    discriminator: Discriminator | None

    def __init__(self, *, sides: Sides, phases: tuple[Phase, ...]) -> None:
        super().__init__()
        self.sides, self.phases, self.outcome = sides, phases, sides.outcome
        self.generator, self.discriminator = sides.generator, sides.discriminator

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a phase. Shape: ()."""
        real, given = self.sides.read(batch)
        if phase == "discriminator":
            return judge_loss(self.sides.discriminator, real, self.sides.draw(len(real.data), given), given)
        return self.sides.nll(real, given).sum() / real.lengths.sum()

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            yield from self.sides.evaluate(loader)
