"""Metrics for samples that another program made: files become the outcome that a metric reads in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dovetail.errors import Mistake
from dovetail.interfaces import MetricSpec
from dovetail.registries import Registry
from dovetail.spaces import Fields, Image, Label, Space, Tokens, Vocabulary

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def score_files(
    registry: Registry, names: list[str], samples: Path, references: Path | None
) -> dict[str, tuple[float, str]]:
    """Each metric's values by name, with their unit."""
    found: dict[str, tuple[float, str]] = {}
    for name in names:
        component = registry.find("metric", name)
        spec: MetricSpec = component.load()()
        spaces, outcome = {}, {}
        kept = _spaces_wanted(spec, samples, references)
        for field, (space, value) in kept.items():
            spaces[field], outcome[field] = space, value
        metric = spec.build(outcome=Fields(spaces))
        metric.eval()
        metric.update(outcome)
        value = metric.compute()
        table = (
            {f"{component.name}.{key}": v for key, v in value.items()}
            if isinstance(value, dict)
            else {component.name: value}
        )
        found |= {key: (float(number), metric.unit) for key, number in table.items()}
    return found


def _spaces_wanted(spec: MetricSpec, samples: Path, references: Path | None) -> dict[str, tuple[Space, Any]]:
    """What the metric needs, read from the files in the form that it takes."""
    files = {"samples": samples, "predictions": samples, "references": references}
    wanted: dict[str, tuple[Space, Any]] = {}
    for field in spec.needs:
        file = files.get(field)
        if field not in files:
            raise Mistake(
                f"{type(spec).__name__} needs `{field}`, which comes only from a model: it cannot be scored from files"
            )
        if file is None:
            raise Mistake(f"{type(spec).__name__} needs `{field}`: give --references FILE")
        wanted[field] = _read(file, spec.takes.get(field, (Tokens,)), [f for f in files.values() if f is not None])
    return wanted


def _read(file: Path, kinds: tuple[type[Space], ...], together: list[Path]) -> tuple[Space, Any]:
    if Image in kinds and file.is_dir():
        return _images(file)
    for kind in kinds:
        reader = getattr(kind, "read", None)
        if reader is not None:
            space, value = reader(file)
            return space, value
    if Label in kinds:
        return _labels(file, together)
    if Tokens in kinds:
        return _tokens(file, together)
    raise Mistake(f"{file}: cannot be read as {' or '.join(kind.__name__ for kind in kinds)}")


def lines_of(file: Path) -> list[str]:
    """A text file's lines; raises `Mistake` that names the file and the line."""
    try:
        lines = file.read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise Mistake(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Mistake(f"{file}:{line}: is not UTF-8") from error
    if not lines:
        raise Mistake(f"{file}: is empty; it must have an example a line")
    return lines


def _labels(file: Path, together: list[Path]) -> tuple[Space, Any]:
    import torch

    names = sorted({line.strip() for other in together for line in lines_of(other)})
    numbers = {name: number for number, name in enumerate(names)}
    return Label(len(names), names), torch.tensor([numbers[line.strip()] for line in lines_of(file)])


def _tokens(file: Path, together: list[Path]) -> tuple[Space, Any]:
    import torch

    words = dict.fromkeys(
        word for other in together if other.suffix == ".txt" for line in lines_of(other) for word in line.split()
    )
    special = set(Vocabulary.SPECIAL)
    vocabulary = Vocabulary.of(word for word in words if word not in special)
    space = Tokens(vocabulary)
    return space, space.collate(
        [torch.tensor(vocabulary.encode(line.split()), dtype=torch.long) for line in lines_of(file)]
    )


def _images(folder: Path) -> tuple[Space, Any]:
    import torch
    from PIL import Image as Picture
    from torchvision.transforms.functional import pil_to_tensor

    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGES)
    if not files:
        raise Mistake(f"{folder}: has no image ({', '.join(IMAGES)})")
    pictures = []
    for file in files:
        try:
            pictures.append(pil_to_tensor(Picture.open(file).convert("RGB")).float() / 127.5 - 1)
        except OSError as error:
            raise Mistake(f"{file}: is no image that can be read: {error}") from error
        if pictures[-1].shape != pictures[0].shape:
            raise Mistake(
                f"{file}: has the size {tuple(pictures[-1].shape[1:])}, but {files[0]} has {tuple(pictures[0].shape[1:])}"
            )
    _, height, width = pictures[0].shape
    return Image(3, height, width), torch.stack(pictures)
