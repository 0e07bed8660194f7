"""Self-BLEU: BLEU of samples against other samples of the same generator. It is high where they are alike.

Papers: zhu2018texygen, each sample against all the others (`leave-one-out`); semeniuta2019, Section 5.6.3, one set of
samples against a second one (`two-samples`). Scores, smoothing and brevity penalty are those of BLEU.

Both sets of `two-samples` come out of one: the samples, in an order that depends on nothing but themselves, are
shuffled and halved. That is drawing half as many twice, whatever batches they came in. Sets of n samples need 2n
samples; and where another program drew both, `text-gan/bleu` of one with the other as references is this metric.

For `leave-one-out`, an n-gram's limit is its largest count in a sample, and its second largest for the one sample that
has it more often than any other.

*Differs from the paper:* the thesis does not say how many samples it drew. Values of more samples are higher: compare
equal numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, final

import numpy as np
import torch
from attrs import field, frozen, validators

from dovetail import Fields, Metric, MetricSpec, Outcome, Tokens, within
from dovetail.randomness import stream
from dovetail_standard.ngrams import Integers, counts_of, lengths_of
from dovetail_text_gan.bleu import Scores, bleu, different, scores, table
from dovetail_text_gan.splitting import Splitting, Words, words_of

Form = Literal["leave-one-out", "two-samples"]


@frozen(kw_only=True)
class SelfBleuSpec(MetricSpec):
    """Mean sentence BLEU of samples against other samples; a table by N."""

    needs = ("samples",)
    takes = {"samples": (Tokens,)}
    form: Form = "leave-one-out"
    """Each sample against all the others; or one random half of them against the other."""
    orders: tuple[int, ...] = field(default=(2, 3, 4, 5), validator=validators.and_(within("[1, inf)"), different))
    """The N of BLEU-N, all at once: n-grams of 1 to N words count."""
    tokenizer: Splitting = "none"
    """The tokens as they are, or the text's words by the Penn Treebank's rules (NLTK), as Texygen has them."""

    def build(self, *, outcome: Fields) -> SelfBleu:
        return SelfBleu(space=outcome["samples"], form=self.form, orders=self.orders, tokenizer=self.tokenizer)


def self_bleu(samples: Sequence[Words], orders: Iterable[int]) -> Scores:
    """BLEU-N of each sample against all the others, of which there must be one."""
    lengths, orders = lengths_of(samples), tuple(orders)
    matches = []
    for counts in counts_of(samples, max(orders)):
        largest = counts.largest()
        has_it = counts.count == largest[counts.ngram]
        only_one = np.bincount(counts.ngram[has_it], minlength=counts.distinct) == 1
        second = counts.largest(~has_it)
        limit = np.where(has_it & only_one[counts.ngram], second[counts.ngram], largest[counts.ngram])
        matches.append(np.bincount(counts.sentence, np.minimum(counts.count, limit), len(samples)))
    return scores(np.stack(matches), lengths, closest_other(lengths), orders)


def closest_other(lengths: Integers) -> Integers:
    """Each sample's r among the others: its own length, where another one has that, too. Shape: as `lengths`."""
    own, places, count = np.unique(lengths, return_inverse=True, return_counts=True)
    distance = np.abs(own[:, None] - own).astype(float)
    np.fill_diagonal(distance, np.where(count > 1, 0, np.inf))
    return own[distance.argmin(axis=1)][places]


def halves(samples: Sequence[Words]) -> tuple[list[Words], list[Words]]:
    """Two random halves, the same whatever order the samples come in; the second has one more of an odd number."""
    ordered = sorted(samples)
    order = torch.randperm(len(ordered), generator=stream(0, "self-bleu")).tolist()
    shuffled = [ordered[place] for place in order]
    return shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]


@final
class SelfBleu(Metric):
    """Keeps the words of all samples, and scores them at once."""

    direction = "lower"
    unit = "BLEU"

    def __init__(
        self,
        *,
        space: Tokens,
        form: Form = "leave-one-out",
        orders: tuple[int, ...] = (2, 3, 4, 5),
        tokenizer: Splitting = "none",
    ) -> None:
        super().__init__()
        self.space, self.form, self.orders, self.tokenizer = space, form, orders, tokenizer
        self.reset()

    def reset(self) -> None:
        self.words: list[Words] = []

    def update(self, outcome: Outcome) -> None:
        self.words += words_of(self.space, outcome["samples"], self.tokenizer)

    def merge(self, other: Any) -> None:
        self.words += other.words

    def compute(self) -> dict[str, float]:
        if len(self.words) < 2:
            raise ValueError(f"`samples` must be at least 2 to be compared with one another, but are {len(self.words)}")
        if self.form == "leave-one-out":
            return table(self_bleu(self.words, self.orders))
        return table(bleu(*halves(self.words), self.orders))
