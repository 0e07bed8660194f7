"""An encoder that is given texts in the vocabulary that it was trained with, whatever vocabulary the data have.

A judge comes from another run, whose words are not the judged model's. Texts are decoded, and split into the judge's
symbols: words where its symbols are joined by a space, or characters.

*Not covered:* a judge of pieces, which only its tokenizer can split: train it on words or characters, or give it texts
of the very vocabulary that it was trained with.

Axes: batch time; batch feature.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from attrs import evolve, frozen

from dovetail import Encoder, EncoderSpec, Misfit, Padded, Tokens, Vocabulary
from dovetail.assembly import built_for
from dovetail_text_gan.splitting import Splitting, treebank
from dovetail_text_gan.tokenized import padded
from dovetail_text_gan.tokenizer import without_special

NO_SYMBOL = "\N{REPLACEMENT CHARACTER}"
"""What stands for an unknown symbol in a text between two vocabularies, so that it stays unknown."""


@frozen(kw_only=True)
class RetokenizedSpec(EncoderSpec):
    """An encoder of tokens from an earlier run, whatever vocabulary the texts are given in."""

    takes = {"input": (Tokens,)}
    encoder: EncoderSpec
    """What encodes the texts; where it comes from an earlier run, in the vocabulary that it was built with there."""
    tokenizer: Splitting = "none"
    """How words are found in the texts, as they were for the encoder: between white space, or the Penn Treebank's."""

    def build(self, *, input: Tokens) -> Retokenized:
        own = own_tokens(self.encoder, "input", input)
        retokenizer = Retokenizer(given=input, own=own, tokenizer=self.tokenizer)
        return Retokenized(encoder=self.encoder.build(input=own), retokenizer=retokenizer)


def own_tokens(part: Any, argument: str, given: Tokens) -> Tokens:
    """The tokens that a part of an earlier run was built with as `argument`; those given for one that is built anew."""
    own = built_for(part).get(argument)
    return own if isinstance(own, Tokens) else given


@final
class Retokenizer:
    """From texts in the symbols of `given` to the same in those of `own`; counts what is lost.

    A text ends in one where it ends in the other. One that is longer than `own` takes is cut. Texts in the symbols of
    `own` stay as they are.

    Raises:
        Misfit: where the vocabularies differ, and texts cannot be split into the symbols of `own`.
    """

    def __init__(self, *, given: Tokens, own: Tokens, tokenizer: Splitting = "none") -> None:
        self.given, self.own = given, own
        self.words_of = treebank() if tokenizer == "treebank" else str.split
        self.same = given.vocabulary == own.vocabulary
        vocabulary, special = given.vocabulary, len(Vocabulary.SPECIAL)
        symbols = [NO_SYMBOL if n == vocabulary.unknown else symbol for n, symbol in enumerate(vocabulary.symbols)]
        self.readable = evolve(vocabulary, symbols=symbols)
        self.by_words = own.vocabulary.joiner == " "
        single = own.vocabulary.joiner == "" and all(len(symbol) == 1 for symbol in own.vocabulary.symbols[special:])
        if not (self.same or self.by_words or single):
            rule = "of the vocabulary that it was built with, since texts cannot be split again into pieces of words"
            raise Misfit("input", rule, given)
        self.tokens = self.unknown = self.texts = self.cut = 0

    def __call__(self, x: Padded) -> Padded:
        """Shape: x `Padded` (batch, time), result `Padded` (batch, time)."""
        limit = self.own.length
        if self.same and (limit is None or x.data.shape[1] <= limit):
            return x
        rows = zip(x.data.tolist(), x.lengths.tolist(), strict=True)
        texts = [self._split(row[:length]) for row, length in rows]
        self.texts += len(texts)
        self.tokens += sum(map(len, texts))
        self.unknown += sum(int((text == self.own.vocabulary.unknown).sum()) for text in texts)
        self.cut += sum(limit is not None and len(text) > limit for text in texts)
        data, lengths = padded([text[:limit] for text in texts], self.own.vocabulary)
        return Padded(data.to(x.data.device), lengths.to(x.data.device))

    def _split(self, row: list[int]) -> Any:
        if self.same:
            return np.array(row, dtype=np.int64)
        text, vocabulary = self.readable.decode(row), self.own.vocabulary
        symbols = self.words_of(text) if self.by_words else text
        numbers = without_special(np.array(vocabulary.encode(symbols), dtype=np.int64), vocabulary)
        return np.append(numbers, vocabulary.end) if self.given.vocabulary.end in row else numbers

    def remark(self) -> str:
        """What was lost of the texts so far, in words."""
        said = []
        if self.unknown:
            said.append(
                f"{self.unknown / self.tokens:.2%} of the tokens are unknown to the vocabulary of what read them"
            )
        if self.cut:
            said.append(
                f"{self.cut / self.texts:.2%} of the texts have more than its {self.own.length} tokens and are cut"
            )
        return ", ".join(said)


@final
class Retokenized(Encoder):
    """Gives texts to `encoder` in its own vocabulary.

    Shape: x `Padded` (batch, time), result the encoder's.
    """

    def __init__(self, *, encoder: Encoder, retokenizer: Retokenizer) -> None:
        super().__init__()
        self.encoder, self.retokenizer = encoder, retokenizer
        self.output = encoder.output

    def forward(self, x: Padded) -> Any:
        return self.encoder(self.retokenizer(x))

    def remark(self) -> str:
        return self.retokenizer.remark()
