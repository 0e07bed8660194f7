"""Temporal order: which two symbols stood early in a sequence, and in which order, asked at its end.

Paper: semeniuta2019, section 3.4.1, after hochreiter1997. `form = "symbols"` is the text's data: C or D everywhere, but
A or B at one place of the first third and at one of the second; the label is AA, AB, BA or BB. `form = "bits"` is the
data of the authors' code: a random bit at every step, and a second channel that marks two of them.

Axes: batch time feature.

*Differs from the paper:* there is a validation split, which the thesis does not mention. Each split has a random stream
of its own; a short test sequence can by chance be a training sequence too.
"""

from __future__ import annotations

from typing import Literal

import torch
from attrs import field, frozen
from torch import Generator, Tensor
from torch.nn import functional as F

from dovetail import DatasetSpec, Fields, Label, Padded, Sequence, within
from dovetail.randomness import stream
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of

SYMBOLS = "ABCD"
NAMES = {"symbols": ("AA", "AB", "BA", "BB"), "bits": ("00", "01", "10", "11")}


@frozen(kw_only=True)
class TemporalOrderSpec(DatasetSpec):
    """Sequences of four classes that only their early symbols tell apart; fields `input` and `label`."""

    length: int = field(default=15, validator=within("[6, inf)"))
    """Steps: 15 short, 30 medium (section 3.4.1)."""
    form: Literal["symbols", "bits"] = "symbols"
    """Four symbols, one-hot (the text), or a bit and a marker (the authors' code)."""
    train: int = field(default=6400, validator=within("[1, inf)"))
    """Training sequences: 200 mini-batches of 32 (section 3.4.1), the same in every epoch."""
    valid: int = field(default=1000, validator=within("[1, inf)"))
    """Validation sequences; the thesis has none."""
    test: int = field(default=10_000, validator=within("[1, inf)"))
    """Test sequences (section 3.4.1); 9,984 in the authors' code."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The sequences' own seed: the data are the same in every run."""

    def build(self) -> ArrayDataset:
        draw = {"symbols": symbols, "bits": bits}[self.form]
        splits = {}
        for name, count in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            data, label = draw(count, self.length, stream(self.seed, "temporal-order", self.form, name))
            splits[name] = ArraySplit(fields={"input": Padded(data, torch.full((count,), self.length)), "label": label})
        width = splits["train"].fields["input"].data.shape[2]
        spaces = {"input": Sequence(self.length, width), "label": Label(4, NAMES[self.form])}
        fingerprint = fingerprint_of({name: split.fields for name, split in splits.items()})
        return ArrayDataset(fields=Fields(spaces), splits=splits, fingerprint=fingerprint)


def symbols(count: int, length: int, random: Generator) -> tuple[Tensor, Tensor]:
    """One-hot A, B, C, D, and the class. Shape: (batch, time, 4), (batch)."""
    third = length // 3
    letters = torch.randint(2, 4, (count, length), generator=random)
    first = torch.randint(0, third, (count,), generator=random)
    second = torch.randint(third, 2 * third, (count,), generator=random)
    early = torch.randint(2, (count, 2), generator=random)
    letters.scatter_(1, torch.stack([first, second], dim=1), early)
    return F.one_hot(letters, len(SYMBOLS)).float(), 2 * early[:, 0] + early[:, 1]


def bits(count: int, length: int, random: Generator) -> tuple[Tensor, Tensor]:
    """A random bit and a marker, and the class. Shape: (batch, time, 2), (batch).

    The markers are at 0 … low and at low … high, both inclusive, where low and high are a third and two thirds of the
    length, so they can fall on one step; the class is then 00 or 11.
    """
    low, high = length // 3, 2 * length // 3
    bit = torch.randint(2, (count, length), generator=random)
    first = torch.randint(0, low + 1, (count, 1), generator=random)
    second = torch.randint(low, high + 1, (count, 1), generator=random)
    marker = torch.zeros_like(bit).scatter_(1, first, 1).scatter_(1, second, 1)
    label = 2 * bit.gather(1, first) + bit.gather(1, second)
    return torch.stack([bit, marker], dim=2).float(), label[:, 0]
