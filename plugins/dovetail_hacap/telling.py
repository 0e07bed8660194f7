"""What the objectives of captioning share: the sides of the game, and the outcome of an evaluation.

Axes: batch time feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen
from torch import Tensor

from dovetail import Batch, Fields, Outcome, Padded, Sequence, Space, Strategy
from dovetail.notes import collect
from dovetail_hacap.captioner import Captioner
from dovetail_standard.auxiliary import AuxiliaryLosses
from dovetail_standard.captions_space import Captions
from dovetail_standard.fields import field_of
from dovetail_standard.sides import Sides


@frozen(kw_only=True, eq=False)
class Telling:
    """A generator of captions, the discriminator beside it if there is one, and how captions are judged.

    `captions` is the batch's field of references, `beside` the fields that the outcome passes on, and `strategy` writes
    the captions that are judged.
    """

    sides: Sides
    captions: str
    references: Space
    beside: Fields
    strategy: Strategy

    @classmethod
    def of(cls, sides: Sides, data: Fields, captions: str, strategy: Strategy) -> Telling:
        """Raises Misfit where `captions` is no field of captions, several an image or one."""
        references = data[captions] if captions == sides.text else field_of(data, captions, Captions)
        read = {sides.text, sides.given, captions}
        beside = Fields({name: space for name, space in data.items() if name not in read})
        return cls(sides=sides, captions=captions, references=references, beside=beside, strategy=strategy)

    def likelihood(self, real: Padded, given: Any, auxiliary: AuxiliaryLosses) -> Tensor:
        """-log p of a word in nats, the mean over real ones, with the weighted losses of the generator. Shape: ()."""
        with collect() as notes:
            nll = self.sides.nll(real, given)
        return auxiliary(nll.sum() / real.lengths.sum(), notes.losses)

    @property
    def outcome(self) -> Fields:
        """What `evaluate` yields: `nll`, `samples`, `references`, and of a `Captioner` what it looked at and aimed at.

        `weights` and `goals` are those of reading the captions themselves, `sample_weights` and `sample_goals` of
        reading the samples.
        """
        tokens, generator = self.sides.tokens, self.sides.generator
        spaces: dict[str, Any] = {
            "nll": Sequence(tokens.length, 1),
            "samples": tokens,
            "references": self.references,
            **self.beside,
        }
        if isinstance(generator, Captioner):
            looks, goals = Sequence(tokens.length, generator.regions.count), Sequence(tokens.length, generator.goal)
            spaces |= {"weights": looks, "sample_weights": looks}
            spaces |= {"goals": goals, "sample_goals": goals} if generator.goal else {}
        return Fields(spaces)

    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        """The outcome of each batch."""
        for batch in loader:
            real, given = self.sides.read(batch)
            nll, shown = self._read(real, given)
            samples = self.sides.generator.sample(len(real.data), given, self.strategy, self.sides.leaking)
            sampled = self._read(samples, given)[1]
            yield {
                "nll": Padded(nll[..., None], real.lengths),
                "samples": samples,
                "references": batch[self.captions],
                **{name: batch[name] for name in self.beside},
                **shown,
                **{f"sample_{name}": value for name, value in sampled.items()},
            }

    def _read(self, tokens: Padded, given: Any) -> tuple[Tensor, dict[str, Padded]]:
        """The likelihood of captions, and what a `Captioner` shows while it reads them. Shape: (batch, time)."""
        with collect(exhibits=True) as notes:
            nll = self.sides.nll(tokens, given)
        named = ("weights", "goals") if isinstance(self.sides.generator, Captioner) else ()
        mask = tokens.mask[..., None]
        return nll, {
            name: Padded(notes.exhibits[name][0] * mask, tokens.lengths) for name in named if name in notes.exhibits
        }
