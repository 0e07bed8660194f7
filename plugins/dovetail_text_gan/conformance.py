"""What every tokenizer must do, as checks of the conformance kit: of this plugin's and of any other's."""

from __future__ import annotations

from typing import Any

from dovetail import Vocabulary
from dovetail.testing import Broken, Subject, check, subject_of

TEXTS = (
    "a man is playing the guitar",
    "a young man is playing a red guitar outside",
    "the dog runs",
    "two dogs run , and a man is outside .",
    "a woman is reading the newspaper on a train",
) * 3
OTHERS = ("a woman is playing outside", "the red dog is on a train", "a man", TEXTS[3])
STRANGE = "Ω‡ ‡Ω"
"""A text without a symbol that `TEXTS` have, but for its space."""
PAGE = "docs/papers/text-gan.md"


@subject_of("tokenizer")
class TokenizerSubject(Subject):
    """A tokenizer that has learnt `TEXTS`."""

    def make(self) -> Any:
        return self.spec.build(texts=TEXTS)


@check(
    "tokenizer",
    reason="generators, metrics and files count on the numbers of the special symbols",
    source=PAGE,
    after=("examples",),
)
def special_symbols(subject: TokenizerSubject) -> None:
    """The vocabulary begins with the special symbols and has no symbol twice."""
    symbols = subject.build().vocabulary.symbols
    if symbols[: len(Vocabulary.SPECIAL)] != Vocabulary.SPECIAL:
        raise Broken(f"the vocabulary begins with {symbols[: len(Vocabulary.SPECIAL)]}, but must with the special ones")
    if len(set(symbols)) != len(symbols):
        raise Broken("the vocabulary has a symbol twice")


@check(
    "tokenizer",
    reason="samples are judged as the text that they decode to",
    source=PAGE,
    after=("special-symbols",),
)
def round_trip(subject: TokenizerSubject) -> None:
    """A text of known symbols decodes to itself, whether it was learnt or not."""
    tokenizer = subject.build()
    vocabulary, known = tokenizer.vocabulary, 0
    for text in (*TEXTS, *OTHERS):
        numbers = tokenizer.encode(text).tolist()
        if vocabulary.unknown in numbers:
            continue
        known += 1
        if (decoded := vocabulary.decode(numbers)) != text:
            raise Broken(f"{text!r} comes back as {decoded!r}")
    if not known:
        raise Broken("none of the texts that it learnt is of known symbols alone")


@check(
    "tokenizer",
    reason="an end in the middle of a text cuts it off, and padding is not scored",
    source=PAGE,
    after=("special-symbols",),
)
def nothing_special_in_a_text(subject: TokenizerSubject) -> None:
    """No text becomes padding, start or end; what is not known is `unknown`."""
    tokenizer = subject.build()
    vocabulary = tokenizer.vocabulary
    for text in (*TEXTS, *OTHERS, STRANGE, " ".join(Vocabulary.SPECIAL)):
        numbers = tokenizer.encode(text)
        if len(numbers) and not (vocabulary.unknown <= numbers.min() and numbers.max() < len(vocabulary)):
            raise Broken(f"{text!r} becomes {numbers.tolist()}, which has a special symbol or a number too large")
    if vocabulary.unknown not in tokenizer.encode(STRANGE):
        raise Broken(f"{STRANGE!r}, of symbols that were never seen, becomes no `unknown`")


@check(
    "tokenizer",
    reason="a run that is repeated reads the same numbers, and other runs' parts know the same symbols",
    source=PAGE,
    after=("special-symbols",),
)
def same_vocabulary(subject: TokenizerSubject) -> None:
    """Two that learnt the same texts have one vocabulary, and split texts alike."""
    one, other = subject.build(0), subject.build(1)
    if one.vocabulary != other.vocabulary:
        raise Broken("two that learnt the same texts have different vocabularies")
    for text in (*TEXTS, *OTHERS):
        if one.encode(text).tolist() != other.encode(text).tolist():
            raise Broken(f"two that learnt the same texts split {text!r} differently")
