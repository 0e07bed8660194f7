"""Words between white space, which decode with one space between them.

Axes: tokens.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import final

from attrs import field, frozen

from dovetail import Vocabulary, within
from dovetail_standard.vocabularies import Numbers, encode_words, vocabulary_of_words
from dovetail_text_gan.tokenizer import Tokenizer, TokenizerSpec, without_special


@frozen(kw_only=True)
class WordsSpec(TokenizerSpec):
    """Words between white space; punctuation belongs to its word where the text has no space before it."""

    vocabulary_size: int | None = field(default=None, validator=within("[1, inf)"))
    """Only so many of the most frequent words are known."""
    min_count: int = field(default=1, validator=within("[1, inf)"))
    """Words must occur so often to be known."""

    def build(self, *, texts: Items[str]) -> Words:
        words = [word for text in texts for word in text.split()]
        return Words(vocabulary=vocabulary_of_words(words, self.vocabulary_size, self.min_count))


@final
@frozen(kw_only=True)
class Words(Tokenizer):
    """Splits at white space."""

    vocabulary: Vocabulary

    def encode(self, text: str) -> Numbers:
        return without_special(encode_words(text.split(), self.vocabulary), self.vocabulary)
