"""A sheet of images: samples side by side, as a picture that a person can look at."""

from __future__ import annotations

import torch
from einops import repeat
from PIL import Image as Picture
from torch import Tensor
from torchvision.utils import make_grid

LEAST = 64  # pixels: smaller images are enlarged by a whole factor to at least this height
GAP = 2  # pixels between images


def sheet(images: Tensor, low: float = -1.0, high: float = 1.0, columns: int = 10) -> Picture.Image:
    """Images in rows of `columns`, from left to right and from top to bottom, with [`low`, `high`] as black to white.

    Small images are enlarged without smoothing. Values outside the range are cut off.

    Shape: images (batch, channels, height, width) of 1 or 3 channels.

    Raises:
        ValueError: where `images` is empty or has another shape, or the range is empty.
    """
    if images.dim() != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise ValueError(
            f"`images` must be (batch, channels, height, width) of 1 or 3 channels, but is {tuple(images.shape)}"
        )
    if not low < high:
        raise ValueError(f"`low` must be below `high`, but is {low} and {high}")
    factor = -(-LEAST // images.shape[2])
    large = repeat(images.detach().float(), "batch channels h w -> batch channels (h a) (w b)", a=factor, b=factor)
    unit = ((large - low) / (high - low)).clamp(0, 1)
    grid = make_grid(unit, nrow=min(columns, len(images)), padding=GAP, pad_value=0.5)
    pixels = (grid * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Picture.fromarray(pixels.cpu().contiguous().numpy())
