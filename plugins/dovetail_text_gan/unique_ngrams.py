"""How many different n-grams the samples have together: the number of unique 4-grams in semeniuta2019, Table 5.4.

It grows with the number of samples and with their length: compare equal numbers of samples only. Noise has more of them
than language.
"""

from __future__ import annotations

from typing import Any, final

from attrs import field, frozen

from dovetail import Fields, Metric, MetricSpec, Outcome, Tokens, within
from dovetail_text_gan.splitting import Splitting, Words, words_of


@frozen(kw_only=True)
class UniqueNgramsSpec(MetricSpec):
    """The number of different n-grams in all samples together."""

    needs = ("samples",)
    takes = {"samples": (Tokens,)}
    n: int = field(default=4, validator=within("[1, inf)"))
    """How many words an n-gram has."""
    tokenizer: Splitting = "none"
    """The tokens as they are, or the text's words by the Penn Treebank's rules (NLTK)."""

    def build(self, *, outcome: Fields) -> UniqueNgrams:
        return UniqueNgrams(space=outcome["samples"], n=self.n, tokenizer=self.tokenizer)


@final
class UniqueNgrams(Metric):
    """Keeps the n-grams that it has seen."""

    direction = "higher"
    unit = "n-grams"

    def __init__(self, *, space: Tokens, n: int = 4, tokenizer: Splitting = "none") -> None:
        super().__init__()
        self.space, self.n, self.tokenizer = space, n, tokenizer
        self.reset()

    def reset(self) -> None:
        self.ngrams: set[tuple[str, ...]] = set()
        self.sentences = 0

    def update(self, outcome: Outcome) -> None:
        sentences = words_of(self.space, outcome["samples"], self.tokenizer)
        self.ngrams.update(ngram for words in sentences for ngram in ngrams_of(words, self.n))
        self.sentences += len(sentences)

    def merge(self, other: Any) -> None:
        self.ngrams |= other.ngrams
        self.sentences += other.sentences

    def compute(self) -> float:
        if not self.sentences:
            raise ValueError("`samples` must have a sentence, but none was seen")
        return float(len(self.ngrams))


def ngrams_of(words: Words, n: int) -> zip[tuple[str, ...]]:
    """The n-grams of a sentence; none where it is shorter."""
    return zip(*(words[start:] for start in range(n)), strict=False)
