"""Small configurations of the metrics."""

from __future__ import annotations

from typing import Any

import torch

from dovetail import Fields, Padded, Tokens, Vocabulary
from dovetail.testing import Example

LETTERS = Tokens(Vocabulary.of("abcde", joiner=""), 6)
WORDS = Tokens(Vocabulary.of(["a", "man", "is", "in", "parks", "."]))
LONGEST = 40
"""So many tokens are more than any sample of the kit has."""


def copied(outcome: dict[str, Any]) -> dict[str, Any]:
    """Samples that are references, of words that are known."""
    data = outcome["references"].data
    words = (torch.arange(5) + torch.arange(len(data))[:, None]) % 5 + len(Vocabulary.SPECIAL)
    sentences = Padded(words, torch.full((len(data),), 5))
    return {**outcome, "samples": sentences, "references": sentences}


def silent(outcome: dict[str, Any]) -> dict[str, Any]:
    """Samples without a word have none in common."""
    end = torch.full((len(outcome["samples"].data), 1), LETTERS.vocabulary.end)
    return {**outcome, "samples": Padded(end, torch.ones(len(end), dtype=torch.long))}


def varied(outcome: dict[str, Any]) -> dict[str, Any]:
    """Longer samples than any other, of words at random."""
    size = (len(outcome["samples"].data), LONGEST)
    words = torch.randint(len(Vocabulary.SPECIAL), 9, size, generator=torch.Generator().manual_seed(0))
    return {**outcome, "samples": Padded(words, torch.full(size[:1], LONGEST))}


def compared(space: Tokens, **values: Any) -> Example:
    """Of a metric that compares samples with references."""
    spaces = {"outcome": Fields({"samples": space, "references": space})}
    return Example(values, spaces=spaces, perfect=copied, best=1.0)


def alone(space: Tokens, **values: Any) -> Example:
    """Of a metric that compares samples with one another."""
    return Example(values, spaces={"outcome": Fields({"samples": space})}, perfect=silent, best=0.0)


def counted(space: Tokens, **values: Any) -> Example:
    """Of a metric that counts in samples."""
    return Example(values, spaces={"outcome": Fields({"samples": space})}, perfect=varied)


EXAMPLES: dict[str, Any] = {
    "metric/bleu": (
        compared(LETTERS),
        compared(WORDS, orders=[1, 3]),
        compared(WORDS, tokenizer="treebank", orders=[2]),
    ),
    "metric/self-bleu": (
        alone(LETTERS),
        alone(WORDS, orders=[2, 1], form="two-samples"),
        alone(WORDS, tokenizer="treebank"),
    ),
    "metric/unique-ngrams": (counted(LETTERS), counted(WORDS, n=2), counted(WORDS, tokenizer="treebank", n=3)),
}
