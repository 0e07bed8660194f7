"""The words that a metric of n-grams sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from dovetail import Mistake, Padded, Tokens
from dovetail_standard.tokenisation import words_in

Splitting = Literal["none", "treebank"]
Words = list[str]
"""A sentence."""


def words_of(tokens: Tokens, value: Padded, tokenizer: Splitting = "none") -> list[Words]:
    """The words of each sentence of a batch, up to its end.

    `none`: its tokens as they are. `treebank`: the Penn Treebank's words of its text, as NLTK's `word_tokenize` finds
    them where a line is one sentence; it needs no download. `<unknown>` is three words to it.

    Raises:
        Mistake: where NLTK is not installed.
    """
    if tokenizer == "none":
        return words_in(tokens, value)
    split = treebank()
    return [split(text) for text in tokens.decode(value)]


def treebank() -> Callable[[str], Words]:
    """How a text becomes the Penn Treebank's words; raises Mistake where NLTK is not installed."""
    try:
        from nltk.tokenize import word_tokenize
    except ImportError as error:
        raise Mistake(
            '`tokenizer = "treebank"` needs NLTK, which is not installed: pip install "dovetail[text-gan]"'
        ) from error
    return lambda text: word_tokenize(text, preserve_line=True)
