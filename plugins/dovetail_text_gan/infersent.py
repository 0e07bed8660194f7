"""InferSent: a bidirectional LSTM over a sentence, and the maximum of each of its outputs over the words.

Paper: conneau2017infersent, section 3.2 ("BiLSTM with max pooling"), which learns from pairs of inference (Objective
`text-gan/entailment`). Its published weights are those of the LSTM alone: `dovetail convert-weights infersent2.pkl --to
infersent2.safetensors` makes `weights` of them, and `vectors` must then be the file of word vectors that they were
trained with (GloVe 840B for infersent1, fastText's crawl-300d-2M for infersent2).

A sentence begins with the start symbol, as in the published code, and ends with its end.

*Differs from the published code:* a word without a vector is zeros there in the place of being left out.
*Not covered:* the published weights themselves were not tried, only a file of their layout.

Axes: batch time feature.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch
from attrs import field, frozen
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Mistake, Padded, Tokens, Vector, Vocabulary, within
from dovetail.conversion import content
from dovetail_standard.sequence import flip, pool
from dovetail_standard.weights import check_shapes, read
from dovetail_text_gan.word_vectors import read_vectors, size_of


@frozen(kw_only=True)
class InfersentSpec(EncoderSpec):
    """A bidirectional LSTM with max pooling: Tokens to a vector of twice `hidden`."""

    takes = {"input": (Tokens,)}
    hidden: int = field(default=2048, validator=within("[1, inf)"))
    """Units of each direction."""
    size: int = field(default=300, validator=within("[1, inf)"))
    """Size of the word vectors, which are trained, where there is no file of them."""
    vectors: Path | None = field(
        default=None, metadata={"identity": lambda spec: spec.vectors and content(spec.vectors)}
    )
    """A GloVe or word2vec text file; its vectors stay as they are."""
    weights: Path | None = field(
        default=None, metadata={"identity": lambda spec: spec.weights and content(spec.weights)}
    )
    """The LSTM's weights, a safetensors file; drawn anew without it."""

    def build(self, *, input: Tokens) -> Infersent:
        if self.weights is not None and self.vectors is None:
            raise Mistake("`weights` need the word vectors that they were trained with: set `vectors`, too")
        return Infersent(tokens=input, hidden=self.hidden, size=self.size, vectors=self.vectors, weights=self.weights)


@final
class Infersent(Encoder):
    """Sentences to vectors.

    Args:
        tokens: the space of the sentences.
        hidden: units of each direction.
        size: of word vectors that are trained.
        vectors: a file of word vectors that are not.
        weights: a safetensors file with the tensors of `enc_lstm`.

    Raises:
        Mistake: where a file is damaged, or the weights are of another size.

    Shape: x `Padded` (batch, time), result (batch, 2 · hidden).
    """

    output: Vector

    def __init__(
        self, *, tokens: Tokens, hidden: int, size: int = 300, vectors: Path | None = None, weights: Path | None = None
    ) -> None:
        super().__init__()
        self.start = tokens.vocabulary.start
        size = size if vectors is None else size_of(vectors)
        self.words = nn.Embedding(len(tokens.vocabulary), size)
        self.forwards, self.backwards = (nn.LSTM(size, hidden, batch_first=True) for _ in range(2))
        self.output = Vector(2 * hidden)
        self.said = ""
        if vectors is not None:
            self._take_vectors(vectors, tokens.vocabulary)
        if weights is not None:
            self._take_weights(weights)

    def _take_vectors(self, path: Path, vocabulary: Vocabulary) -> None:
        table = self.words.weight.requires_grad_(False)
        if not table.is_meta:
            vectors, found = read_vectors(path, vocabulary)
            table.copy_(vectors)
            words = len(vocabulary) - len(vocabulary.SPECIAL)
            self.said = f"{words - found} of the {words} words of the vocabulary have no vector in {path.name}"

    @torch.no_grad()
    def _take_weights(self, path: Path) -> None:
        needed = self._published_names()
        check_shapes(path, {name: tuple(value.shape) for name, value in needed.items()}, needed)
        if not self.words.weight.is_meta:
            for name, value in read(path, needed).items():
                needed[name].copy_(value)

    def _published_names(self) -> dict[str, nn.Parameter]:
        """The LSTMs' parameters as the published weights name them."""
        both = (("", self.forwards), ("_reverse", self.backwards))
        return {f"enc_lstm.{name}{end}": value for end, lstm in both for name, value in lstm.named_parameters()}

    def forward(self, x: Padded) -> Tensor:
        begun = torch.cat([x.data.new_full((len(x.data), 1), self.start), x.data], dim=1)
        words, lengths = self.words(begun), x.lengths + 1
        forwards, _ = self.forwards(words)
        backwards, _ = self.backwards(flip(words, lengths))
        pooled: Tensor = pool(Padded(torch.cat([forwards, backwards], dim=-1), lengths), "max")
        return pooled

    def remark(self) -> str:
        return self.said
