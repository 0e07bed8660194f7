"""SentencePiece: parts of words, learnt from the texts (kudo2018sentencepiece).

Paper: kudo2018sentencepiece, its unigram model (kudo2018subword). A symbol's "▁" is a space, and nothing stands between
symbols, so that decoding gives the text itself. The model stays in memory, and nothing is written.

*Differs from the paper's defaults:* no space is put before a text and no character is normalised, so that decoding
gives back what was there.
*Not covered:* texts with the character "▁" itself, which comes back as a space; byte-pair encoding.

Axes: tokens.
"""

from __future__ import annotations

import io
from collections.abc import Sequence as Items
from typing import Any, final

import numpy as np
from attrs import field, frozen

from dovetail import Mistake, Vocabulary, within
from dovetail_standard.vocabularies import Numbers
from dovetail_text_gan.tokenizer import Tokenizer, TokenizerSpec

SPACE = "▁"
ONLY_UNKNOWN = {"unk_id": 0, "bos_id": -1, "eos_id": -1, "pad_id": -1}  # the vocabulary has the special symbols
AS_IT_IS = {"normalization_rule_name": "identity", "add_dummy_prefix": False, "remove_extra_whitespaces": False}


@frozen(kw_only=True)
class PiecesSpec(TokenizerSpec):
    """Parts of words that SentencePiece's unigram model learns."""

    size: int = field(default=4000, validator=within("[1, inf)"))
    """The most pieces (section 5.6 of semeniuta2019: 4,000); a short text has fewer."""
    coverage: float = field(default=0.9995, validator=within("(0, 1]"))
    """Share of the characters that pieces must be able to write; those beyond it are unknown."""

    def build(self, *, texts: Items[str]) -> Pieces:
        model = learn(texts, self.size, self.coverage)
        pieces = [model.id_to_piece(number).replace(SPACE, " ") for number in range(1, model.get_piece_size())]
        return Pieces(vocabulary=Vocabulary.of(pieces, joiner=""), model=model)


def learn(texts: Items[str], size: int, coverage: float) -> Any:
    """SentencePiece's processor with a model of at most `size` pieces, the same whenever it learns the same texts.

    Raises:
        Mistake: where sentencepiece is not installed, or the texts have more characters than `size`.
    """
    try:
        import sentencepiece  # an extra
    except ImportError as error:
        raise Mistake(
            'a tokenizer of pieces needs sentencepiece, which is not installed: pip install "dovetail[text-gan]"'
        ) from error
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=size + 1,
            hard_vocab_limit=False,
            character_coverage=coverage,
            max_sentence_length=max((len(text.encode()) for text in texts), default=0) + 1,
            num_threads=1,
            minloglevel=2,
            **ONLY_UNKNOWN,
            **AS_IT_IS,
        )
    except RuntimeError as error:
        raise Mistake(
            f"SentencePiece cannot learn pieces from these {len(texts)} texts with `size` {size} and `coverage`"
            f" {coverage:g}: {error}; a larger `size` or a longer text may help"
        ) from error
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@final
@frozen(kw_only=True)
class Pieces(Tokenizer):
    """Splits a text into its most probable pieces."""

    vocabulary: Vocabulary
    model: Any

    def encode(self, text: str) -> Numbers:
        return np.array(self.model.encode(text), dtype=np.int64) + self.vocabulary.unknown  # its unknown piece is 0
