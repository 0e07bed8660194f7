"""Adversarial training of a generator that chooses tokens: a discriminator's scores are rewards of its choices.

Paper: semeniuta2019, section 5.4.2; yu2017seqgan; williams1992reinforce. With D(y) = σ(s(y)), R_t as the slot `credit`
has it and b_t as `baseline` has it:

    discriminator:  -mean log D(real) - mean log(1 - D(sampled))
    generator:      -1/B Σ_texts Σ_t (R_t - b_t) log p(y_t | y_<t)

The generator's phase leaves the discriminator as it is, reads its scores without dropout, and draws without dropout.
A baseline that learns minimises its mean squared error to R_t in the same phase.

*Differs from the papers:* yu2017seqgan's code sums over the batch too, and makes discriminator and generator take turns
by epochs.

Axes: batch time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor

from dovetail import (
    Batch,
    DiscriminatorSpec,
    Fields,
    GeneratorSpec,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    within,
)
from dovetail_standard import rewarding
from dovetail_standard.adversarial import held
from dovetail_standard.baseline import Baseline, BaselineSpec
from dovetail_standard.credit import Credit, CreditSpec
from dovetail_standard.evaluation import evaluating
from dovetail_standard.judging import judge_loss
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.rescaling import Rescaling
from dovetail_standard.sides import Sides
from dovetail_text_gan.sequence_credit import SequenceCreditSpec


@frozen(kw_only=True)
class PolicyGradientSpec(ObjectiveSpec):
    """A generator of tokens against a discriminator, by the gradient of its expected reward."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}
    text: str = "text"
    """The dataset's field of sentences."""
    given: str | None = None
    """The dataset's field that both parts are given as a condition, if any."""
    leak: bool = False
    """The generator reads the discriminator's features beside each token (section 5.4.2, LeakGAN)."""
    credit: CreditSpec = Factory(SequenceCreditSpec)
    """How the discriminator's reward is shared among tokens."""
    baseline: BaselineSpec | None = None
    """What is taken off the rewards; nothing without it, as in yu2017seqgan's code."""
    rescaling: Rescaling = "none"
    """Rewards by their rank in the batch: as guo2018leakgan's Eq. 11 has it, or as the published code does it."""
    generator_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the generator, and of the baseline."""
    discriminator_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the discriminator (yu2017seqgan's code: Adam, 1e-4)."""
    discriminator_updates: int = field(default=1, validator=within("[1, inf)"))
    """Batches, with one update of the discriminator each, to one turn of the generator."""
    generator_updates: int = field(default=1, validator=within("[1, inf)"))
    """Updates of the generator in its turn."""
    likelihood_every: int | None = field(default=None, validator=within("[1, inf)"))
    """At every so many batches the generator also learns by maximum likelihood; never without it (section 5.4.2)."""
    likelihood_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the generator where it learns by maximum likelihood."""

    def build(self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec) -> PolicyGradient:
        sides = Sides.build(data, self.text, self.given, generator, discriminator, leak=self.leak)
        return PolicyGradient(
            sides=sides,
            credit=self.credit.build(scores=sides.discriminator.output),
            baseline=None if self.baseline is None else self.baseline.build(input=sides.tokens),
            rescaling=self.rescaling,
            phases=rewarding.phases(
                self.discriminator_optimizer,
                self.generator_optimizer,
                self.likelihood_optimizer,
                discriminator_updates=self.discriminator_updates,
                generator_updates=self.generator_updates,
                likelihood_every=self.likelihood_every,
            ),
        )


@final
class PolicyGradient(Objective):
    """Trains a generator by rewards, and the discriminator that gives them.

    Its outcome: `nll`, nats a token, `Padded` (batch, time, 1), and as many `samples` as `references`.
    """

    def __init__(
        self,
        *,
        sides: Sides,
        credit: Credit,
        phases: tuple[Phase, ...],
        baseline: Baseline | None = None,
        rescaling: Rescaling = "none",
    ) -> None:
        super().__init__()
        self.sides, self.phases, self.outcome = sides, phases, sides.outcome
        self.generator, self.discriminator = sides.generator, sides.discriminator
        self.credit, self.baseline, self.rescaling = credit, baseline, rescaling

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a phase; only its side's parameters get a gradient. Shape: ()."""
        real, given = self.sides.read(batch)
        if phase == "likelihood":
            return self.sides.nll(real, given).sum() / real.lengths.sum()
        texts = self.sides.draw(len(real.data), given)
        if phase == "discriminator":
            return judge_loss(self.sides.discriminator, real, texts, given)
        with held(self.discriminator):
            return rewarding.surrogate(self.returns(texts, given), self.sides.nll(texts, given), texts, self.baseline)

    def returns(self, texts: Padded, given: Any = None) -> Tensor:
        """R_t of each token, 0 on padding. Shape: texts `Padded` (batch, time), result (batch, time)."""
        return rewarding.returns(self.credit, self.sides, texts, given, self.rescaling)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            yield from self.sides.evaluate(loader)
