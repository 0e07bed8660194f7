"""Maximum likelihood of captions under images, with the doubly stochastic penalty; a discriminator learns beside.

Paper: hacap2018, sections 4.2 and 4.4; xu2015show, Eq. 14:

    -log p(y | x) + λ Σ_i (1 - Σ_t α_t,i)²

The penalty is the loss that captioners note as `coverage`; its weight is `auxiliary.coverage`.

*Differs from the paper:* the likelihood is the mean over real words; the paper does not say. The authors' code counts
padding, up to the longest caption that can be (`padding = "counted"`).

Axes: batch time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor
from torch.nn import functional as F

from dovetail import (
    Batch,
    DecodingSpec,
    DiscriminatorSpec,
    Fields,
    GeneratorSpec,
    Misfit,
    Mistake,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    ScheduleSpec,
    Tokens,
    within,
)
from dovetail.frozendict import FrozenDict
from dovetail_hacap.captioner import Draws
from dovetail_hacap.telling import Telling
from dovetail_standard.auxiliary import AuxiliaryLosses
from dovetail_standard.evaluation import evaluating
from dovetail_standard.judging import judge_loss
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.sides import Sides
from dovetail_standard.strategy import Greedy

COVERAGE = FrozenDict({"coverage": 0.01})
"""The penalty's weight in the authors' code."""


@frozen(kw_only=True)
class CaptioningSpec(ObjectiveSpec):
    """The likelihood of each word after those before it, under an image."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec | None}
    image: str = "image"
    """The dataset's field of what is captioned: images, or regions that are computed already."""
    text: str = "caption"
    """The dataset's field of the captions that are learnt."""
    captions: str = "captions"
    """The dataset's field of references: of all captions of an image, or that of `text`."""
    leak: bool = False
    """The generator reads the discriminator's features beside each word."""
    informed: bool = False
    """The discriminator is given the image, too (section 7)."""
    auxiliary: Mapping[str, float | ScheduleSpec] = field(default=COVERAGE, converter=FrozenDict)
    """Weights of the losses that the generator notes: `coverage`, the penalty; `hard-attention`, 1 if there is it."""
    padding: Literal["ignored", "counted"] = "ignored"
    """Whether the generator learns to write padding up to the longest caption there can be (the authors' code)."""
    decoding: DecodingSpec = Factory(Greedy)
    """How captions are written that are judged."""
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Of the generator (the authors' code: Adam, 1e-3)."""
    discriminator_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the discriminator (the authors' code: Adam, 1e-4)."""
    repeat: int = field(default=1, validator=within("[1, inf)"))
    """Updates of the generator for each batch (the authors' code: 5)."""
    discriminator_repeat: int = field(default=1, validator=within("[1, inf)"))
    """Updates of the discriminator for each batch (the authors' code: 2)."""

    def build(
        self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec | None = None
    ) -> Captioning:
        if self.informed and discriminator is None:
            raise Misfit("discriminator", "one that can be `informed`", None)
        sides = Sides.build(
            data, self.text, self.image, generator, discriminator, leak=self.leak, informed=self.informed
        )
        attention = getattr(sides.generator, "attention", None)
        if isinstance(attention, Draws) and "hard-attention" not in self.auxiliary:
            raise Mistake("`auxiliary.hard-attention` must be the weight that hard attention learns by, but is missing")
        if self.padding == "counted" and sides.tokens.length is None:
            raise Misfit("data", "captions of limited length where padding is counted", sides.tokens)
        phases = [
            Phase(name="likelihood", parts=("generator", "objective"), optimizer=self.optimizer, repeat=self.repeat)
        ]
        if discriminator is not None:
            judging = Phase(
                name="discriminator",
                parts=("discriminator",),
                optimizer=self.discriminator_optimizer,
                repeat=self.discriminator_repeat,
            )
            phases.insert(0, judging)
        return Captioning(
            telling=Telling.of(sides, data, self.captions, self.decoding.build()),
            phases=tuple(phases),
            auxiliary=AuxiliaryLosses.of(self.auxiliary),
            padding=self.padding,
        )


@final
class Captioning(Objective):
    """Trains a generator of captions by maximum likelihood, in nats a word, and the discriminator beside it.

    Its outcome is `Telling.outcome`.
    """

    def __init__(
        self,
        *,
        telling: Telling,
        phases: tuple[Phase, ...],
        auxiliary: AuxiliaryLosses,
        padding: Literal["ignored", "counted"] = "ignored",
    ) -> None:
        super().__init__()
        self.telling, self.sides = telling, telling.sides
        self.generator, self.discriminator = self.sides.generator, self.sides.discriminator
        self.phases, self.outcome = phases, telling.outcome
        self.auxiliary, self.padding = auxiliary, padding

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a phase. Shape: ()."""
        real, given = self.sides.read(batch)
        if phase == "discriminator":
            fake = self.sides.draw(len(real.data), given)
            return judge_loss(self.sides.discriminator, real, fake, self.sides.told(given))
        if self.padding == "counted":
            real = filled(real, self.sides.tokens)
        return self.telling.likelihood(real, given, self.auxiliary)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            yield from self.telling.evaluate(loader)


def filled(texts: Padded, space: Tokens) -> Padded:
    """Texts whose padding, up to the longest there can be, counts as words. Shape: `Padded` (batch, length)."""
    assert space.length is not None
    data = F.pad(texts.data, (0, space.length - texts.data.shape[1]), value=space.vocabulary.pad)
    return Padded(data, torch.full_like(texts.lengths, space.length))
