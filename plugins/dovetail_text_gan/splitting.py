"""The words that a metric of n-grams sees, and whether two sides were taken apart in the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from dovetail import Mistake, Padded, Tokens

Splitting = Literal["none", "treebank"]
Words = list[str]
"""A sentence."""

CLITICS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")
MARKS = (".", ",", "!", "?", ";", ":")
KNOWN_AT_LEAST = 0.9
"""The share of the samples' words that are in a reference, below which it is said."""


def words_of(tokens: Tokens, value: Padded, tokenizer: Splitting = "none") -> list[Words]:
    """The words of each sentence of a batch, up to its end.

    `none`: its tokens as they are. `treebank`: the Penn Treebank's words of its text, as NLTK's `word_tokenize` finds
    them where a line is one sentence; it needs no download. `<unknown>` is three words to it.

    Raises:
        Mistake: where NLTK is not installed.
    """
    if tokenizer == "none":
        rows = zip(value.data.tolist(), value.lengths.tolist(), strict=True)
        return [tokens.vocabulary.symbols_of(row[:length]) for row, length in rows]
    treebank = _treebank()
    return [treebank(text) for text in tokens.decode(value)]


def _treebank() -> Callable[[str], Words]:
    try:
        from nltk.tokenize import word_tokenize
    except ImportError as error:
        raise Mistake(
            '`tokenizer = "treebank"` needs NLTK, which is not installed: pip install "dovetail[text-gan]"'
        ) from error
    return lambda text: word_tokenize(text, preserve_line=True)


def differences(samples: Iterable[Words], references: Iterable[Words]) -> Iterator[str]:
    """What speaks against samples and references having been tokenised alike, with counts and an example of each."""
    sides = {"samples": _counted(samples), "references": _counted(references)}
    total = sides["samples"].total()
    unknown = Counter({word: n for word, n in sides["samples"].items() if word not in sides["references"]})
    if unknown.total() > (1 - KNOWN_AT_LEAST) * total:
        word = unknown.most_common(1)[0][0]
        yield f"{unknown.total()} of the {total} words of `samples` are in no sentence of `references` (`{word}`)"
    for what, is_whole, is_apart in (
        ("contractions", _is_contraction, CLITICS.__contains__),
        ("punctuation", _ends_in_a_mark, MARKS.__contains__),
    ):
        whole = {name: _those(words, is_whole) for name, words in sides.items()}
        apart = {name: _those(words, is_apart) for name, words in sides.items()}
        for one, other in (("samples", "references"), ("references", "samples")):
            if whole[one] and not apart[one] and apart[other]:
                yield (
                    f"`{one}` have {_spelt(whole[one])} with {what} in the word, `{other}` {_spelt(apart[other])} apart"
                )
    capitals = {name: _those(words, lambda word: word != word.lower()) for name, words in sides.items()}
    for one, other in (("samples", "references"), ("references", "samples")):
        if capitals[one] and sides[other] and not capitals[other]:
            yield f"`{one}` have {_spelt(capitals[one])} with capitals, `{other}` none"


def _counted(sentences: Iterable[Words]) -> Counter[str]:
    return Counter(word for sentence in sentences for word in sentence)


def _those(words: Counter[str], are: Callable[[str], bool]) -> Counter[str]:
    return Counter({word: count for word, count in words.items() if are(word)})


def _spelt(words: Counter[str]) -> str:
    return f"{words.total()} (`{words.most_common(1)[0][0]}`)"


def _is_contraction(word: str) -> bool:
    return word.endswith(CLITICS) and word not in CLITICS


def _ends_in_a_mark(word: str) -> bool:
    return word.endswith(MARKS) and any(letter.isalnum() for letter in word)
