"""Whether two sides of words were taken apart in the same way, judged by the words alone.

*Not covered:* other languages than English, beyond the share of words that the other side has not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from dovetail import Padded, Tokens

CLITICS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")
MARKS = (".", ",", "!", "?", ";", ":")
NEW = 0.1
"""The share of the samples' words that no reference has, above which it is said."""


def words_in(tokens: Tokens, value: Padded) -> list[list[str]]:
    """The words of each sentence of a batch, up to its end."""
    rows = zip(value.data.tolist(), value.lengths.tolist(), strict=True)
    return [tokens.vocabulary.symbols_of(row[:length]) for row, length in rows]


def differences(samples: Counter[str], references: Counter[str]) -> Iterator[str]:
    """What speaks against samples and references having been tokenised alike, with counts and an example of each."""
    total, new = samples.total(), _those(samples, lambda word: word not in references)
    if new.total() > NEW * total:
        yield f"{new.total()} of the {total} words of `samples` are in no sentence of `references` {_one(new)}"
    sides = {"samples": samples, "references": references}
    for what, where, among, are, most in SIGNS:
        places = {name: _those(words, among) for name, words in sides.items()}
        found = {name: _those(words, are) for name, words in places.items()}
        shares = {name: found[name].total() / words.total() for name, words in places.items() if words}
        if len(shares) == 2 and abs(shares["samples"] - shares["references"]) > most:
            more, less = sorted(shares, key=shares.__getitem__, reverse=True)
            counts = {name: f"{found[name].total()} of {words.total()}" for name, words in places.items()}
            yield f"{what} in {counts[more]} {where} of `{more}` {_one(found[more])}, {counts[less]} of `{less}`"


def _those(words: Counter[str], are: Callable[[str], bool]) -> Counter[str]:
    return Counter({word: count for word, count in words.items() if are(word)})


def _one(words: Counter[str]) -> str:
    return f"(`{words.most_common(1)[0][0]}`)"


def _has_clitic(word: str) -> bool:
    return word.endswith(CLITICS) and word not in CLITICS


def _has_mark(word: str) -> bool:
    return word.endswith(MARKS) and any(letter.isalnum() for letter in word)


def _has_letters(word: str) -> bool:
    return any(letter.isalpha() for letter in word)


def _is_capital(word: str) -> bool:
    return word != word.lower()


def _is_clitic_or_has_one(word: str) -> bool:
    return word.endswith(CLITICS)


def _is_mark_or_has_one(word: str) -> bool:
    return word in MARKS or _has_mark(word)


SIGNS = (
    ("contractions are part of a word", "places", _is_clitic_or_has_one, _has_clitic, 0.5),
    ("punctuation is part of a word", "places", _is_mark_or_has_one, _has_mark, 0.5),
    ("there are capitals", "words", _has_letters, _is_capital, 0.05),
)
"""What is said, of which words, among which others; and by how much the sides' shares may differ."""
