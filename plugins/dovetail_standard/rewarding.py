"""Training a generator of tokens by rewards: what the objectives that do so share.

Paper: semeniuta2019, section 5.4.2; williams1992reinforce. With D(y) = σ(s(y)), R_t as a credit has it and b_t as a
baseline, the generator minimises -1/B Σ_texts Σ_t (R_t - b_t) log p(y_t | y_<t); a baseline that learns minimises its
mean squared error to R_t beside.

Axes: batch time.
"""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from dovetail import OptimizerSpec, Padded, Phase
from dovetail_standard.adversarial import turns
from dovetail_standard.baseline import Baseline
from dovetail_standard.credit import Credit, Game
from dovetail_standard.evaluation import evaluating
from dovetail_standard.judging import probability_real
from dovetail_standard.rescaling import Rescaling, rescaled
from dovetail_standard.sides import Sides


def phases(
    discriminator: OptimizerSpec,
    generator: OptimizerSpec,
    likelihood: OptimizerSpec,
    *,
    discriminator_updates: int,
    generator_updates: int,
    likelihood_every: int | None,
) -> tuple[Phase, ...]:
    """The discriminator's updates, the turn of the generator and of what the objective learns, and likelihood."""
    judging, writing = turns(
        discriminator,
        generator,
        discriminator_updates=discriminator_updates,
        generator_updates=generator_updates,
    )
    game = (judging, evolve(writing, parts=("generator", "objective")))
    if likelihood_every is None:
        return game
    return (*game, Phase(name="likelihood", parts=("generator",), optimizer=likelihood, every=likelihood_every))


@torch.no_grad()
def returns(credit: Credit, sides: Sides, texts: Padded, given: Any, rescaling: Rescaling) -> Tensor:
    """R_t of each token of texts that the generator wrote, without dropout, 0 on padding. Shape: (batch, time)."""

    def reward(written: Padded, under: Tensor) -> Tensor:
        return probability_real(sides.discriminator, written, sides.told(None if given is None else given[under]))

    game = Game(generator=sides.generator, reward=reward, given=given, leak=sides.leaking)
    with evaluating(credit), evaluating(sides.generator), evaluating(sides.discriminator):
        return rescaled(credit(texts, game), texts.mask, rescaling)


def surrogate(rewards: Tensor, nll: Tensor, texts: Padded, baseline: Baseline | None) -> Tensor:
    """What is minimised, the baseline's error with it. Shape: rewards and nll (batch, time), result ()."""
    if baseline is None:
        return (rewards * nll).sum() / len(rewards)
    expected = baseline(texts, rewards)
    written = ((rewards - expected.detach()) * nll).sum() / len(rewards)
    return written + (rewards - expected).square().sum() / texts.lengths.sum()
