"""Whether two sides of words were taken apart in the same way, judged by the words alone.

*Not covered:* other languages than English, beyond the share of words that the other side has not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from dovetail import Padded, Tokens

CLITICS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")
MARKS = (".", ",", "!", "?", ";", ":")
NEW_AT_MOST = 0.1
"""The share of the samples' words that no reference has, above which it is said."""


def words_in(tokens: Tokens, value: Padded) -> list[list[str]]:
    """The words of each sentence of a batch, up to its end."""
    rows = zip(value.data.tolist(), value.lengths.tolist(), strict=True)
    return [tokens.vocabulary.symbols_of(row[:length]) for row, length in rows]


def differences(samples: Counter[str], references: Counter[str]) -> Iterator[str]:
    """What speaks against samples and references having been tokenised alike, with counts and an example of each."""
    sides = {"samples": samples, "references": references}
    new = _those(samples, lambda word: word not in references)
    if new.total() > NEW_AT_MOST * samples.total():
        word = new.most_common(1)[0][0]
        yield f"{new.total()} of the {samples.total()} words of `samples` are in no sentence of `references` (`{word}`)"
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


def _those(words: Counter[str], are: Callable[[str], bool]) -> Counter[str]:
    return Counter({word: count for word, count in words.items() if are(word)})


def _spelt(words: Counter[str]) -> str:
    return f"{words.total()} (`{words.most_common(1)[0][0]}`)"


def _is_contraction(word: str) -> bool:
    return word.endswith(CLITICS) and word not in CLITICS


def _ends_in_a_mark(word: str) -> bool:
    return word.endswith(MARKS) and any(letter.isalnum() for letter in word)
