"""Vocabularies made from text: the symbols that occur, and arrays of their numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dovetail import Vocabulary

Numbers = NDArray[np.int64]

UNKNOWN_WORD = "<unk>"
"""What prepared corpora (the Penn treebank's) have in the place of rare words."""


def codes_of(text: str) -> NDArray[np.uint32]:
    """The code point of each character. Shape: (characters)."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def vocabulary_of_characters(codes: NDArray[np.uint32]) -> Vocabulary:
    """The characters that occur, in the order of their code points."""
    return Vocabulary.of(text_of(np.unique(codes)), joiner="")


def text_of(codes: NDArray[np.uint32]) -> str:
    """The text of code points."""
    return codes.tobytes().decode("utf-32-le")


def encode_characters(codes: NDArray[np.uint32], vocabulary: Vocabulary) -> Numbers:
    """The number of each character. Shape: (characters)."""
    special = len(vocabulary.SPECIAL)
    known = codes_of("".join(vocabulary.symbols[special:]))
    at = np.searchsorted(known, codes).clip(max=max(len(known) - 1, 0))
    return np.where(known[at] == codes, at + special, vocabulary.unknown).astype(np.int64)


def vocabulary_of_words(words: list[str], most: int | None = None, min_count: int = 1) -> Vocabulary:
    """The words that occur at least `min_count` times, the most frequent first, equals in alphabetical order.

    The special symbols' names and `<unk>` are no words of their own.
    """
    counts = Counter(words)
    for special in (*Vocabulary.SPECIAL, UNKNOWN_WORD):
        counts.pop(special, None)
    frequent = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    return Vocabulary.of(frequent[:most])


def encode_words(words: list[str], vocabulary: Vocabulary) -> Numbers:
    """The number of each word. Shape: (words)."""
    return np.array(vocabulary.encode(words), dtype=np.int64)
