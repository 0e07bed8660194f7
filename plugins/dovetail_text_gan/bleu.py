"""BLEU of samples: how many of their n-grams are in the references.

Paper: papineni2002bleu, Section 2, of single sentences: each sample against all references, and then the mean over
samples, as papers on text GANs report it. Smoothing: chen2014smoothing, method 1.

    p_n = Σ_g min(count of g in the sample, its largest count in a reference) / number of n-grams in the sample
    BLEU-N = min(1, exp(1 - r / c)) · (p_1 ⋯ p_N)^(1/N)

g runs over the sample's n-grams, c is the sample's number of words and r the closest one of a reference, the smaller of
two. ε = 0.1 stands for a numerator that is 0, and 1 for a denominator that is. A sample without any word of a reference
scores 0. These are the numbers of NLTK's `sentence_bleu`. Unknown tokens match one another, and `remark` counts them.

*Not covered:* other weights than 1/N; the BLEU of a corpus, which sums over all samples before it divides.

Axes: order (n-grams of 1, 2, … words) sample.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, final

import numpy as np
from attrs import Attribute, field, frozen, validators
from numpy.typing import NDArray

from dovetail import Fields, Metric, MetricSpec, Outcome, Tokens, within
from dovetail_standard.ngrams import Integers, counts_of, lengths_of
from dovetail_standard.tokenisation import differences
from dovetail_text_gan.splitting import Splitting, Words, words_of

EPSILON = 0.1
Scores = dict[int, NDArray[np.float64]]
"""BLEU-N by N. Shape: (sample) each."""


def different(_: Any, attribute: Attribute[Any], value: tuple[int, ...]) -> None:
    """A validator: there is something in it, and nothing twice."""
    if not value or len(set(value)) < len(value):
        raise ValueError(f"`{attribute.name}` must be different numbers, at least one, but is {list(value)}")


@frozen(kw_only=True)
class BleuSpec(MetricSpec):
    """Mean sentence BLEU of samples against all references; a table by N."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,), "references": (Tokens,)}
    orders: tuple[int, ...] = field(default=(2, 3, 4, 5), validator=validators.and_(within("[1, inf)"), different))
    """The N of BLEU-N, all at once: n-grams of 1 to N words count."""
    tokenizer: Splitting = "none"
    """The tokens as they are, or the text's words by the Penn Treebank's rules (NLTK), as Texygen has them."""

    def build(self, *, outcome: Fields) -> Bleu:
        spaces = {name: outcome[name] for name in self.needs}
        return Bleu(spaces=spaces, orders=self.orders, tokenizer=self.tokenizer)


def bleu(samples: Sequence[Words], references: Sequence[Words], orders: Iterable[int]) -> Scores:
    """BLEU-N of each sample against all references."""
    number, lengths, orders = len(samples), lengths_of(samples), tuple(orders)
    matches = []
    for counts in counts_of([*samples, *references], max(orders)):
        sampled = counts.sentence < number
        limit = counts.largest(~sampled)[counts.ngram]
        clipped = np.minimum(counts.count, limit)
        matches.append(np.bincount(counts.sentence[sampled], clipped[sampled], number))
    return scores(np.stack(matches), lengths, closest(lengths, lengths_of(references)), orders)


def closest(lengths: Integers, references: Integers) -> Integers:
    """Each sample's r: the closest length of a reference, the smaller of two. Shape: as `lengths`."""
    own, places = np.unique(lengths, return_inverse=True)
    others = np.unique(references)
    return others[np.abs(own[:, None] - others).argmin(axis=1)][places]


def scores(matches: NDArray[Any], lengths: Integers, closest: Integers, orders: Iterable[int]) -> Scores:
    """BLEU-N from the numerators of p_n. Shape: matches (order, sample), lengths and closest (sample)."""
    n = np.arange(1, len(matches) + 1)[:, None]
    precisions = np.where(matches > 0, matches, EPSILON) / np.maximum(lengths - n + 1, 1)
    means = np.exp(np.log(precisions).cumsum(axis=0) / n)
    penalty = np.exp(np.minimum(1 - closest / np.maximum(lengths, 1), 0))
    return {order: np.where(matches[0] > 0, penalty * means[order - 1], 0.0) for order in orders}


def table(scores: Scores) -> dict[str, float]:
    """The mean of each N over samples; the same to the last bit in any order of them."""
    return {str(order): math.fsum(values) / len(values) for order, values in scores.items()}


@final
class Bleu(Metric):
    """Keeps the words of both sides, and scores them at once."""

    direction = "higher"
    unit = "BLEU"

    def __init__(
        self, *, spaces: Mapping[str, Tokens], orders: tuple[int, ...] = (2, 3, 4, 5), tokenizer: Splitting = "none"
    ) -> None:
        super().__init__()
        self.spaces, self.orders, self.tokenizer = dict(spaces), orders, tokenizer
        self.reset()

    def reset(self) -> None:
        self.words: dict[str, list[Words]] = {name: [] for name in self.spaces}
        self.unknown = dict.fromkeys(self.spaces, 0)

    def update(self, outcome: Outcome) -> None:
        for name, space in self.spaces.items():
            value = outcome[name]
            self.words[name] += words_of(space, value, self.tokenizer)
            self.unknown[name] += int((value.data[value.mask] == space.vocabulary.unknown).sum())

    def merge(self, other: Any) -> None:
        for name in self.spaces:
            self.words[name] += other.words[name]
            self.unknown[name] += other.unknown[name]

    def compute(self) -> dict[str, float]:
        for name, words in self.words.items():
            if not words:
                raise ValueError(f"`{name}` must have a sentence, but none was seen")
        return table(bleu(self.words["samples"], self.words["references"], self.orders))

    def remark(self) -> str:
        counted = [Counter(chain.from_iterable(self.words[name])) for name in ("samples", "references")]
        said = list(differences(*counted))
        if said and self.tokenizer == "none":
            said.append('were both tokenised in the same way? `tokenizer = "treebank"` does both')
        unknown = [f"{count} of `{name}`" for name, count in self.unknown.items() if count]
        if unknown:
            said.append(f"unknown tokens, which match one another: {', '.join(unknown)}")
        return "; ".join(said)
