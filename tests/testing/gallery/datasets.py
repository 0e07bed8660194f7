"""Datasets, each with one fault, and their mended twin."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import torch
from attrs import field, frozen

from dovetail import Dataset, DatasetSpec, Fields, Label, Split, Vector, within


class Rows(Split):
    """Some rows of the data, noisy where they are augmented."""

    def __init__(self, x, label):
        self.x, self.label = x, label

    def __len__(self):
        return len(self.x)

    def noise(self, row, augment):
        return torch.randn(self.x.shape[1], generator=augment(row))

    def take(self, indices, augment=None):
        rows = [self.x[row] if augment is None else self.x[row] + self.noise(row, augment) for row in indices]
        return {"input": torch.stack(rows), "label": self.label[list(indices)]}


class Table(Dataset):
    """Random vectors and their classes: half of them for training."""

    rows: ClassVar = Rows

    def __init__(self, *, count, seed):
        random = torch.Generator().manual_seed(seed)
        self.x, self.label = torch.randn(count, 5, generator=random), torch.randint(3, (count,), generator=random)
        self.fields = Fields({"input": Vector(5), "label": Label(3)})

    @property
    def fingerprint(self):
        return hashlib.sha256(self.x.numpy().tobytes() + self.label.numpy().tobytes()).hexdigest()

    def parts(self, count):
        half, rest = count // 2, count // 4
        return {"train": (0, half), "valid": (half, half + rest), "test": (half + rest, count)}

    def split(self, name):
        part = slice(*self.parts(len(self.x))[name])
        return self.rows(self.x[part], self.label[part])


@frozen(kw_only=True)
class TableSpec(DatasetSpec):
    """Random vectors and their classes."""

    dataset: ClassVar = Table
    count: int = field(default=16, validator=within("[8, inf)"))
    """Rows in all."""
    seed: int = 0
    """Of the random numbers."""

    def build(self):
        return self.dataset(count=self.count, seed=self.seed)


class FingerprintOfSize(Table):
    """Has a fingerprint of the data's size alone."""

    @property
    def fingerprint(self):
        return f"rows-{len(self.x)}"


@frozen(kw_only=True)
class FingerprintOfSizeSpec(TableSpec):
    """Has a fingerprint of the data's size alone."""

    dataset = FingerprintOfSize


class FingerprintOfObject(Table):
    """Has a fingerprint that no other object has."""

    @property
    def fingerprint(self):
        return f"rows-{id(self)}"


@frozen(kw_only=True)
class FingerprintOfObjectSpec(TableSpec):
    """Has a fingerprint that no other object has."""

    dataset = FingerprintOfObject


class FingerprintOfProcess(Table):
    """Has a fingerprint by Python's `hash` of bytes, which is another one in each process."""

    @property
    def fingerprint(self):
        return f"{hash(self.x.numpy().tobytes()):x}"


@frozen(kw_only=True)
class FingerprintOfProcessSpec(TableSpec):
    """Has a fingerprint by Python's `hash`, which is another one in each process."""

    dataset = FingerprintOfProcess


class Overlap(Table):
    """Begins each split with the last row of the one before."""

    def parts(self, count):
        return {name: (max(start - 1, 0), end) for name, (start, end) in super().parts(count).items()}


@frozen(kw_only=True)
class OverlapSpec(TableSpec):
    """Begins each split with the last row of the one before."""

    dataset = Overlap


class GlobalNoise(Rows):
    """Draws its noise from torch's global generator."""

    def noise(self, row, augment):
        return torch.randn(self.x.shape[1])


class GlobalAugmentation(Table):
    """Is augmented from torch's global generator."""

    rows = GlobalNoise


@frozen(kw_only=True)
class GlobalAugmentationSpec(TableSpec):
    """Is augmented from torch's global generator."""

    dataset = GlobalAugmentation


class Normalised(Rows):
    """Subtracts the mean of the batch."""

    def take(self, indices, augment=None):
        batch = super().take(indices, augment)
        return batch | {"input": batch["input"] - batch["input"].mean(0)}


class BatchNormalised(Table):
    """Is normalised batch by batch."""

    rows = Normalised


@frozen(kw_only=True)
class BatchNormalisedSpec(TableSpec):
    """Is normalised batch by batch."""

    dataset = BatchNormalised


class LabelsFromOne(Table):
    """Counts its classes from one."""

    def __init__(self, *, count, seed):
        super().__init__(count=count, seed=seed)
        self.label = self.label + 1


@frozen(kw_only=True)
class LabelsFromOneSpec(TableSpec):
    """Counts its classes from one."""

    dataset = LabelsFromOne
