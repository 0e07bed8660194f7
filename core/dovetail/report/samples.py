"""Samples as people look at them: a sheet of images, lines of text, or a tensor file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from dovetail.bench.files import write_text, write_tensors, write_whole
from dovetail.spaces import Image, Space, Tokens


def write_samples(space: Space, samples: Any, stem: Path) -> Path:
    """Write samples beside `stem` in the form of their space; the file that was written."""
    if isinstance(space, Image):
        file = stem.with_suffix(".png")
        write_whole(file, lambda temporary: _sheet(space, samples).save(temporary, format="PNG"))
    elif isinstance(space, Tokens):
        file = stem.with_suffix(".txt")
        write_text(file, "".join(f"{text}\n" for text in space.decode(samples)))
    else:
        file = stem.with_suffix(".safetensors")
        tensors = samples._asdict() if hasattr(samples, "_asdict") else {"samples": samples}
        write_tensors(file, {name: tensor.contiguous() for name, tensor in tensors.items()}, {"space": str(space)})
    return file


def _sheet(space: Image, samples: Any) -> Any:
    """The images in a square, enlarged where they are small."""
    from PIL import Image as Picture
    from torchvision.utils import make_grid

    unit = (samples.float().cpu() - space.low) / (space.high - space.low)
    grid = make_grid(unit.clamp(0, 1), nrow=math.ceil(math.sqrt(len(unit))), padding=1, pad_value=0.5)
    pixels = (grid * 255).round().byte().permute(1, 2, 0).numpy()
    picture = Picture.fromarray(pixels)
    factor = max(1, 640 // max(picture.size))
    return picture.resize((picture.width * factor, picture.height * factor), Picture.Resampling.NEAREST)
