"""Adversarial training of a generator whose samples let gradients flow, against a discriminator that scores them.

Paper: goodfellow2014gan, section 3. With scores s(x) as logits of "real":

    discriminator:  -mean log σ(s(real)) - mean log(1 - σ(s(fake)))         Eq. 1
    generator:      -mean log σ(s(fake))                                    section 3, the loss that does not saturate

*Differs from the paper:* one-sided label smoothing (salimans2016improved, section 3.4) is there, and off by default.
*Not covered:* generators of tokens, whose samples let no gradients flow.

Axes: batch *sample; batch 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, final

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Batch,
    DiscriminatorSpec,
    Fields,
    GeneratorSpec,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Phase,
    Space,
    Vector,
    within,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec

Score = Callable[[Tensor], Tensor]
ADAM = AdamSpec(lr=2e-4, beta1=0.5)  # radford2016dcgan, section 4


@attrs.frozen(kw_only=True)
class AdversarialSpec(ObjectiveSpec):
    """The minimax game of a generator and a discriminator, with the generator's loss that does not saturate."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}

    real: str = "input"
    """The dataset's field of real samples."""
    given: str | None = None
    """The dataset's field that both parts are given as a condition, if any."""
    smoothing: float = attrs.field(default=0.0, validator=within("[0, 1)"))
    """Real samples have the target 1 - smoothing (salimans2016improved, section 3.4: 0.1)."""
    discriminator_optimizer: OptimizerSpec = ADAM
    """Of the discriminator."""
    generator_optimizer: OptimizerSpec = ADAM
    """Of the generator."""
    discriminator_updates: int = attrs.field(default=1, validator=within("[1, inf)"))
    """Batches, with one update of the discriminator each, to one turn of the generator (Algorithm 1: k = 1)."""
    generator_updates: int = attrs.field(default=1, validator=within("[1, inf)"))
    """Updates of the generator in its turn."""

    def build(self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec) -> Adversarial:
        return Adversarial(
            **opponents(data, self.real, self.given, generator, discriminator),
            losses=NonSaturating(smoothing=self.smoothing),
            phases=turns(
                self.discriminator_optimizer,
                self.generator_optimizer,
                discriminator_updates=self.discriminator_updates,
                generator_updates=self.generator_updates,
            ),
        )


class Losses(Protocol):
    """What the two sides of a game minimise."""

    def discriminator(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss. Shape: real and fake (batch, *sample)."""

    def generator(self, scores: Tensor) -> Tensor:
        """The generator's loss, from its samples' scores. Shape: scores (batch, 1)."""


@final
@attrs.frozen(kw_only=True)
class NonSaturating:
    """Cross entropy for the discriminator; for the generator, of its samples being taken for real."""

    smoothing: float = 0.0

    def discriminator(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Eq. 1, as something to minimise."""
        return cross_entropy(score(real), 1 - self.smoothing) + cross_entropy(score(fake), 0.0)

    def generator(self, scores: Tensor) -> Tensor:
        return cross_entropy(scores, 1.0)


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """-t log σ(s) - (1 - t) log(1 - σ(s)), the mean over all scores."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def turns(
    discriminator: OptimizerSpec, generator: OptimizerSpec, *, discriminator_updates: int, generator_updates: int
) -> tuple[Phase, Phase]:
    """The discriminator's updates, one a batch, and then the generator's turn."""
    return (
        Phase(name="discriminator", parts=("discriminator",), optimizer=discriminator),
        Phase(
            name="generator",
            parts=("generator",),
            optimizer=generator,
            repeat=generator_updates,
            every=discriminator_updates,
        ),
    )


def opponents(
    data: Fields, real: str, given: str | None, generator: GeneratorSpec, discriminator: DiscriminatorSpec
) -> dict[str, Any]:
    """Both parts, built for the dataset's fields of real samples and of conditions."""
    produces = field_of(data, real, Space)
    condition = None if given is None else field_of(data, given, Space)
    critic = discriminator.build(input=produces, given=condition)
    if critic.output != Vector(1):
        raise Misfit("discriminator", "one that gives a Vector(1), one score a sample", critic.output)
    return {
        "generator": generator.build(produces=produces, given=condition),
        "discriminator": critic,
        "produces": produces,
        "real": real,
        "given": given,
    }


@contextmanager
def held(module: nn.Module) -> Iterator[None]:
    """Gradients flow through `module` but none reach its parameters."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@final
class Adversarial(Objective):
    """A generator against a discriminator, in the phases `discriminator` and `generator`.

    Args:
        generator: whose `sample` lets gradients flow.
        discriminator: one score a sample.
        produces: the space of the samples, real or not.
        losses: of the two sides.
        phases: named `discriminator` and `generator`.
        real: the batch's field of real samples.
        given: the batch's field of conditions, if any.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        produces: Space,
        losses: Losses,
        phases: tuple[Phase, ...],
        real: str = "input",
        given: str | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.losses = generator, discriminator, losses
        self.phases, self.real, self.given = phases, real, given
        self.outcome = Fields({"samples": produces, "references": produces})

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of the phase's side; only that side's parameters get a gradient. Shape: ()."""
        real, given = self._read(batch)
        if phase == "discriminator":
            with torch.no_grad():
                fake = self.generator.sample(len(real), given)
            return self.losses.discriminator(lambda x: self.discriminator(x, given), real, fake)
        with held(self.discriminator):
            return self.losses.generator(self.discriminator(self.generator.sample(len(real), given), given))

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        """As many `samples` as there are `references`, under the same conditions."""
        with evaluating(self):
            for batch in loader:
                real, given = self._read(batch)
                yield {"samples": self.generator.sample(len(real), given), "references": real}

    def _read(self, batch: Batch) -> tuple[Tensor, Any]:
        return batch[self.real], None if self.given is None else batch[self.given]
