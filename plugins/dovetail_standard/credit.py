"""The kind `credit`: how much of a discriminator's reward each token of a sampled text is given.

Paper: semeniuta2019, section 5.4.2: the generator minimises -Σ_t R_t log p(y_t | y_<t); a credit says what R_t is.

Axes: batch time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from attrs import frozen
from torch import Tensor, nn

from dovetail import Leak, Misfit, Padded, Sequence, Space, Spec, Stepwise

Reward = Callable[[Padded, Tensor], Tensor]
"""What the discriminator gives for texts, and the number of the example whose condition each is written under:
one number a text, (texts, 1), or one a step, (texts, time)."""


@frozen(kw_only=True, eq=False)
class Game:
    """What a credit may ask: the generator that wrote the texts, under which conditions, reading which leak."""

    generator: Stepwise
    reward: Reward
    given: Any = None
    leak: Leak | None = None


class Credit(nn.Module, ABC):
    """Gives every token of a sampled text its share of the reward."""

    @abstractmethod
    def forward(self, texts: Padded, game: Game) -> Tensor:
        """R_t of each token of the texts that the game's generator wrote, 0 on padding; without gradients.

        Shape: texts `Padded` (batch, time), result (batch, time).
        """


class CreditSpec(Spec):
    """How rewards become those of tokens. A credit fits any generator of tokens."""

    kind = "credit"
    scores: ClassVar[Literal["sequence", "step"]]
    """Whether it needs one reward a text or one a step."""

    @abstractmethod
    def build(self, *, scores: Space) -> Credit:
        """For a discriminator's `scores`; raises Misfit by `check` where they are not those that it needs."""

    def check(self, scores: Space) -> None:
        """Raise Misfit where a discriminator's scores are one a step and not one a text, or the other way round."""
        if isinstance(scores, Sequence) != (self.scores == "step"):
            each = "step" if self.scores == "step" else "text"
            raise Misfit("scores", f'one score a {each} (`discriminator.scores="{self.scores}"`)', scores)
