"""Sentences from files, one a line.

Axes: batch time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from attrs import Factory, field, frozen

from dovetail import DatasetSpec, Mistake, within
from dovetail_standard.arrays import ArrayDataset
from dovetail_standard.text_files import SPLITS, cut, files_of, read_text
from dovetail_text_gan.tokenized import LeaveOut, Row, dataset_of
from dovetail_text_gan.tokenizer import TokenizerSpec
from dovetail_text_gan.words import WordsSpec


@frozen(kw_only=True)
class SentencesSpec(DatasetSpec):
    """One sentence a line, as the field `text`; white space around it does not count."""

    path: Path = field(metadata={"identity": False})
    """A UTF-8 text file, or a folder of *.txt files, which may be named after the splits (`snli.train.txt`)."""
    tokenizer: TokenizerSpec = Factory(WordsSpec)
    """Learns its vocabulary from all sentences of `train`, whichever part of them is kept."""
    part: int = field(default=1, validator=within("[1, inf)"))
    """Which of the `of` parts of `train` is kept. Parts share no sentence, so a judge that was trained on one has seen
    nothing of another; they have one vocabulary, and the same `valid` and `test`."""
    of: int = field(default=1, validator=within("[1, inf)"))
    """So many parts of nearly equal size; which one a sentence is in follows from its text alone."""
    longest: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of a sentence, its end counted; those of the longest where it is not given."""
    too_long: LeaveOut = "refuse"
    """What becomes of longer sentences: they are an error, or left out."""
    empty: LeaveOut = "refuse"
    """What becomes of lines without a sentence, likewise."""
    valid_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the lines, before `test`, that is `valid` where no file is named after it."""
    test_fraction: float = field(default=0.05, validator=within("(0, 1)"))
    """Share of the lines, their end, that is `test` where no file is named after it."""

    def __attrs_post_init__(self) -> None:
        if self.part > self.of:
            raise ValueError(f"`part` must be at most `of`, which is {self.of}, but is {self.part}")

    def build(self) -> ArrayDataset:
        lines = {
            name: [row for file in files for row in read_lines(file)] for name, files in files_of(self.path).items()
        }
        rows: dict[str, list[Row]] = cut(lines, self.valid_fraction, self.test_fraction, self.path)
        said = {name: without_sentence(rows[name], self.empty) for name in SPLITS}
        rows = {name: [row for row in rows[name] if row.texts[0]] for name in SPLITS}
        tokenizer: Any = self.tokenizer.build(texts=[row.texts[0] for row in rows["train"]])
        if self.of > 1:
            whole = len(rows["train"])
            rows["train"] = [row for row in rows["train"] if part_of(row.texts[0], self.of) == self.part]
            said["train"] += f", part {self.part} of {self.of}: {len(rows['train'])} of {whole} sentences"
            if not rows["train"]:
                raise Mistake(f"`train` must have sentences, but part {self.part} of {self.of} has none: {self.path}")
        return dataset_of(rows, tokenizer, labels={}, longest=self.longest, too_long=self.too_long, said=said)


def part_of(text: str, parts: int) -> int:
    """Which of so many parts a sentence is in, from 1 on: the same wherever it stands, and for equal sentences."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % parts + 1


def read_lines(file: Path) -> list[Row]:
    """Each line of a file, without white space around it; what follows the last line's end is no line."""
    text = read_text(file)
    lines = text.removesuffix("\n").split("\n") if text else []
    return [Row((line.strip(),), place=(file, number)) for number, line in enumerate(lines, start=1)]


def without_sentence(rows: list[Row], empty: LeaveOut) -> str:
    """What is said of lines without a sentence; raises Mistake with the first where they are refused."""
    found = [row for row in rows if not row.texts[0]]
    if found and empty == "refuse":
        raise Mistake(
            f"a line must have a sentence, but {len(found)} of {len(rows)} have none, the first {found[0].where()};"
            ' `empty = "leave-out"` leaves them out'
        )
    return f", {len(found)} lines without a sentence are left out" if found else ""
