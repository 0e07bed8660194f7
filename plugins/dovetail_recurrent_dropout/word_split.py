"""Splits of sentences whose words are seen by static features: kept as numbers, looked up when they are taken.

Axes: batch time feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import final

import torch
from attrs import frozen
from torch import Generator as Random
from torch import Tensor

from dovetail import Augment, Batch, Fields, Padded, Sequence, Split


@final
@frozen(eq=False)
class WordSplit(Split):
    """Examples of words; gives the field `input`, their features, beside its other fields.

    Training sees at most `crop` words of an example in a row, drawn anew in each epoch; an evaluation sees all of them.
    """

    spaces: Fields
    """Of the fields but `input`; `words` is one of them, and those that vary in length are cut as the words are."""
    examples: Mapping[str, Items[Tensor]]
    """Each field's examples. Shape: of words (time)."""
    table: Tensor
    """The features of each word. Shape: (word, feature)."""
    crop: int | None = None

    def __len__(self) -> int:
        return len(self.examples["words"])

    @property
    def cropped(self) -> int:
        """How many examples training does not see whole."""
        return 0 if self.crop is None else sum(len(words) > self.crop for words in self.examples["words"])

    def remark(self) -> str:
        if not self.cropped:
            return ""
        return (
            f"{self.cropped} of {len(self)} examples have more than {self.crop} words: an epoch sees {self.crop} of"
            " them in a row, at a place drawn anew"
        )

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        rows = [{name: examples[index] for name, examples in self.examples.items()} for index in indices]
        if augment is not None and self.crop is not None:
            rows = [self._crop(row, augment(index)) for row, index in zip(rows, indices, strict=True)]
        batch = self.spaces.collate(rows)
        words = batch["words"]
        return {"input": Padded(self.table[words.data], words.lengths), **batch}

    def _crop(self, row: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        crop, length = self.crop or 0, len(row["words"])
        start = int(torch.randint(max(length - crop, 0) + 1, (), generator=random))
        return {name: value[start : start + crop] if value.ndim else value for name, value in row.items()}


def with_input(spaces: Fields, table: Tensor) -> Fields:
    """The fields of a dataset of such splits."""
    return Fields({"input": Sequence(spaces["words"].length, table.shape[1]), **spaces})
