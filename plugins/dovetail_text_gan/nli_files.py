"""SNLI (bowman2015snli) and MultiNLI (williams2018multinli) in the JSON lines in which they are published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from attrs import frozen

from dovetail import Mistake
from dovetail_standard.text_files import read_text

Corpus = Literal["snli", "multinli"]


@frozen
class Published:
    """Where a corpus comes from: its name, its folder, the file of each split, and its address."""

    name: str
    folder: str
    files: dict[str, str]
    address: str


CORPORA: dict[Corpus, Published] = {
    "snli": Published(
        "SNLI",
        "snli_1.0",
        {"train": "snli_1.0_train.jsonl", "valid": "snli_1.0_dev.jsonl", "test": "snli_1.0_test.jsonl"},
        "https://nlp.stanford.edu/projects/snli/snli_1.0.zip",
    ),
    "multinli": Published(
        "MultiNLI",
        "multinli_1.0",
        {
            "train": "multinli_1.0_train.jsonl",
            "valid": "multinli_1.0_dev_matched.jsonl",
            "test": "multinli_1.0_dev_mismatched.jsonl",
        },
        "https://cims.nyu.edu/~sbowman/multinli/multinli_1.0.zip",
    ),
}


class Pair(NamedTuple):
    """A line: two sentences, without white space around them, its other text fields, and where it is from."""

    premise: str
    hypothesis: str
    fields: tuple[str, ...]
    place: tuple[Path, int]


def read_pairs(path: Path, corpus: Corpus, *fields: str) -> dict[str, list[Pair]]:
    """The pairs of each split, with these of their other fields.

    Raises:
        Mistake: where a file is missing, with how to get it; where a line is no JSON object with these fields, with
            file and line.
    """
    published = CORPORA[corpus]
    folder = path if (path / published.files["train"]).is_file() else path / published.folder
    missing = [name for name in published.files.values() if not (folder / name).is_file()]
    if missing:
        lacks = f"lacks {', '.join(missing)}: get {published.address} and unpack it there"
        file = "is a file: sentences, one a line, are read by dataset=text-gan/sentences"
        wrong = file if path.is_file() else lacks
        raise Mistake(f"{path} must be a folder with {published.name} as it is published, but {wrong}")
    return {split: list(_pairs(folder / name, fields)) for split, name in published.files.items()}


def _pairs(file: Path, fields: tuple[str, ...]) -> Iterator[Pair]:
    wanted = ("sentence1", "sentence2", *fields)
    for number, line in enumerate(read_text(file).removesuffix("\n").split("\n"), start=1):
        fault = f"{file}, line {number}: must be a JSON object with the texts {', '.join(wanted)}"
        try:
            value: Any = json.loads(line)
        except ValueError as error:
            raise Mistake(f"{fault}, but is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise Mistake(f"{fault}, but is a {type(value).__name__}")
        found = [value.get(name) for name in wanted]
        if wrong := [name for name, text in zip(wanted, found, strict=True) if not isinstance(text, str)]:
            raise Mistake(f"{fault}, but has no text `{wrong[0]}`")
        premise, hypothesis, *others = found
        yield Pair(premise.strip(), hypothesis.strip(), tuple(others), (file, number))
