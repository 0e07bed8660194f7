"""Samples as people look at them: a sheet of images, texts, or a file of tensors.

Axes: batch channels height width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from dovetail.bench.files import write_tensors, write_text, write_whole
from dovetail.bench.store import FinishedRun, RunFolder, Store
from dovetail.errors import Mistake, Where, listed
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import DecodingSpec, Leak, Stepwise, Strategy
from dovetail.registries import Registry
from dovetail.report.conditions import FROM_PYTHON, conditions, repeated
from dovetail.spaces import Image, Padded, Space, Tokens
from dovetail.tables import Given, put_all
from dovetail.tables import given as as_given

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

    from dovetail.assembly import Model

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


@frozen(eq=False, kw_only=True)
class Samples:
    """Samples of a finished run's generator, and all that they were drawn with.

    Args:
        run: the run: `run.folder`, and `run.system`, the spec.
        model: the run's, with its weights.
        part: the name of the part that generates.
        values: a batch of what it produces.
        given: the condition of each, a batch of the generator's space for it; None where it has none.
        leak: what the generator read while it sampled, if it does.
        files: the picture that each was drawn under, where the condition came from pictures.
    """

    run: FinishedRun
    model: Model
    part: str
    values: Any
    given: Any = None
    leak: Leak | None = None
    files: tuple[Path, ...] = ()

    @property
    def generator(self) -> Any:
        """The part that generates."""
        return self.model.parts[self.part]

    @property
    def texts(self) -> list[str]:
        """The samples as texts; none where they are none."""
        space = self.generator.produces
        return space.decode(self.values) if isinstance(space, Tokens) else []

    def write(self, file: Path | None = None) -> Path:
        """Write them; `samples` in the run's folder by default. The file that was written."""
        return write_samples(self.generator.produces, self.values, file or self.run.folder.file("samples"))


def draw(
    folder: RunFolder,
    registry: Registry,
    *,
    n: int | None = None,
    seed: int = 0,
    part: str | None = None,
    files: Items[Path] = (),
    changes: Mapping[str, Given] = FrozenDict(),
) -> Samples:
    """Draw samples from a finished run's generator.

    Args:
        folder: the run's.
        registry: names the components.
        n: how many, of each picture where there are any; by default one a picture, or 64 images, 16 of anything else.
        seed: of the samples.
        part: which part generates; needed where several do.
        files: pictures, of which the generator's condition is made.
        changes: `decoding`, how texts are written, and values in it, by path.

    Raises:
        Mistake: no part generates, or it cannot be sampled so.
    """
    import torch

    from dovetail.bench import load
    from dovetail.randomness import reseed

    run = FinishedRun(folder, registry, Store(folder.path.parent))
    name = choose(run, part)
    condition, reads = generators(run)[name], run.spaces["slots"][name][0].get("leaks")
    _check_condition(run, name, condition, files)
    strategy = decoding(run, changes)
    model = load(folder.path, registry)
    generator: Any = model.parts[name]
    if strategy is not None and not (isinstance(generator, Stepwise) and isinstance(generator.produces, Tokens)):
        raise Mistake(f"`decoding` is how a generator of tokens writes, but `{name}` makes {generator.produces}")
    count = n or (1 if files else IMAGES if isinstance(generator.produces, Image) else OTHERS)
    leak = None if reads is None else leaking(model.parts, reads, name)
    with torch.no_grad():
        given = None if condition is None else repeated(conditions(run, model, condition, files), count)
        more = {"given": given, "strategy": strategy, "leak": leak}
        reseed(seed, "sample")
        values = generator.sample(
            count * max(len(files), 1), **{key: value for key, value in more.items() if value is not None}
        )
    each = tuple(file for file in files for _ in range(count))
    return Samples(run=run, model=model, part=name, values=values, given=given, leak=leak, files=each)


def _check_condition(run: FinishedRun, name: str, condition: Space | None, files: Items[Path]) -> None:
    """That pictures are given where the generator needs a condition, and none where it takes none."""
    if condition is None and files:
        raise Mistake(f"the generator `{name}` of the run {run.folder.name} takes no condition: leave --input out")
    if condition is not None and not files:
        raise Mistake(
            f"the generator `{name}` of the run {run.folder.name} needs a condition, {condition}, and cannot be sampled"
            f" without: give pictures to make it of, --input FILE; or, from Python, any: {FROM_PYTHON}"
        )


def decoding(run: FinishedRun, changes: Mapping[str, Given]) -> Strategy | None:
    """How texts are written: what is asked for, over the run's objective's slot `decoding` where it has one.

    Where neither is there, None: the generator writes as it does by itself.

    Raises:
        Faults: something else is to be changed, or it is no decoding.
    """
    from dovetail.assembly import Assembly
    from dovetail.config import Loader

    own = getattr(run.system.stages[-1].objective, "decoding", None)
    runs, table = run.store.earlier(run.registry), put_all(as_given({}, Where("overrides")), changes)
    loader = Loader(run.registry, "samples", runs)
    for key, value in table.without("decoding").value.items():
        loader.unknown(value, key, key, ["decoding"])
    asked = table.at("decoding")
    default = own if isinstance(own, DecodingSpec) else None
    spec = default if asked is None else loader.slot(asked, "decoding", DecodingSpec, True, default)
    loader.finish()
    if spec is None:
        return None
    strategy: Strategy = Assembly(run.registry, runs=runs).handle(spec, "decoding").build()
    return strategy


def leaking(parts: Mapping[str, Any], space: Space, name: str) -> Any:
    """The part whose features the generator `name` reads while it samples; raises `Mistake` where none leaks them."""
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
