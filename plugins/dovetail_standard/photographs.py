"""Photographs in files as squares of bytes: decoded, resized so that the square is covered, and cut out.

*Not covered:* the rotation that some cameras note beside the pixels.

Axes: channels height width.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image as Picture
from torch import Generator as Random
from torch import Tensor

from dovetail import Mistake


def decode(file: Path, shorter: int) -> Tensor:
    """The picture in red, green and blue, its shorter side resized to so many pixels.

    Shape: returned (channels, height, width) of bytes.

    Raises:
        Mistake: where the file is no picture, or cut off.
    """
    try:
        with Picture.open(file) as picture:
            picture.draft("RGB", (shorter, shorter))  # decodes a large JPEG at a fraction of its size
            ratio = shorter / min(picture.size)
            width, height = (max(shorter, round(side * ratio)) for side in picture.size)
            resized = picture.convert("RGB").resize((width, height), Picture.Resampling.BICUBIC)
    except (OSError, SyntaxError) as error:  # Pillow raises both for damaged files
        raise Mistake(f"{file} is no readable picture ({error}): get it anew") from error
    return rearrange(torch.from_numpy(np.array(resized)), "height width channels -> channels height width")


def square(pixels: Tensor, size: int, random: Random | None = None) -> Tensor:
    """A square of `size` from the middle of an image, or where and whether mirrored as `random` draws.

    Shape: pixels (channels, height, width), returned (channels, size, size).
    """
    down, right = (extent - size for extent in pixels.shape[1:])
    if random is None:
        return pixels[:, down // 2 : down // 2 + size, right // 2 : right // 2 + size]
    top, left, mirrored = (int(torch.randint(most, (), generator=random)) for most in (down + 1, right + 1, 2))
    cut = pixels[:, top : top + size, left : left + size]
    return cut.flip(-1) if mirrored else cut
