"""Pictures from files as networks read them.

Axes: channels height width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import Mistake
from dovetail.spaces import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

MODES = {1: "L", 3: "RGB"}
"""Pillow's names for so many channels."""


def read_picture(file: Path, space: Image) -> Tensor:
    """A picture as an example of `space`: resized to cover it, and cut out of the middle.

    Any picture that Pillow reads, turned as its camera noted; what is transparent becomes white, and of several frames
    the first is read. Shape: (channels, height, width).

    Raises:
        Mistake: the file cannot be read as a picture, or the space has neither 1 nor 3 channels.
    """
    import numpy as np
    import torch
    from einops import rearrange
    from PIL import Image as Pictures

    if space.channels not in MODES:
        raise Mistake(f"{file}: a picture has 1 or 3 channels, but {space} has {space.channels}")
    try:
        with Pictures.open(file) as opened:
            side = max(space.height, space.width)
            opened.draft("RGB", (side, side))  # decodes a large JPEG at a fraction of its size
            pixels = np.array(_covering(_opaque(opened), space).convert(MODES[space.channels]), dtype=np.float32)
    except Exception as error:  # what Pillow raises for a damaged file depends on the damage
        reason = getattr(error, "strerror", None) or error
        raise Mistake(f"{file}: is no picture that can be read: {reason}") from error
    values = torch.from_numpy(pixels.reshape(space.height, space.width, space.channels)) / 255
    return rearrange(values * (space.high - space.low) + space.low, "height width channels -> channels height width")


def _opaque(picture: Picture) -> Picture:
    """The picture the right way up, in red, green and blue, on white where it is transparent."""
    import numpy as np
    from PIL import Image as Pictures
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith("I"):  # of 16 bits, which Pillow would cut off at 8
        turned = Pictures.fromarray((np.asarray(turned).astype(np.float32) / 257).round().clip(0, 255).astype(np.uint8))
    if turned.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in turned.info:
        above = turned.convert("RGBA")
        turned = Pictures.alpha_composite(Pictures.new("RGBA", above.size, "white"), above)
    return turned.convert("RGB")


def _covering(picture: Picture, space: Image) -> Picture:
    """The middle of the picture, resized so that one of its sides is the space's and the other not less."""
    from PIL import Image as Pictures

    ratio = max(space.width / picture.width, space.height / picture.height)
    width = max(space.width, round(picture.width * ratio))
    height = max(space.height, round(picture.height * ratio))
    left, top = (width - space.width) // 2, (height - space.height) // 2
    resized = picture.resize((width, height), Pictures.Resampling.BICUBIC)
    return resized.crop((left, top, left + space.width, top + space.height))
