"""Words between white space, or those of the Penn Treebank, which decode with one space between them.

Axes: tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items
from typing import final

from attrs import field, frozen

from dovetail import Vocabulary, within
from dovetail_standard.vocabularies import Numbers, encode_words, vocabulary_of_words
from dovetail_text_gan.splitting import treebank
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


@frozen(kw_only=True)
class TreebankSpec(TokenizerSpec):
    """The Penn Treebank's words, as NLTK finds them in a sentence: punctuation and clitics are words of their own.

    Decoding puts a space between all of them; what it gives is split into the same words again.
    """

    vocabulary_size: int | None = field(default=None, validator=within("[1, inf)"))
    """Only so many of the most frequent words are known."""
    min_count: int = field(default=1, validator=within("[1, inf)"))
    """Words must occur so often to be known."""

    def build(self, *, texts: Items[str]) -> Words:
        split = treebank()
        words = [word for text in texts for word in split(text)]
        return Words(vocabulary=vocabulary_of_words(words, self.vocabulary_size, self.min_count), split=split)


@final
@frozen(kw_only=True)
class Words(Tokenizer):
    """Splits a text by `split`, at white space where none is given."""

    vocabulary: Vocabulary
    split: Callable[[str], list[str]] = str.split

    def encode(self, text: str) -> Numbers:
        return without_special(encode_words(self.split(text), self.vocabulary), self.vocabulary)
