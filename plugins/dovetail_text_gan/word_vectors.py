"""Word vectors from a text file, GloVe's or word2vec's, for the words of a vocabulary alone.

Axes: word feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from dovetail import Mistake, Vocabulary

START, END = "<s>", "</s>"
"""What files of vectors call the beginning and the end of a sentence."""


def size_of(path: Path) -> int:
    """The size of a file's vectors: what its first line says (word2vec), or the numbers behind its first word."""
    first = next(_lines(path), "").split(" ")
    if len(first) < 2:
        raise Mistake(f"`vectors` must be a word a line with its numbers, but the first line is not: {path}")
    return int(first[1]) if _has_header(first) else len(first) - 1


def read_vectors(path: Path, vocabulary: Vocabulary) -> tuple[Tensor, int]:
    """The vector of each symbol, and how many of the words have one; the others are zeros.

    The file's `<s>` and `</s>` are start and end; padding and what is unknown have none.

    Raises:
        Mistake: where the file is no such, or the line of a known word has another size, with the line.

    Shape: (symbol, vector).
    """
    size = size_of(path)
    table = torch.zeros(len(vocabulary), size)
    numbers = {word: n for n, word in enumerate(vocabulary.symbols) if n >= len(Vocabulary.SPECIAL)}
    numbers |= {START: vocabulary.start, END: vocabulary.end}
    found = 0
    for number, line in enumerate(_lines(path), start=1):
        word, *values = line.rsplit(" ", size)  # some of GloVe's words have spaces
        place = None if number == 1 and _has_header(line.split(" ")) else numbers.get(word)
        if place is None:
            continue
        fault = f"`vectors` must be a word a line with its {size} numbers, but {path}, line {number}"
        if len(values) != size:
            raise Mistake(f"{fault}: there are {len(values)}")
        try:
            table[place] = torch.tensor([float(value) for value in values])
        except ValueError as error:
            raise Mistake(f"{fault}: {error}") from error
        found += place >= len(Vocabulary.SPECIAL)
    return table, found


def _has_header(first: list[str]) -> bool:
    """Whether a first line's fields are two numbers, how many words and of what size."""
    return len(first) == 2 and all(field.isdecimal() for field in first)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip(" \r\n")
    except OSError as error:
        raise Mistake(
            f"`vectors` must be a file of word vectors, but cannot be read: {path}: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise Mistake(f"`vectors` must be UTF-8 text, but is not: {path}: {error}") from error
