"""How often each n-gram is in each sentence, as arrays of integers.

Axes: sentence; word, of all sentences one behind the other; entry, an n-gram in a sentence that has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@frozen(eq=False)
class Counts:
    """How often the n-grams of one n are in each sentence that has them.

    Shape: sentence, ngram and count (entry). `ngram` are numbers below `distinct`.
    """

    sentence: Integers
    ngram: Integers
    count: Integers
    distinct: int

    def largest(self, among: Any = slice(None)) -> Integers:
        """The largest count of each n-gram in a sentence, among these entries; 0 without any. Shape: (distinct)."""
        largest = np.zeros(self.distinct, dtype=np.int64)
        np.maximum.at(largest, self.ngram[among], self.count[among])
        return largest


def counts_of(sentences: Sequence[Sequence[str]], longest: int) -> Iterator[Counts]:
    """The counts of unigrams, bigrams and so on, up to n-grams of `longest` words.

    An n-gram's number stands for the pair of its first n - 1 words' number and its last word's. Numbers have no gaps,
    and so a pair fits into an integer whatever n is.
    """
    lengths = lengths_of(sentences)
    numbers: dict[str, int] = {}
    numbered = (numbers.setdefault(word, len(numbers)) for word in chain.from_iterable(sentences))
    words = np.fromiter(numbered, np.int64, lengths.sum())
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(words))  # of the sentence, this word included
    start, ngram, distinct = np.arange(len(words)), words, len(numbers)
    for n in range(1, longest + 1):
        if n > 1:
            whole = left[start] >= n
            start = start[whole]
            different, ngram = np.unique(ngram[whole] * len(numbers) + words[start + n - 1], return_inverse=True)
            distinct = len(different)
        entries, count = np.unique(sentence[start] * distinct + ngram, return_counts=True)
        yield Counts(*np.divmod(entries, max(distinct, 1)), count, distinct)


def lengths_of(sentences: Sequence[Sequence[str]]) -> Integers:
    """How many words each sentence has. Shape: (sentence)."""
    return np.fromiter(map(len, sentences), np.int64, len(sentences))
