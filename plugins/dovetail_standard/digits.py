"""scikit-learn's 1,797 handwritten digits, 8×8 pixels of 17 grey levels, as images or as sequences of rows.

They come with scikit-learn (alpaydin1998digits, its test part). Every sixth digit of each class, after a shuffle from
`split_seed`, is for testing and the next one for validation: 1,197, 300 and 300, each class divided alike. The splits
keep scikit-learn's order. Pixels are in [-1, 1].

Fields: `input`, `label`.

Axes: example channels height width; example time feature (row, column).
"""

from __future__ import annotations

from typing import Literal

import torch
from attrs import frozen
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from dovetail import DatasetSpec, Fields, Label
from dovetail.randomness import stream
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of
from dovetail_standard.pixels import Form, as_form

SIDE = 8
LEVELS = 16.0  # the brightest pixel
NAMES = tuple("0123456789")


@frozen(kw_only=True)
class DigitsSpec(DatasetSpec):
    """Handwritten digits, without a download."""

    form: Form = "image"
    """Images, or sequences of their rows from top to bottom."""
    size: Literal[8, 16, 32] = 8
    """Side of the images, in pixels; the larger ones are interpolated."""
    split_seed: int = 0
    """Seed of the division into training, validation and test."""

    def build(self) -> ArrayDataset:
        digits = load_digits()
        labels = torch.from_numpy(digits.target).long()
        pixels = torch.from_numpy(digits.images).float()[:, None] * (2 / LEVELS) - 1
        if self.size != SIDE:
            pixels = F.interpolate(pixels, size=(self.size, self.size), mode="bilinear")
        space, values = as_form(pixels, self.form)
        whole = ArraySplit(fields={"input": values, "label": labels})
        splits = {name: whole.part(indices) for name, indices in divide(labels, self.split_seed).items()}
        fields = Fields({"input": space, "label": Label(len(NAMES), NAMES)})
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, splits))


def divide(labels: Tensor, seed: int) -> dict[str, Tensor]:
    """The numbers of each split's examples, in order: a sixth for testing and for validation, classes divided alike."""
    shuffled = torch.randperm(len(labels), generator=stream(seed, "digits"))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    place = torch.arange(len(labels)) % 6
    parts = {"train": by_class[place > 1], "valid": by_class[place == 1], "test": by_class[place == 0]}
    return {name: part.sort().values for name, part in parts.items()}
