"""The kind `tokenizer`: how a text becomes numbers of a vocabulary, which it learns from the texts of training.

Axes: tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence as Items

import numpy as np

from dovetail import Spec, Vocabulary
from dovetail_standard.vocabularies import Numbers


class Tokenizer(ABC):
    """Splits texts into the symbols of `vocabulary`; `vocabulary.decode` gives a text of known symbols back."""

    vocabulary: Vocabulary

    @abstractmethod
    def encode(self, text: str) -> Numbers:
        """The number of each token, without an end; a symbol that is not known is `unknown`. Shape: (tokens)."""


class TokenizerSpec(Spec):
    """How texts are split, and how many symbols are known."""

    kind = "tokenizer"

    @abstractmethod
    def build(self, *, texts: Items[str]) -> Tokenizer:
        """The tokenizer whose vocabulary comes from `texts`; equal texts give equal tokenizers."""


def without_special(numbers: Numbers, vocabulary: Vocabulary) -> Numbers:
    """The same with `unknown` where a text spells a special symbol, such as `<end>`, as a word. Shape: (tokens)."""
    return np.where(numbers < len(vocabulary.SPECIAL), vocabulary.unknown, numbers)
