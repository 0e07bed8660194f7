"""Samples as people look at them: a sheet of images, texts, or a file of tensors.

Axes: batch channels height width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.bench.files import write_tensors, write_text, write_whole
from dovetail.bench.store import FinishedRun, RunFolder, Store
from dovetail.errors import Mistake, listed
from dovetail.registries import Registry
from dovetail.spaces import Image, Padded, Space, Tokens

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

IMAGES, OTHERS = 64, 16
"""How many samples are drawn where nothing else is asked for."""
LEAST = 64
"""Pixels: smaller images are enlarged by a whole factor to at least this height."""
GAP = 2
"""Pixels between images."""


def generators(run: FinishedRun) -> dict[str, Space | None]:
    """The parts of a run that generate, by name, each with the space of the condition that it needs or None."""
    slots = run.spaces["slots"]
    return {
        name: slots[name][0].get("given")
        for name in run.system.stages[-1].parts
        if name in slots and "produces" in slots[name][0]
    }


def samples_of(folder: RunFolder) -> Path | None:
    """The samples that a run's folder holds already."""
    files = (folder.file(f"samples{ending}") for ending in (".png", ".txt", ".safetensors"))
    return next((file for file in files if file.exists()), None)


def draw_samples(
    folder: RunFolder,
    registry: Registry,
    *,
    n: int | None = None,
    seed: int = 0,
    part: str | None = None,
    file: Path | None = None,
) -> Path:
    """Draw samples from a finished run's generator; the file that they are in.

    Args:
        folder: the run's.
        registry: names the components.
        n: how many; 64 images, or 16 of anything else by default.
        seed: of the samples.
        part: which part generates; needed where several do.
        file: with or without its ending; `samples` in the run's folder by default.

    Raises:
        Mistake: no part generates, or the one that does needs a condition.
    """
    import torch

    from dovetail import load
    from dovetail.randomness import reseed

    run = FinishedRun(folder, registry, Store(folder.path.parent))
    name = choose(run, part)
    parts: Any = load(folder.path, registry).parts
    generator, reads = parts[name], run.spaces["slots"][name][0].get("leaks")
    leak = {} if reads is None else {"leak": leaking(parts, reads, name)}
    reseed(seed, "sample")
    with torch.no_grad():
        samples = generator.sample(n or (IMAGES if isinstance(generator.produces, Image) else OTHERS), **leak)
    return write_samples(generator.produces, samples, file or folder.file("samples"))


def leaking(parts: Mapping[str, Any], space: Space, name: str) -> Any:
    """The part whose features the generator `name` reads while it samples; raises `Mistake` where none leaks them."""
    from dovetail.interfaces import Leak

    found = [part for part in parts.values() if isinstance(part, Leak) and part.leaks == space]
    if not found:
        raise Mistake(f"the generator `{name}` reads what another part leaks, {space}, and no part of the run does")
    return found[0]


def choose(run: FinishedRun, part: str | None) -> str:
    """The part to sample from: the one that is asked for, or the only one; raises `Mistake` where that cannot be."""
    found = generators(run)
    if not found:
        raise Mistake(f"the run {run.folder.name} has no generator to sample from; its parts are {_parts(run)}")
    if part is None and len(found) > 1:
        raise Mistake(f"the run {run.folder.name} has several generators: choose --part {' or --part '.join(found)}")
    name = part or next(iter(found))
    if name not in found:
        raise Mistake(f"the run {run.folder.name} has no generator `{name}`; its generators are {listed(found)}")
    if found[name] is not None:
        raise Mistake(
            f"the generator `{name}` of the run {run.folder.name} needs a condition, {found[name]}, and cannot be"
            " sampled without; from Python, give one: `dovetail.load(RUN).parts[…].sample(n, given=…)`"
        )
    return name


def _parts(run: FinishedRun) -> str:
    return listed(run.system.stages[-1].parts)


def write_samples(space: Space, samples: Any, stem: Path) -> Path:
    """Write samples beside `stem` in the form of their space; the file that was written."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(space, Image) and space.channels in (1, 3):
        file = _with_ending(stem, ".png")
        picture = sheet(samples, low=space.low, high=space.high)
        write_whole(file, lambda temporary: picture.save(temporary, format="PNG"))
    elif isinstance(space, Tokens):
        file = _with_ending(stem, ".txt")
        write_text(file, _apart(space.decode(samples)))
    else:
        file = _with_ending(stem, ".safetensors")
        write_tensors(file, dict(_tensors("samples", samples)), {"space": str(space)})
    return file


def _with_ending(stem: Path, ending: str) -> Path:
    return stem if stem.suffix == ending else stem.with_name(f"{stem.name}{ending}")


def _apart(texts: list[str]) -> str:
    """A text a line; texts of several lines behind a line that counts them."""
    if not any("\n" in text for text in texts):
        return "".join(f"{text}\n" for text in texts)
    return "\n".join(f"--- {number}\n{text}\n" for number, text in enumerate(texts, start=1))


def _tensors(name: str, value: Any) -> list[tuple[str, Tensor]]:
    """The tensors of a batch of any space, by name."""
    if isinstance(value, Mapping):
        return [item for key, inner in value.items() for item in _tensors(f"{name}.{key}", inner)]
    if isinstance(value, Padded):
        return [(name, value.data), (f"{name}.lengths", value.lengths)]
    if isinstance(value, tuple):
        return [item for place, inner in enumerate(value) for item in _tensors(f"{name}.{place}", inner)]
    return [(name, value)]


def sheet(images: Tensor, low: float = -1.0, high: float = 1.0, columns: int | None = None) -> Picture:
    """Images in rows, from left to right and from top to bottom, with [`low`, `high`] as black to white.

    Small images are enlarged without smoothing. Values outside the range are cut off.

    Args:
        images: (batch, channels, height, width) of 1 or 3 channels.
        low: what becomes black.
        high: what becomes white.
        columns: images in a row; as many as make the sheet about square by default.

    Raises:
        ValueError: where `images` is empty or has another shape, or the range is empty.
    """
    import torch
    from einops import rearrange, repeat
    from PIL import Image as Pictures
    from torch.nn.functional import pad

    if images.dim() != 4 or not len(images) or images.shape[1] not in (1, 3):
        rule = "must be (batch, channels, height, width) of 1 or 3 channels"
        raise ValueError(f"`images` {rule}, but is {tuple(images.shape)}")
    if not low < high:
        raise ValueError(f"`low` must be below `high`, but is {low} and {high}")
    columns = columns or math.ceil(math.sqrt(len(images)))
    factor, spare = -(-LEAST // images.shape[2]), -len(images) % columns
    unit = ((images.detach().float().cpu() - low) / (high - low)).clamp(0, 1)
    large = repeat(unit, "batch channels h w -> batch channels (h a) (w b)", a=factor, b=factor)
    framed = pad(pad(large, (0, GAP, 0, GAP), value=0.5), (0, 0, 0, 0, 0, 0, 0, spare), value=0.5)
    tiled = rearrange(framed, "(rows columns) channels h w -> channels (rows h) (columns w)", columns=columns)
    pixels = (pad(tiled, (GAP, 0, GAP, 0), value=0.5) * 255).round().to(torch.uint8).expand(3, -1, -1)
    return Pictures.fromarray(rearrange(pixels, "channels h w -> h w channels").contiguous().numpy())
