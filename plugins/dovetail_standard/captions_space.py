"""Several captions for each example, as a space: a tuple of `count` batches of `tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Items
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen

from dovetail import Mistake
from dovetail.spaces import Padded, Space, Tokens, Vocabulary
from dovetail_standard.text_files import read_text

if TYPE_CHECKING:
    from torch import Generator


@frozen
class Captions(Space):
    """A tuple of `count` batches of `tokens`: the first caption of every example, the second, …

    An example is a sequence of `count` examples of `tokens`.
    """

    count: int
    tokens: Tokens

    def fake(self, batch: int, generator: Generator | None = None) -> tuple[Padded, ...]:
        return tuple(self.tokens.fake(batch, generator) for _ in range(self.count))

    def check(self, value: Any) -> None:
        found = f"{len(value)} of them" if type(value) is tuple else type(value).__name__
        right = type(value) is tuple and len(value) == self.count
        self._must(right, f"a tuple of {self.count} batches of tokens", found)
        for captions in value:
            self.tokens.check(captions)
        sizes = sorted({len(captions.lengths) for captions in value})
        self._must(len(sizes) == 1, "of one size", sizes)

    def collate(self, items: Items[Any]) -> tuple[Padded, ...]:
        return tuple(self.tokens.collate([item[place] for item in items]) for place in range(self.count))

    def decode(self, value: tuple[Padded, ...]) -> list[list[str]]:
        """The texts of each example."""
        return [list(texts) for texts in zip(*map(self.tokens.decode, value), strict=True)]

    @classmethod
    def read(cls, file: Path) -> tuple[Captions, tuple[Padded, ...]]:
        """The captions of a file as a batch, and the space that it lies in; raises `Mistake`.

        A line has the captions of one example, as many as any other line, with tabs between them.
        """
        examples = list(read_captions(file))
        words = dict.fromkeys(word for captions in examples for caption in captions for word in caption)
        vocabulary = Vocabulary.of(word for word in words if word not in Vocabulary.SPECIAL)
        space = cls(len(examples[0]), Tokens(vocabulary))
        numbers = [
            [torch.tensor([*vocabulary.encode(caption), vocabulary.end]) for caption in captions]
            for captions in examples
        ]
        return space, space.collate(numbers)


def read_captions(file: Path) -> Iterator[list[list[str]]]:
    """The words of each line's captions, between white space. Raises `Mistake` with the file and the line."""
    try:
        lines = read_text(file).removesuffix("\n").split("\n")
    except OSError as error:
        raise Mistake(f"{file}: cannot be read: {error.strerror}") from error
    count = lines[0].count("\t") + 1
    for number, line in enumerate(lines, start=1):
        captions = [caption.split() for caption in line.split("\t")]
        if len(captions) != count:
            raise Mistake(
                f"{file}:{number}: must have as many captions with tabs between them as line 1, {count},"
                f" but has {len(captions)}"
            )
        if marks := {"<pad>", "<start>", "<end>"}.intersection(line.split()):
            raise Mistake(f"{file}:{number}: must have words alone, but has `{min(marks)}`; take such marks out")
        yield captions
