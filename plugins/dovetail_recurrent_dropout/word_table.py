"""What a tagger sees of a word: its static vector and how it is capitalised.

Paper: semeniuta2019, section 3.4.4: pretrained word2vec vectors (mikolov2013word2vec), kept as they are, and
capitalisation features, which are collobert2011's, one-hot.

Axes: word feature.

*Differs from the paper:* it does not say what words without a vector get; here each gets a random one of its own, the
same everywhere, as large as the file's are on average.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dovetail import Mistake, Vocabulary
from dovetail.randomness import stream

CAPITALS = ("none", "lower", "initial", "upper", "mixed")
DEVIATION = 0.1  # of random vectors where there is no file


def capitals_of(word: str) -> int:
    """The number of the word's sort in `CAPITALS`: without letters, all lower, first upper, all upper, or mixed."""
    letters = [letter for letter in word if letter.isalpha()]
    if not letters:
        return 0
    if all(letter.islower() for letter in letters):
        return 1
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return 3
    return 2 if word[0].isupper() and not any(letter.isupper() for letter in letters[1:]) else 4


def word_table(vocabulary: Vocabulary, vectors: Path | None, size: int) -> Tensor:
    """Each symbol's vector and, behind it, its capitalisation; zeros for padding, start and end.

    Args:
        vocabulary: the words, as they are written.
        vectors: a word2vec or GloVe text file; every word has a random vector of its own where it is None.
        size: of random vectors where there is no file.

    Shape: (word, vector + 5).
    """
    known = None if vectors is None else read_vectors(vectors)
    deviation = DEVIATION if known is None else float(known.vectors.std())
    width = size if known is None else known.vector_size
    table = torch.zeros(len(vocabulary), width + len(CAPITALS))
    for number, word in enumerate(vocabulary.symbols):
        if number in (vocabulary.pad, vocabulary.start, vocabulary.end):
            continue
        entry = next((form for form in (word, word.lower()) if known is not None and form in known), None)
        if entry is None:
            table[number, :width] = deviation * torch.randn(width, generator=stream(0, "word", word))
        else:
            table[number, :width] = torch.tensor(known[entry])
        table[number, width + capitals_of(word)] = 1.0
    return table


def has_header(path: Path) -> bool:
    """Whether the first line is two numbers, how many words and of what size (word2vec), or a word's (GloVe).

    Raises ValueError with the line that has another size or is not UTF-8, and where words are missing or too many:
    gensim would stretch a short vector, and stop where the first line says.
    """
    with path.open("rb") as file:
        first = file.readline().split()
        header = len(first) == 2
        size, words = int(first[1]) if header else len(first) - 1, int(not header)
        for number, line in enumerate(file, start=2):
            if len(line.split()) != size + 1:
                raise ValueError(
                    f"line {number} must have a word and {size} numbers, but has {len(line.split())} columns"
                )
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"line {number} must be UTF-8, but byte {line[error.start]:#04x} is not") from error
            words += 1
    if header and words != int(first[0]):
        raise ValueError(f"the first line says {int(first[0])} words, but there are {words}")
    return header


def read_vectors(path: Path) -> Any:
    """The `KeyedVectors` of gensim, from a text file with a first line of two numbers (word2vec) or without (GloVe).

    Raises:
        Mistake: where gensim is not installed, or the file is none of the two; with the line that is not as the first.
    """
    try:
        from gensim.models import KeyedVectors  # an extra
    except ImportError as error:
        raise Mistake(
            f"`vectors` needs gensim to read {path}, which is not installed: pip install 'dovetail[ner]'"
        ) from error
    try:
        header = has_header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # gensim leaves a file without a header open
            return KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=not header)
    except OSError as error:
        raise Mistake(
            f"`vectors` must be a file of word vectors, but cannot be read: {path}: {error.strerror}"
        ) from error
    except (ValueError, EOFError) as error:
        raise Mistake(
            f"`vectors` must be a word2vec or GloVe text file, each line a word and its numbers: {path}: {error}"
        ) from error
