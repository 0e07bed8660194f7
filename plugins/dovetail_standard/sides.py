"""The two sides of a game over sentences: a stepwise generator, and the discriminator that it is set against.

Axes: batch time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from dovetail import (
    Batch,
    DiscriminatorSpec,
    Fields,
    GeneratorSpec,
    Leak,
    Misfit,
    Outcome,
    Padded,
    Sequence,
    Space,
    Stepwise,
    Tokens,
)
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.judging import built_judge
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.leaks import leaked


@frozen(kw_only=True, eq=False)
class Sides:
    """A stepwise generator of sentences and the discriminator that it is set against, if there is one.

    `text` and `given` are the batch's fields of sentences and of conditions; `leak` says whether the generator reads
    the discriminator's features, `informed` whether the discriminator is given the condition, too.
    """

    generator: Any
    discriminator: Any
    tokens: Tokens
    text: str
    given: str | None
    leak: bool
    informed: bool = True

    @classmethod
    def build(
        cls,
        data: Fields,
        text: str,
        given: str | None,
        generator: GeneratorSpec,
        discriminator: DiscriminatorSpec | None,
        *,
        leak: bool,
        informed: bool = True,
    ) -> Sides:
        """Build both parts; raises Misfit for a generator without `step`, and for a leak that is not there."""
        tokens = field_of(data, text, Tokens)
        condition = None if given is None else field_of(data, given, Space)
        judge = None if discriminator is None else built_judge(discriminator, tokens, condition if informed else None)
        if leak and not isinstance(judge, Leak):
            found = None if judge is None else type(judge).__name__
            raise Misfit("discriminator", "one whose features leak token by token", found)
        leaks = judge.leaks if leak and judge is not None else None
        built = generator.build(produces=tokens, given=condition, leaks=leaks)
        if not isinstance(built, Stepwise):
            raise Misfit("generator", "a generator of tokens, which has `step`", type(built).__name__)
        return cls(
            generator=built,
            discriminator=judge,
            tokens=tokens,
            text=text,
            given=given,
            leak=leak,
            informed=informed,
        )

    @property
    def leaking(self) -> Leak | None:
        """The discriminator, where the generator reads its features."""
        return self.discriminator if self.leak else None

    def read(self, batch: Batch) -> tuple[Padded, Any]:
        """The sentences and the conditions of a batch."""
        return batch[self.text], None if self.given is None else batch[self.given]

    def told(self, given: Any) -> Any:
        """What the discriminator is given of the conditions."""
        return given if self.informed else None

    def draw(self, n: int, given: Any = None) -> Padded:
        """`n` samples, drawn without dropout and without gradients."""
        with torch.no_grad(), evaluating(self.generator):
            samples: Padded = self.generator.sample(n, given, leak=self.leaking)
        return samples

    def nll(self, tokens: Padded, given: Any = None) -> Tensor:
        """-log p of each token in nats, 0 on padding. Shape: (batch, time)."""
        leaking = self.leaking
        leak = None if leaking is None else leaked(leaking, tokens, self.tokens.vocabulary.start)
        logits, _ = self.generator(tokens, given, leak=leak)
        return negative_log_likelihood(logits, tokens)

    @property
    def outcome(self) -> Fields:
        return Fields({"nll": Sequence(self.tokens.length, 1), "samples": self.tokens, "references": self.tokens})

    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        """Likelihoods of the references, and as many samples under the same conditions."""
        for batch in loader:
            real, given = self.read(batch)
            nll = Padded(self.nll(real, given)[..., None], real.lengths)
            yield {"nll": nll, "samples": self.draw(len(real.data), given), "references": real}
