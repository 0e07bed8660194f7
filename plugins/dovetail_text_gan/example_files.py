"""Tiny corpora and vectors of random values in the published formats, for the examples of what reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
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


def write_vectors(file: Path, words: Iterable[str], size: int) -> None:
    """Random vectors of these words, as GloVe has them."""
    random = np.random.default_rng(size)
    lines = [" ".join([word, *(f"{value:.4f}" for value in random.normal(size=size))]) for word in words]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def with_vectors(folder: Path) -> dict[str, Any]:
    """The values of an InferSent of 2 · 3 features whose word vectors are from a file."""
    write_vectors(folder / "vectors.txt", ["<s>", "</s>", *"abcd"], 4)
    return {"vectors": str(folder / "vectors.txt"), "hidden": 3}


def sentence_transformer(size: int) -> Callable[[Path], dict[str, Any]]:
    """The values of an encoder by a model of sentence-transformers: the mean of random vectors of a few words."""

    def values_in(folder: Path) -> dict[str, Any]:
        from sentence_transformers import SentenceTransformer  # an extra
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.pre_tokenizers import Whitespace

        from dovetail_text_gan.sbert import quiet

        words = ["<unknown>", *"abcde", "the", "cat", "sees", "dogs"]
        tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
        tokenizer.pre_tokenizer = Whitespace()
        weights = np.random.default_rng(size).normal(size=(len(words), size)).astype(np.float32)
        module = StaticEmbedding(tokenizer, embedding_weights=weights)
        with quiet():
            SentenceTransformer(modules=[module], device="cpu").save(str(folder / "model"))
        return {"model": str(folder / "model"), "size": size}

    return values_in
