"""Small configurations of datasets, tokenizers, sentence encoders, their objectives, and scores of language models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dovetail import Fields, Label, Tokens, Vocabulary
from dovetail.testing import Example
from dovetail_standard.example_files import files, write_split_text, write_text
from dovetail_standard.strategy import Greedy
from dovetail_text_gan import conformance as _conformance  # noqa: F401 (registers the checks of `tokenizer`)
from dovetail_text_gan.example_files import sentence_transformer, with_vectors, write_multinli, write_snli
from dovetail_text_gan.oracle import OracleSpec

TOKENIZERS = {
    "tokenizer/words": (Example(), Example({"vocabulary_size": 12, "min_count": 2})),
    "tokenizer/treebank": (Example(), Example({"vocabulary_size": 12, "min_count": 2})),
    "tokenizer/characters": (Example(), Example({})),
    "tokenizer/pieces": (Example(), Example({"size": 30, "coverage": 1.0})),
}


def clustered(number: int, **values: Any) -> Callable[[Path], dict[str, Any]]:
    """The values of topics that are clusters of the sentences of a file."""
    of = files(write_text, number)
    return lambda folder: {"dataset": {"use": "text-gan/sentences", **of(folder)}, **values}


def with_topics(number: int) -> Callable[[Path], dict[str, Any]]:
    """The values of topics that are MultiNLI's own."""
    of = files(write_multinli, number, corpus="multinli")
    return lambda folder: {"dataset": {"use": "text-gan/nli", **of(folder)}}


PIECES = {"use": "text-gan/pieces", "size": 40, "coverage": 1.0}

DATASETS = {
    "dataset/sentences": (
        Example(files(write_text), changed=files(write_text, 1)),
        Example(
            files(write_split_text, tokenizer="text-gan/characters", part=2, of=2),
            changed=files(write_split_text, tokenizer="text-gan/characters", part=1, of=2),
        ),
        Example(
            files(write_text, tokenizer=PIECES, empty="leave-out"),
            changed=files(write_text, 1, tokenizer=PIECES, longest=40),
        ),
    ),
    "dataset/nli": (
        Example(files(write_snli), changed=files(write_snli, 1)),
        Example(
            files(write_multinli, corpus="multinli", tokenizer={"use": "text-gan/words", "min_count": 2}),
            changed=files(write_multinli, corpus="multinli", longest=6, too_long="leave-out"),
        ),
    ),
    "dataset/topics": (
        Example(clustered(0, count=3), changed=clustered(1, count=3)),
        Example(with_topics(0), changed=with_topics(1)),
    ),
    "dataset/nli-pairs": (
        Example(files(write_snli), changed=files(write_snli, 1)),
        Example(
            files(write_multinli, corpus="multinli", tokenizer="text-gan/characters", longest=60),
            changed=files(write_multinli, corpus="multinli", longest=7, too_long="leave-out"),
        ),
    ),
    "dataset/nli-stand-in": (
        Example({"train": 9, "valid": 5, "test": 4}, changed={"train": 9, "valid": 5, "test": 4, "seed": 1}),
        Example({"train": 8, "valid": 3, "test": 6}, changed={"train": 7, "valid": 3, "test": 6}),
    ),
}

LETTERS = Vocabulary.of("abcde", joiner="")
TOKENS, ANY_TOKENS = Tokens(LETTERS, 6), Tokens(Vocabulary.of(["the", "cat", "sees", "dogs"]))
EMBEDDING = {"use": "standard/embedding", "size": 4}
LSTM = {"use": "standard/lstm", "hidden": 3}
READING = {"use": "standard/sequence", "cell": LSTM, "embedding": EMBEDDING, "pooling": "mean"}

ENCODERS = {
    "encoder/retokenized": (
        Example({"encoder": READING}, spaces={"input": TOKENS}),
        Example({"encoder": {**READING, "pooling": "max"}, "tokenizer": "treebank"}, spaces={"input": ANY_TOKENS}),
    ),
    "encoder/infersent": (
        Example({"hidden": 3, "size": 4}, spaces={"input": TOKENS}),
        Example({"hidden": 2, "size": 5}, spaces={"input": ANY_TOKENS}),
        Example(with_vectors, spaces={"input": TOKENS}),
    ),
    "encoder/sentence-transformers": (
        Example(sentence_transformer(3), spaces={"input": TOKENS}),
        Example(sentence_transformer(5), spaces={"input": ANY_TOKENS}),
    ),
    "encoder/unisent": (
        Example({"size": 4, "pairs": 7, "hidden": [3]}, spaces={"input": TOKENS}),
        Example({"size": 3, "pairs": 50, "hidden": [5, 2]}, spaces={"input": ANY_TOKENS}),
    ),
    "encoder/unisent-t": (
        Example({"size": 4, "heads": 2, "layers": 2, "feedforward": 5, "dropout": 0.0}, spaces={"input": ANY_TOKENS}),
        Example(
            {"size": 6, "heads": 1, "layers": 1, "feedforward": 3, "dropout": 0.3},
            spaces={"input": TOKENS},
            random=True,
        ),
    ),
}

ADAM = {"use": "standard/adam", "lr": 0.01}
AVERAGING = {"use": "text-gan/unisent", "size": 4, "pairs": 7, "hidden": [3]}
WRITING = {"use": "standard/rnn-lm", "embedding": EMBEDDING, "cell": LSTM}

SORTED = Fields({"text": ANY_TOKENS, "topic": Label(3), "held_out": Label(2)})

OBJECTIVES = {
    "objective/deteriorated": (
        Example({"drop": 0.5}, spaces={"data": SORTED}),
        Example({"swap": 0.9, "count": 2}, spaces={"data": SORTED}),
        Example({"missing_topics": 1, "count": 2}, spaces={"data": SORTED}),
    ),
    "objective/entailment": (
        Example(
            {"hidden": 6},
            parts={"encoder": AVERAGING},
            spaces={"data": Fields({"premise": TOKENS, "hypothesis": TOKENS, "label": Label(3)})},
        ),
        Example(
            {"hidden": 3, "premise": "one", "hypothesis": "other", "target": "relation", "optimizer": ADAM},
            parts={"encoder": {"use": "text-gan/infersent", "hidden": 2, "size": 3}},
            spaces={"data": Fields({"one": ANY_TOKENS, "other": ANY_TOKENS, "relation": Label(2), "topic": Label(4)})},
        ),
    ),
    "objective/sequence-autoencoder": (
        Example(parts={"encoder": AVERAGING, "generator": WRITING}, spaces={"data": Fields({"text": TOKENS})}),
        Example(
            {"text": "sentence", "optimizer": ADAM},
            parts={"encoder": READING, "generator": {**WRITING, "input_dropout": 0.3}},
            spaces={"data": Fields({"sentence": ANY_TOKENS, "topic": Label(4)})},
        ),
    ),
}

EXPECTED_FAILURES = {
    "dataset/topics": {
        "splits-apart": "nothing is trained on it: `valid` and `test` hold the training sentences, too, on purpose, and"
        " `held_out` tells them from their own",
    },
}

TRAINED = {"epochs": 30, "batch": 5, "optimizer": ADAM}


def likeliest(space: Tokens, seed: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Samples of which each token is the likeliest to the oracle of a seed."""
    oracle = OracleSpec(units=4, seed=seed).build(produces=space)

    def perfect(outcome: dict[str, Any]) -> dict[str, Any]:
        samples = oracle.sample(len(outcome["samples"].lengths), strategy=Greedy(length=5))
        return {**outcome, "samples": samples}

    return perfect


def judged(space: Tokens, seed: int, **others: Any) -> Example:
    """Of a score under an oracle."""
    values = {"generator": {"use": "text-gan/oracle", "units": 4, "seed": seed}, **others}
    return Example(values, spaces={"outcome": Fields({"samples": space})}, perfect=likeliest(space, seed))


def taught(space: Tokens, **values: Any) -> Example:
    """Of a score under a language model that learns the samples."""
    spaces = {"outcome": Fields({"samples": space, "references": space})}
    return Example(
        {"generator": WRITING, **TRAINED, **values},
        spaces=spaces,
        perfect=lambda outcome: {**outcome, "samples": outcome["references"]},
    )


METRICS = {
    "metric/language-model-score": (judged(TOKENS, 1), judged(ANY_TOKENS, 2, unit="nats", tokenizer="treebank")),
    "metric/reverse-language-model-score": (
        taught(TOKENS),
        taught(ANY_TOKENS, clip=0.5, seed=3, generator={**WRITING, "output_dropout": 0.2}),
    ),
}

EXAMPLES: dict[str, Any] = {**TOKENIZERS, **DATASETS, **ENCODERS, **OBJECTIVES, **METRICS}
