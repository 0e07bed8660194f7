"""Adversarial training against a critic that estimates the Wasserstein distance, with a gradient penalty.

Paper: gulrajani2017wgangp, Eq. 3 and Algorithm 1. With the critic's values s(x) and ε ~ U[0, 1) drawn once a sample:

    critic:     mean s(fake) - mean s(real) + λ mean (‖∇s(x̂)‖₂ - 1)²,   x̂ = ε real + (1 - ε) fake
    generator:  -mean s(fake)

*Not covered:* generators of tokens; critics with batch normalisation, whose penalty is not one a sample (section 4).

Axes: batch *sample; batch 1.
"""

from __future__ import annotations

from typing import final

import attrs
import torch
from torch import Tensor, nn

from dovetail import DiscriminatorSpec, Fields, GeneratorSpec, Misfit, ObjectiveSpec, OptimizerSpec, within
from dovetail_standard.adversarial import Adversarial, Score, opponents, turns
from dovetail_standard.optimizers import AdamSpec

ADAM = AdamSpec(lr=1e-4, beta1=0.0, beta2=0.9)  # Algorithm 1
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@attrs.frozen(kw_only=True)
class WganGpSpec(ObjectiveSpec):
    """A generator against a critic whose gradient is held near norm 1 between real and generated samples."""

    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}

    real: str = "input"
    """The dataset's field of real samples."""
    given: str | None = None
    """The dataset's field that both parts are given as a condition, if any."""
    penalty: float = attrs.field(default=10.0, validator=within("[0, inf)"))
    """Weight λ of the gradient penalty (Algorithm 1: 10)."""
    discriminator_optimizer: OptimizerSpec = ADAM
    """Of the critic."""
    generator_optimizer: OptimizerSpec = ADAM
    """Of the generator."""
    discriminator_updates: int = attrs.field(default=5, validator=within("[1, inf)"))
    """Batches, with one update of the critic each, to one turn of the generator (Algorithm 1: n_critic = 5)."""
    generator_updates: int = attrs.field(default=1, validator=within("[1, inf)"))
    """Updates of the generator in its turn."""

    def build(self, *, data: Fields, generator: GeneratorSpec, discriminator: DiscriminatorSpec) -> Adversarial:
        sides = opponents(data, self.real, self.given, generator, discriminator)
        if any(isinstance(part, BATCH_NORMS) for part in sides["discriminator"].modules()):
            raise Misfit("discriminator", "a critic without batch normalisation", "one with it")
        return Adversarial(
            **sides,
            losses=WassersteinWithPenalty(penalty=self.penalty),
            phases=turns(
                self.discriminator_optimizer,
                self.generator_optimizer,
                discriminator_updates=self.discriminator_updates,
                generator_updates=self.generator_updates,
            ),
        )


@final
@attrs.frozen(kw_only=True)
class WassersteinWithPenalty:
    """The difference of the critic's mean values, and the penalty on its gradient."""

    penalty: float = 10.0

    def discriminator(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Eq. 3."""
        mixed = mixture(real, fake, torch.rand(len(real), dtype=real.dtype, device=real.device))
        return score(fake).mean() - score(real).mean() + self.penalty * gradient_penalty(score, mixed)

    def generator(self, scores: Tensor) -> Tensor:
        return -scores.mean()


def mixture(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """x̂ = ε real + (1 - ε) fake. Shape: real and fake (batch, *sample), share (batch)."""
    share = share.reshape(-1, *[1] * (real.dim() - 1))
    return share * real + (1 - share) * fake


def gradient_penalty(score: Score, x: Tensor) -> Tensor:
    """Mean (‖∇s(x)‖₂ - 1)², through which gradients flow to the critic. Shape: x (batch, *sample), result ()."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        gradient = torch.autograd.grad(score(x).sum(), x, create_graph=True)[0]
    return (gradient.flatten(start_dim=1).norm(dim=1) - 1).square().mean()
