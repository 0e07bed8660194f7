"""Adversarial training of captions: a manager learns directions in the discriminator's features, a worker follows them.

Paper: hacap2018, section 4.3, after guo2018leakgan, section 3.2, and vezhnevets2017feudal. With f_t the discriminator's
features of the first t words, g_t the goal that the next word is written under, U g its direction among the features,
R_t the credit of word t, c the horizon:

    manager     1/B Σ_captions Σ_t R_t (1 - cos(f_{t+c} - f_t, U g_t))                          Eq. 8 of guo2018leakgan
    worker      -1/B Σ_captions Σ_t (λ_e R_t + λ_i r_t - b_t) log p(y_t | y_<t)
                r_t = 1/c Σ_{i=1..c} cos(f_{t+1} - f_{t+1-i}, U g_{t+1-i})                      Eq. 10, its reward

and their sum is minimised (section 4.3: the joint loss). The discriminator learns to tell captions that people wrote
from sampled ones. Where fewer than c words follow, f is that of the whole caption; where fewer stand before, r is the
mean over them.

*Differs from the papers:* guo2018leakgan's goals are of the features' size; these have 6 numbers, so U, which is linear
and learnt here, gives them a direction. guo2018leakgan's worker has r_t alone (`extrinsic = 0`), vezhnevets2017feudal's
both. The authors' code of hacap2018 leaves this training empty.

Axes: batch time feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

import torch
from attrs import Factory, field, frozen
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Batch,
    DecodingSpec,
    DiscriminatorSpec,
    Fields,
    GeneratorSpec,
    Leak,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    ScheduleSpec,
    within,
)
from dovetail.frozendict import FrozenDict
from dovetail_hacap.captioner import Captioner
from dovetail_hacap.telling import Telling
from dovetail_standard import rewarding
from dovetail_standard.adversarial import held
from dovetail_standard.auxiliary import AuxiliaryLosses
from dovetail_standard.baseline import Baseline, BaselineSpec
from dovetail_standard.credit import Credit, CreditSpec
from dovetail_standard.evaluation import evaluating
from dovetail_standard.judging import judge_loss
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.leaks import features_after
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.rescaling import Rescaling
from dovetail_standard.sides import Sides
from dovetail_standard.strategy import Greedy


@frozen(kw_only=True)
class AdversarialSpec(ObjectiveSpec):
    """A manager and a worker against a discriminator, by the gradient of their rewards."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}
    image: str = "image"
    """The dataset's field of what is captioned."""
    text: str = "caption"
    """The dataset's field of captions that people wrote."""
    captions: str = "captions"
    """The dataset's field of references: of all captions of an image, or that of `text`."""
    leak: bool = False
    """The generator reads the discriminator's features beside each word."""
    informed: bool = False
    """The discriminator is given the image, too (section 7)."""
    credit: CreditSpec
    """How the discriminator's reward is shared among words: a name, such as `text-gan/rollout`."""
    baseline: BaselineSpec | None = None
    """What is taken off the rewards, such as `text-gan/mean`."""
    rescaling: Rescaling = "none"
    """R_t by its rank in the batch (guo2018leakgan, Eq. 11)."""
    horizon: int = field(default=1, validator=within("[1, inf)"))
    """c, the words after which a goal is to be reached (guo2018leakgan: 4)."""
    extrinsic: float = field(default=1.0, validator=within("[0, inf)"))
    """λ_e, how much the worker cares for the discriminator's reward."""
    intrinsic: float = field(default=0.5, validator=within("[0, inf)"))
    """λ_i, how much the worker cares for the manager's goals."""
    manager: float = field(default=1.0, validator=within("[0, inf)"))
    """Weight of the manager's loss."""
    decoding: DecodingSpec = Factory(Greedy)
    """How captions are written that are judged."""
    generator_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the generator, of U and of the baseline."""
    discriminator_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the discriminator."""
    discriminator_updates: int = field(default=1, validator=within("[1, inf)"))
    """Batches, with one update of the discriminator each, to one turn of the generator."""
    generator_updates: int = field(default=1, validator=within("[1, inf)"))
    """Updates of the generator in its turn."""
    likelihood_every: int | None = field(default=None, validator=within("[1, inf)"))
    """At every so many batches the generator also learns by maximum likelihood; never without it."""
    likelihood_optimizer: OptimizerSpec = Factory(lambda: AdamSpec(lr=1e-4))
    """Of the generator where it learns by maximum likelihood."""
    auxiliary: Mapping[str, float | ScheduleSpec] = field(factory=FrozenDict, converter=FrozenDict)
    """Weights of the losses that the generator notes, where it learns by maximum likelihood: see `captioning`."""

    def build(self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec) -> Adversarial:
        sides = Sides.build(
            data, self.text, self.image, generator, discriminator, leak=self.leak, informed=self.informed
        )
        goal = sides.generator.goal if isinstance(sides.generator, Captioner) else 0
        if goal and not isinstance(sides.discriminator, Leak):
            rule = "one whose features leak token by token, in which the manager has goals"
            raise Misfit("discriminator", rule, type(sides.discriminator).__name__)
        return Adversarial(
            telling=Telling.of(sides, data, self.captions, self.decoding.build()),
            credit=self.credit.build(scores=sides.discriminator.output),
            baseline=None if self.baseline is None else self.baseline.build(input=sides.tokens),
            direction=nn.Linear(goal, sides.discriminator.leaks.size, bias=False) if goal else None,
            rescaling=self.rescaling,
            horizon=self.horizon,
            extrinsic=self.extrinsic,
            intrinsic=self.intrinsic,
            manager=self.manager,
            phases=rewarding.phases(
                self.discriminator_optimizer,
                self.generator_optimizer,
                self.likelihood_optimizer,
                discriminator_updates=self.discriminator_updates,
                generator_updates=self.generator_updates,
                likelihood_every=self.likelihood_every,
            ),
            auxiliary=AuxiliaryLosses.of(self.auxiliary),
        )


def followed(features: Tensor, directions: Tensor, lengths: Tensor, horizon: int) -> Tensor:
    """cos(f_{t+c} - f_t, U g_t) of each word, 0 on padding: how far the features went where the goal points.

    Shape: features (batch, 1 + time, size), of each beginning from the empty one on; directions (batch, time, size),
    lengths (batch); result (batch, time).
    """
    time = directions.shape[1]
    place = torch.arange(time, device=lengths.device)
    later = torch.minimum(place + horizon, lengths[:, None])
    ahead = features.take_along_dim(later[..., None], dim=1)
    return F.cosine_similarity(ahead - features[:, :time], directions, dim=2) * (place < lengths[:, None])


def intrinsic_reward(features: Tensor, directions: Tensor, lengths: Tensor, horizon: int) -> Tensor:
    """r_t of each word, 0 on padding: how well the last steps went where the goals of the last words point.

    Shape: as in `followed`.
    """
    time = directions.shape[1]
    total = directions.new_zeros(directions.shape[:2])
    for back in range(min(horizon, time)):  # back = i - 1
        moved = features[:, 1 + back :] - features[:, : time - back]
        total[:, back:] += F.cosine_similarity(moved, directions[:, : time - back], dim=2)
    place = torch.arange(time, device=lengths.device)
    return total / (place + 1).clamp(max=horizon) * (place < lengths[:, None])


@final
class Adversarial(Objective):
    """Trains a generator of captions by rewards, and the discriminator that gives them.

    Its outcome is `Telling.outcome`.
    """

    def __init__(
        self,
        *,
        telling: Telling,
        credit: Credit,
        phases: tuple[Phase, ...],
        auxiliary: AuxiliaryLosses,
        baseline: Baseline | None = None,
        direction: nn.Linear | None = None,
        rescaling: Rescaling = "none",
        horizon: int = 1,
        extrinsic: float = 1.0,
        intrinsic: float = 0.5,
        manager: float = 1.0,
    ) -> None:
        super().__init__()
        self.telling, self.sides = telling, telling.sides
        self.generator, self.discriminator = self.sides.generator, self.sides.discriminator
        self.phases, self.outcome = phases, telling.outcome
        self.credit, self.baseline, self.direction, self.rescaling = credit, baseline, direction, rescaling
        self.horizon, self.extrinsic, self.intrinsic, self.manager = horizon, extrinsic, intrinsic, manager
        self.auxiliary = auxiliary

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of a phase; only its side's parameters get a gradient. Shape: ()."""
        real, given = self.sides.read(batch)
        if phase == "likelihood":
            return self.telling.likelihood(real, given, self.auxiliary)
        texts = self.sides.draw(len(real.data), given)
        if phase == "discriminator":
            return judge_loss(self.sides.discriminator, real, texts, self.sides.told(given))
        with held(self.discriminator):
            return self._generator_loss(texts, given)

    def returns(self, texts: Padded, given: Any = None) -> Tensor:
        """R_t of each word, 0 on padding. Shape: texts `Padded` (batch, time), result (batch, time)."""
        return rewarding.returns(self.credit, self.sides, texts, given, self.rescaling)

    def features(self, texts: Padded) -> Tensor:
        """The discriminator's features of each beginning, the empty one first, without dropout.

        Shape: texts `Padded` (batch, time), result (batch, 1 + time, size).
        """
        start = torch.full_like(texts.data[:, :1], self.sides.tokens.vocabulary.start)
        with evaluating(self.discriminator):
            return features_after(self.discriminator, torch.cat([start, texts.data], dim=1))

    def _generator_loss(self, texts: Padded, given: Any) -> Tensor:
        returns = self.returns(texts, given)
        earned, managed = self.extrinsic * returns, returns.new_zeros(())
        if self.direction is None:
            nll = self.sides.nll(texts, given)
        else:
            features = self.features(texts)
            reading = self.generator.read(texts, given, leak=features[:, :-1] if self.sides.leak else None)
            nll = negative_log_likelihood(reading.logits, texts)
            directions = self.direction(reading.goals)
            close = followed(features, directions, texts.lengths, self.horizon)
            managed = self.manager * (returns * (1 - close) * texts.mask).sum() / len(returns)
            earned = earned + self.intrinsic * intrinsic_reward(
                features, directions.detach(), texts.lengths, self.horizon
            )
        return managed + rewarding.surrogate(earned, nll, texts, self.baseline)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        with evaluating(self):
            yield from self.telling.evaluate(loader)
