"""Captions beside the references of their images, as words: what the metrics of captions compare.

A caption's words are its vocabulary's symbols up to its end, as they are: nothing is put into lower case, and no mark
is taken away. The evaluation code of COCO's captions (chen2015captions) first takes texts apart by the Penn Treebank's
rules and drops punctuation; where values are to be compared with published ones, a dataset has to hold such words.
Captions that are alike all count. Unknown tokens match one another; `remark` counts them, and captions without a word.

METEOR and SPICE need Java and are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, final

from dovetail import Metric, Outcome, Tokens
from dovetail_standard.captions_space import Captions
from dovetail_standard.tokenisation import differences, words_in

Words = list[str]
"""A caption."""


@final
class CaptionScore(Metric):
    """Keeps the words of `samples`, one caption an image, and of `references`, several an image, and scores them once.

    Args:
        samples: the space of captions.
        references: the space of their references.
        score: the value of all captions and the references of their images.
        unit: of the value.
        alone: what `remark` says of a single image.
    """

    direction = "higher"

    def __init__(
        self,
        *,
        samples: Tokens,
        references: Captions,
        score: Callable[[list[Words], list[list[Words]]], float | dict[str, float]],
        unit: str,
        alone: str = "",
    ) -> None:
        super().__init__()
        self.samples, self.references = samples, references
        self.score, self.unit, self.alone = score, unit, alone
        self.images: list[tuple[Words, list[Words]]] = []
        self.unknown = dict.fromkeys(("samples", "references"), 0)

    def reset(self) -> None:
        self.images.clear()
        self.unknown = dict.fromkeys(self.unknown, 0)

    def update(self, outcome: Outcome) -> None:
        samples, references = outcome["samples"], outcome["references"]
        captions = words_in(self.samples, samples)
        several = [words_in(self.references.tokens, each) for each in references]
        if len(captions) != len(several[0]):
            raise ValueError(f"`samples` must be as many as `references`, {len(several[0])}, but are {len(captions)}")
        self.images += zip(captions, map(list, zip(*several, strict=True)), strict=True)
        for name, space, values in (
            ("samples", self.samples, (samples,)),
            ("references", self.references.tokens, references),
        ):
            self.unknown[name] += sum(
                int((value.data[value.mask] == space.vocabulary.unknown).sum()) for value in values
            )

    def merge(self, other: Any) -> None:
        self.images += other.images
        for name, count in other.unknown.items():
            self.unknown[name] += count

    def compute(self) -> float | dict[str, float]:
        """The score, in an order that depends on nothing but the captions; raises ValueError where there is none."""
        if not self.images:
            raise ValueError("`samples` must have a caption, but none was seen")
        ordered = sorted(self.images)
        return self.score([caption for caption, _ in ordered], [references for _, references in ordered])

    def remark(self) -> str:
        """How many captions have no word, what speaks against both sides being tokenised alike, unknown tokens."""
        captions = {
            "samples": [caption for caption, _ in self.images],
            "references": [reference for _, references in self.images for reference in references],
        }
        said = [self.alone] if self.alone and len(self.images) == 1 else []
        said += [
            f"{empty} of {len(texts)} `{name}` have no word"
            for name, texts in captions.items()
            if (empty := sum(not text for text in texts))
        ]
        said += differences(*(_counted(texts) for texts in captions.values()))
        unknown = [f"{count} of `{name}`" for name, count in self.unknown.items() if count]
        if unknown:
            said.append(f"unknown tokens, which match one another: {', '.join(unknown)}")
        return "; ".join(said)


def _counted(texts: Iterable[Words]) -> Counter[str]:
    return Counter(chain.from_iterable(texts))
