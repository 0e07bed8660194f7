"""Texts from files: running text cut into windows of words or characters, or one example a line.

Axes: batch time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from attrs import field, frozen

from dovetail import DatasetSpec, Fields, Mistake, Padded, Tokens, Vocabulary, within
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of
from dovetail_standard.text_files import SPLITS, cut, read_texts, refuse_longer
from dovetail_standard.vocabularies import (
    Numbers,
    codes_of,
    encode_characters,
    encode_words,
    vocabulary_of_characters,
    vocabulary_of_words,
)

Unit = Literal["stream", "line"]
TooLong = Literal["refuse", "leave-out"]

END = Vocabulary.SPECIAL[2]


@frozen(kw_only=True)
class TextWordsSpec(DatasetSpec):
    """Words between white space, in windows of running text or line by line.

    `<unk>` in the text is the unknown symbol, as in the Penn treebank's files.
    """

    path: Path = field(metadata={"identity": False})
    """A UTF-8 text file, or a folder of *.txt files, which may be named after the splits (`ptb.train.txt`)."""
    unit: Unit = "stream"
    """An example is a window of the running text, or a line that is not blank."""
    window: int = field(default=35, validator=within("[1, inf)"))
    """Words of a window; windows follow one another without overlap."""
    longest: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of a line, its end counted, where lines are examples."""
    too_long: TooLong = field(default="refuse", metadata={"added": True})
    """What becomes of longer lines: they are an error, or left out."""
    end_of_line: bool = True
    """In running text the end symbol stands where a line ends; lines as examples always end with it."""
    vocabulary_from: Literal["train", "all"] = "train"
    """The splits whose words are known."""
    vocabulary_size: int | None = field(default=None, validator=within("[1, inf)"))
    """Only so many of the most frequent words are known."""
    min_count: int = field(default=1, validator=within("[1, inf)"))
    """Words must occur so often to be known."""
    valid_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the text, before `test`, that is `valid` where no file is named after it."""
    test_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the text, its end, that is `test` where no file is named after it."""

    def build(self) -> ArrayDataset:
        line_end = f" {END} " if self.end_of_line else " "
        if self.unit == "line" and self.longest is not None and self.too_long == "refuse":
            refuse_longer(self.path, self.longest, lambda line: len(line.split()))
        texts = read_texts(self.path)
        parts: dict[str, list[Any]]
        if self.unit == "line":
            parts = {name: [line.split() for line in lines_of(text)] for name, text in texts.items()}
        else:
            parts = {name: text.replace("\n", line_end).split() for name, text in texts.items()}
        splits = cut(parts, self.valid_fraction, self.test_fraction, self.path)
        known = [part for name in SPLITS if name == "train" or self.vocabulary_from == "all" for part in splits[name]]
        words = [word for line in known for word in line] if self.unit == "line" else known
        vocabulary = vocabulary_of_words(words, self.vocabulary_size, self.min_count)
        if self.unit == "line":
            lines = {name: [encode_words(line, vocabulary) for line in part] for name, part in splits.items()}
            return dataset_of_lines(lines, vocabulary, self.longest, self.path)
        streams = {name: encode_words(part, vocabulary) for name, part in splits.items()}
        return dataset_of_windows(streams, vocabulary, self.window, self.path)


@frozen(kw_only=True)
class TextCharsSpec(DatasetSpec):
    """Characters, in windows of running text, where a line's end is one of them, or line by line."""

    path: Path = field(metadata={"identity": False})
    """A UTF-8 text file, or a folder of *.txt files, which may be named after the splits (`ptb.train.txt`)."""
    unit: Unit = "stream"
    """An example is a window of the running text, or a line that is not blank, with the end symbol."""
    window: int = field(default=100, validator=within("[1, inf)"))
    """Characters of a window; windows follow one another without overlap."""
    longest: int | None = field(default=None, validator=within("[1, inf)"))
    """The most characters of a line, its end counted, where lines are examples."""
    too_long: TooLong = field(default="refuse", metadata={"added": True})
    """What becomes of longer lines: they are an error, or left out."""
    vocabulary_from: Literal["train", "all"] = "train"
    """The splits whose characters are known."""
    valid_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the text, before `test`, that is `valid` where no file is named after it."""
    test_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the text, its end, that is `test` where no file is named after it."""

    def build(self) -> ArrayDataset:
        by_line = self.unit == "line"
        if by_line and self.longest is not None and self.too_long == "refuse":
            refuse_longer(self.path, self.longest, len)
        texts = read_texts(self.path)
        parts = {name: lines_of(text) if by_line else codes_of(text) for name, text in texts.items()}
        splits = cut(parts, self.valid_fraction, self.test_fraction, self.path)
        if by_line:
            splits = {name: [codes_of(line) for line in part] for name, part in splits.items()}
        names = SPLITS if self.vocabulary_from == "all" else ("train",)
        known = [part for name in names for part in (splits[name] if by_line else [splits[name]])]
        vocabulary = vocabulary_of_characters(np.concatenate(known) if known else codes_of(""))
        if by_line:
            lines = {name: [encode_characters(line, vocabulary) for line in part] for name, part in splits.items()}
            return dataset_of_lines(lines, vocabulary, self.longest, self.path)
        streams = {name: encode_characters(part, vocabulary) for name, part in splits.items()}
        return dataset_of_windows(streams, vocabulary, self.window, self.path)


def lines_of(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in text.split("\n") if line.strip()]


def dataset_of_windows(streams: dict[str, Numbers], vocabulary: Vocabulary, window: int, path: Path) -> ArrayDataset:
    """Consecutive windows of each split's text; the last one may be shorter. Shape: streams (tokens)."""
    splits = {}
    for name, tokens in streams.items():
        ends = range(window, len(tokens) + window, window)
        splits[name] = _padded([tokens[end - window : end] for end in ends], vocabulary, window, name, path)
    return _dataset(splits, vocabulary, window)


def dataset_of_lines(
    lines: dict[str, list[Numbers]], vocabulary: Vocabulary, longest: int | None, path: Path
) -> ArrayDataset:
    """One example a line, with the end symbol; those longer than `longest` are left out. Shape: each line (tokens)."""
    ended = {
        name: [np.append(line, vocabulary.end) for line in part if longest is None or len(line) < longest]
        for name, part in lines.items()
    }
    length = longest or max((len(line) for part in ended.values() for line in part), default=1)
    splits = {name: _padded(part, vocabulary, length, name, path) for name, part in ended.items()}
    return _dataset(splits, vocabulary, length)


def _padded(examples: list[Numbers], vocabulary: Vocabulary, length: int, name: str, path: Path) -> Padded:
    if not examples:
        raise Mistake(f"`longest` must leave lines, but {length} leaves none in `{name}`: {path}")
    lengths = np.array([len(example) for example in examples])
    data = np.full((len(examples), length), vocabulary.pad)
    data[np.arange(length) < lengths[:, None]] = np.concatenate(examples)
    return Padded(torch.from_numpy(data), torch.from_numpy(lengths))


def _dataset(splits: dict[str, Padded], vocabulary: Vocabulary, length: int) -> ArrayDataset:
    return ArrayDataset(
        fields=Fields({"text": Tokens(vocabulary, length)}),
        splits={name: ArraySplit(fields={"text": splits[name]}) for name in SPLITS},
        fingerprint=fingerprint_of(vocabulary, [splits[name] for name in SPLITS]),
    )
