"""Characters, white space among them.

Axes: tokens.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import final

from attrs import frozen

from dovetail import Vocabulary
from dovetail_standard.vocabularies import Numbers, codes_of, encode_characters, vocabulary_of_characters
from dovetail_text_gan.tokenizer import Tokenizer, TokenizerSpec


@frozen(kw_only=True)
class CharactersSpec(TokenizerSpec):
    """Every character that occurs is a symbol."""

    def build(self, *, texts: Items[str]) -> Characters:
        return Characters(vocabulary=vocabulary_of_characters(codes_of("".join(texts))))


@final
@frozen(kw_only=True)
class Characters(Tokenizer):
    """Splits between any two characters."""

    vocabulary: Vocabulary

    def encode(self, text: str) -> Numbers:
        return encode_characters(codes_of(text), self.vocabulary)
