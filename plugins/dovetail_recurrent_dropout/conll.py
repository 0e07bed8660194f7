"""Named entities in the column format of the CoNLL shared tasks: a word a line, an empty line behind each sentence.

Paper: tjong2003conll; semeniuta2019, section 3.4.4. Fields: `input` (each word's static features), `words`, `label`.

Axes: batch time feature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from attrs import field, frozen

from dovetail import DatasetSpec, Fields, Labels, Mistake, Tokens, within
from dovetail_recurrent_dropout.spans import OUTSIDE, RULES, Scheme, first_fault
from dovetail_recurrent_dropout.word_split import WordSplit, with_input
from dovetail_recurrent_dropout.word_table import word_table
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.text_files import SPLITS, read_text
from dovetail_standard.vocabularies import encode_words, vocabulary_of_words

COLUMNS = ("word", "pos", "chunk", "entity")  # of CoNLL-2003's English files
DOCUMENT = "-DOCSTART-"
NAMES = {"train": {"train"}, "valid": {"valid", "val", "dev", "testa"}, "test": {"test", "testb"}}


class Sentence(NamedTuple):
    """Words and their labels."""

    words: list[str]
    labels: list[str]


class Format(NamedTuple):
    """How lines are to be read: how many columns, which hold words and labels, and the labels' scheme."""

    columns: int
    word: int
    label: int
    scheme: Scheme


@frozen(kw_only=True)
class ConllSpec(DatasetSpec):
    """A corpus in the column format, as files of one folder."""

    path: Path = field(metadata={"identity": False})
    """A folder with a file for each split: `eng.train`, `eng.testa` and `eng.testb`, or `train`, `valid` (`dev`) and
    `test` with any ending."""
    columns: tuple[str, ...] = COLUMNS
    """The names of the columns from left to right, which white space parts."""
    word: str = "word"
    """The column of the words."""
    label: str = "entity"
    """The column of the labels."""
    scheme: Scheme = "iob1"
    """How the labels write entities; CoNLL-2003's own files are in iob1. Labels that are not are an error."""
    vectors: Path | None = field(default=None, metadata={"identity": False})
    """A word2vec or GloVe text file (section 3.4.4; needs the extra `ner`); without it each word has a random vector
    of its own."""
    vector_size: int = field(default=300, validator=within("[1, inf)"))
    """Size of random vectors where there is no file."""
    crop: int = field(default=15, validator=within("[1, inf)"))
    """Training sees so many words of a sentence in a row, at a place drawn anew each epoch (section 3.4.4)."""

    def build(self) -> ArrayDataset:
        for name in (self.word, self.label):
            if name not in self.columns:
                raise Mistake(f"`columns` must name the column `{name}`, but are {', '.join(self.columns)}")
        word, label = self.columns.index(self.word), self.columns.index(self.label)
        form = Format(len(self.columns), word, label, self.scheme)
        files = files_of(self.path)
        sentences = {split: sentences_of(read_text(file), file, split, form) for split, file in files.items()}
        return dataset_of(sentences, self.vectors, self.vector_size, self.crop)


def files_of(path: Path) -> dict[str, Path]:
    """The one file of each split in a folder."""
    if not path.is_dir():
        raise Mistake(
            f"`path` must be a folder with files in the CoNLL format, but is none: {path}; CoNLL-2003 is to be had from"
            " its organisers, and `dataset=recurrent-dropout/conll-stand-in` generates a stand-in"
        )
    files = {}
    for split, names in NAMES.items():
        found = [file for file in sorted(path.iterdir()) if names & set(re.split(r"[^a-z]+", file.name.lower()))]
        if len(found) != 1:
            held = ", ".join(file.name for file in found) or "none"
            raise Mistake(
                f"`path` must hold one file for `{split}`, named {' or '.join(sorted(names))}, but holds {held}: {path}"
            )
        files[split] = found[0]
    return files


def sentences_of(text: str, file: Path, split: str, form: Format) -> list[Sentence]:
    """The sentences of a file's text; raises Mistake with file and line where it is not in the format."""
    sentences: list[Sentence] = []
    rows: list[list[str]] = []
    for line, content in enumerate([*text.split("\n"), ""], start=1):
        cells = content.split()
        if cells and cells[0] == DOCUMENT:
            continue
        if cells and len(cells) != form.columns:
            rule = f"a line must have {form.columns} columns, but has {len(cells)}"
            raise Mistake(f"{rule}: {file}, line {line}: {content!r}")
        if cells:
            rows.append(cells)
        elif rows:
            words, labels = ([row[place] for row in rows] for place in (form.word, form.label))
            _check(labels, form.scheme, file, line - len(rows))
            sentences.append(Sentence(words, labels))
            rows = []
    if not sentences:
        raise Mistake(f"`{split}` must have sentences, but has none: {file}")
    return sentences


def _check(labels: list[str], scheme: Scheme, file: Path, line: int) -> None:
    fault = first_fault(labels, scheme)
    if fault is not None:
        before = labels[fault - 1] if fault else "the sentence's begin"
        raise Mistake(
            f"labels must be in the scheme {scheme}, in which {RULES[scheme]}, but `{labels[fault]}` stands behind"
            f" {before}: {file}, line {line + fault}; `scheme` says which scheme it is"
        )


def dataset_of(
    sentences: Mapping[str, list[Sentence]], vectors: Path | None, vector_size: int, crop: int | None
) -> ArrayDataset:
    """The dataset of each split's sentences; only training is cropped."""
    every = [sentence for split in SPLITS for sentence in sentences[split]]
    vocabulary = vocabulary_of_words([word for sentence in every for word in sentence.words])
    names = (OUTSIDE, *sorted({label for sentence in every for label in sentence.labels} - {OUTSIDE}))
    longest = max(len(sentence.words) for sentence in every)
    spaces = Fields({"words": Tokens(vocabulary, longest), "label": Labels(longest, len(names), names)})
    table = word_table(vocabulary, vectors, vector_size)
    numbers = {name: number for number, name in enumerate(names)}
    examples = {
        split: {
            "words": [torch.from_numpy(encode_words(sentence.words, vocabulary)) for sentence in part],
            "label": [torch.tensor([numbers[label] for label in sentence.labels]) for sentence in part],
        }
        for split, part in sentences.items()
    }
    splits = {split: WordSplit(spaces, examples[split], table, crop if split == "train" else None) for split in SPLITS}
    fields = with_input(spaces, table)
    return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, examples, table))
