"""Pixels as networks take them: bytes in [-1, 1], and small images row by row for a recurrent network.

Axes: example channels height width; example time feature (row, column).
"""

from __future__ import annotations

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor

from dovetail import Image, Padded, Sequence

Form = Literal["image", "rows"]


def scaled(values: Tensor) -> Tensor:
    """Bytes as floats, 0 as -1 and 255 as 1; anything else as it is."""
    return values.float().div_(127.5).sub_(1) if values.dtype == torch.uint8 else values


def as_form(pixels: Tensor, form: Form) -> tuple[Image | Sequence, Tensor | Padded]:
    """The space of the pixels in this form, and their values: images, or their rows, whose channels stand side by side.

    Shape: pixels (example, channels, height, width).
    """
    count, channels, height, width = pixels.shape
    if form == "image":
        return Image(channels, height, width), pixels
    rows = rearrange(pixels, "example channels height width -> example height (channels width)")
    return Sequence(height, channels * width), Padded(rows, torch.full((count,), height))
