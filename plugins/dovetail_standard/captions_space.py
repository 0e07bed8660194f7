"""Several captions for each example, as a space: a tuple of `count` batches of `tokens`."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING, Any

from attrs import frozen

from dovetail.spaces import Padded, Space, Tokens

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
