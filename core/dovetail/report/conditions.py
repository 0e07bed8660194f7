"""Conditions of a generator from pictures: the pictures themselves, or what a part of the run makes of them.

Axes: batch channels height width.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Items
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.bench.store import FinishedRun
from dovetail.errors import Mistake
from dovetail.interfaces import Encoder
from dovetail.report.pictures import read_picture
from dovetail.spaces import Image, Space

if TYPE_CHECKING:
    from dovetail.assembly import Model

FROM_PYTHON = "`dovetail.load(RUN).parts[…].sample(n, given=…)`"
"""How a generator is given any condition."""


def conditions(run: FinishedRun, model: Model, space: Space, files: Items[Path]) -> Any:
    """Pictures as a batch of the condition `space`, in their order.

    Where the space is no image, the first encoder reads them whose output it is: among the parts of the run, and then
    of its dataset, which is opened for it.

    Raises:
        Mistake: a file is no picture, or nothing makes the condition of pictures.
    """
    import torch

    if isinstance(space, Image):
        return torch.stack([read_picture(file, space) for file in files])
    for encoder, reads in _encoders(run, model):
        if encoder.output == space and isinstance(reads, Image):
            return encoder.eval()(torch.stack([read_picture(file, reads) for file in files]))
    raise Mistake(
        f"the run {run.folder.name} needs {space}, which no part of it makes of a picture; from Python, give it:"
        f" {FROM_PYTHON}"
    )


def repeated(condition: Any, count: int) -> Any:
    """A batch, each of whose examples stands there `count` times, one behind the other."""
    if isinstance(condition, tuple):
        return type(condition)(*(repeated(part, count) for part in condition))
    return condition.repeat_interleave(count, 0)


def _encoders(run: FinishedRun, model: Model) -> Iterator[tuple[Encoder, Any]]:
    """The encoders among the run's parts and those of its dataset, each with the space that it reads."""
    from dovetail.assembly import Assembly

    for name, part in model.parts.items():
        if isinstance(part, Encoder):
            yield part, run.spaces["slots"].get(name, [{}])[0].get("input")
    assembly = Assembly(run.registry, runs=run.store.earlier(run.registry))
    assembly.handle(run.system.stages[-1].dataset, "dataset").build()
    for builds in assembly.built.values():
        for built in builds:
            if isinstance(built.module, Encoder):
                yield built.module, built.spaces.get("input")
