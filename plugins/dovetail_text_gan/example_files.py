"""Tiny corpora of random sentences in the published formats, for the examples of the datasets that read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dovetail_standard.example_files import WORDS
from dovetail_text_gan.nli_files import CORPORA, Corpus
from dovetail_text_gan.nli_pairs import NONE, RELATIONS

PAIRS = {"train": 9, "valid": 4, "test": 5}
TOPICS = ("fiction", "travel", "letters")


def write_snli(folder: Path, number: int) -> None:
    """SNLI's three files, of a few pairs."""
    _write(folder, "snli", number)


def write_multinli(folder: Path, number: int) -> None:
    """MultiNLI's three files, of a few pairs with topics, in the folder in which they are published."""
    (inner := folder / CORPORA["multinli"].folder).mkdir(exist_ok=True)
    _write(inner, "multinli", number)


def _write(folder: Path, corpus: Corpus, number: int) -> None:
    random = np.random.default_rng(number)

    def line() -> dict[str, Any]:
        one, other = (" ".join(random.choice(WORDS, size=random.integers(3, 8))) for _ in range(2))
        pair = {"gold_label": str(random.choice([*RELATIONS, NONE])), "sentence1": one, "sentence2": other}
        return pair if corpus == "snli" else {**pair, "genre": str(random.choice(TOPICS))}

    for split, count in PAIRS.items():
        lines = [json.dumps(line()) for _ in range(count)]
        (folder / CORPORA[corpus].files[split]).write_text("\n".join(lines) + "\n", encoding="utf-8")
