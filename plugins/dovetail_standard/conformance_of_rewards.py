"""What every credit and every baseline must do, as checks of the conformance kit: of any plugin.

Paper: semeniuta2019, section 5.4.2.

Axes: batch time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dovetail import Padded, Sequence, State, Stepwise, Tokens, Vector, Vocabulary
from dovetail.randomness import stream
from dovetail.testing import Broken, Subject, check, subject_of
from dovetail_standard.credit import Game

TOKENS = Tokens(Vocabulary.of("abc", joiner=""), 6)


class Uniform:
    """A stepwise generator for which every symbol is as likely as any other."""

    produces = TOKENS

    def initial_state(self, batch: int, given: Any = None) -> State:
        return (torch.full((batch,), TOKENS.vocabulary.start),)

    def renew(self, state: State) -> State:
        return state

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        return torch.zeros(len(tokens), len(TOKENS.vocabulary)), (tokens,)


def reward(scores: str, factor: float = 1.0) -> Any:
    """A reward of a text, or of each of its beginnings, from the numbers of its symbols."""

    def of(texts: Padded, _: Tensor) -> Tensor:
        each = (texts.data * texts.mask).cumsum(1) * texts.mask * factor / 50
        return each if scores == "step" else each.amax(1, keepdim=True)

    return of


class RewardSubject(Subject):
    """Texts that end at different places."""

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        return (TOKENS.fake(batch, stream(seed, "texts")),)


@subject_of("credit")
class CreditSubject(RewardSubject):
    """A credit in a game of a generator whose symbols are all as likely, and of rewards that are easy to follow."""

    def choice(self) -> dict[str, Any]:
        return {"scores": Sequence(TOKENS.length, 1) if self.spec.scores == "step" else Vector(1)}

    def credited(self, texts: Padded, factor: float = 1.0) -> Tensor:
        """R_t where every reward is multiplied by a factor."""
        module = self.build()
        generator: Stepwise = Uniform()
        with self.on_stream():
            returns: Tensor = module(texts, Game(generator=generator, reward=reward(self.spec.scores, factor)))
        return returns

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        (texts,) = inputs
        return {"returns": module(texts, Game(generator=Uniform(), reward=reward(self.spec.scores)))}


@subject_of("baseline")
class BaselineSubject(RewardSubject):
    """A baseline of texts with returns."""

    trains = True

    def choice(self) -> dict[str, Any]:
        return {"input": TOKENS}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        texts = TOKENS.fake(batch, stream(seed, "texts"))
        return texts, torch.rand(texts.data.shape, generator=stream(seed, "returns")) * texts.mask

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        return {"expected": module(*inputs)}


@check(
    "credit",
    reason="every token's R_t weighs its own likelihood, and padding has none",
    source="semeniuta2019, section 5.4.2",
    after=("examples",),
)
def credit_shapes(subject: CreditSubject) -> None:
    """There is one finite R_t a token, 0 on padding, without a gradient."""
    (texts,) = subject.inputs()
    returns = subject.credited(texts)
    if returns.shape != texts.data.shape:
        raise Broken(f"is {tuple(returns.shape)} for texts of {tuple(texts.data.shape)}")
    if returns.requires_grad or not returns.isfinite().all():
        raise Broken("has a gradient, or is not finite")
    if returns[~texts.mask].any():
        raise Broken("credits padding")


@check(
    "credit",
    reason="a reward twice as high must count twice: a credit shares rewards out, and makes none of its own",
    source="semeniuta2019, section 5.4.2",
    after=("credit-shapes",),
)
def credit_is_linear(subject: CreditSubject) -> None:
    """Where all rewards are multiplied by a factor, so is every R_t; and they are not all zero."""
    (texts,) = subject.inputs()
    once, thrice = subject.credited(texts), subject.credited(texts, 3.0)
    if not torch.allclose(thrice, 3 * once, rtol=1e-5):
        raise Broken("rewards three times as high are not credited three times as much")
    if not once.any():
        raise Broken("credits nothing to any token")


@check(
    "baseline",
    reason="a baseline that knows what was drawn, or what it earned, biases the gradient",
    source="williams1992reinforce",
    after=("examples",),
)
def baseline_is_unbiased(subject: BaselineSubject) -> None:
    """What is expected of a token depends neither on it, nor on those after it, nor on what its text was given."""
    texts, returns = subject.inputs()
    module = subject.build().eval()
    with torch.no_grad():
        before = module(texts, returns)
        for place in range(texts.data.shape[1]):
            data, other = texts.data.clone(), returns.clone()
            data[0, place:] = (data[0, place:] + 1) % len(TOKENS.vocabulary)
            other[0] += 1.0
            after = module(Padded(data, texts.lengths), other * texts.mask)
            if not torch.allclose(after[0, place], before[0, place], atol=1e-6):
                raise Broken(f"what is expected at place {place} changes with the token there, or with its reward")
    if before.shape != returns.shape or before[~texts.mask].any():
        raise Broken(f"is {tuple(before.shape)} for returns of {tuple(returns.shape)}, or expects rewards of padding")
