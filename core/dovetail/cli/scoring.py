"""Metrics for samples that another program made: files become the outcome that a metric reads in training.

A metric's `takes` says how a file is read: a space with a `read(file)` of its own reads it; labels and texts are lines,
texts of words between white space; images are the files of a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, frozen

from dovetail.config import Loader
from dovetail.errors import Mistake, Where
from dovetail.interfaces import Metric, MetricSpec, Outcome
from dovetail.registries import Registry
from dovetail.spaces import Fields, Image, Label, Padded, Space, Tokens, Vocabulary
from dovetail.tables import given, overrides, put_all

if TYPE_CHECKING:
    from torch import Tensor

    from dovetail.assembly import Runs

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
AT_ONCE = 128
"""So many images or texts go through a metric's encoder at once."""


@frozen
class Scores:
    """Each metric's values by name, with their unit; and what must be said of the files and of the values."""

    values: dict[str, tuple[float, str]] = Factory(dict)
    remarks: dict[str, None] = Factory(dict)
    """In the order of being said, nothing twice."""


def score_files(
    registry: Registry, words: list[str], samples: Path, references: Path | None, runs: Runs | None = None
) -> Scores:
    """What metrics say of files.

    Args:
        registry: names the metrics.
        words: metrics by name, each with its changes `path=value` behind it.
        samples: what to judge.
        references: what to judge it by, where a metric asks for it.
        runs: finds earlier runs, of which a metric may have parts.
    """
    found = Scores()
    for name, changes in _requests(words):
        table = put_all(given({"use": name}, Where(f"metric {name}")), overrides(changes))
        loader = Loader(registry, f"metric {name}", runs)
        spec = loader.slot(table, name, MetricSpec)
        loader.finish()
        component = registry.component_of(spec)
        wanted = _wanted(spec, component.name, samples, references)
        try:
            metric = _measured(spec, wanted, registry, runs)
            value = metric.compute()
        except ValueError as error:
            raise Mistake(f"{component}: {error}") from error
        by_key = {f".{key}": each for key, each in value.items()} if isinstance(value, dict) else {"": value}
        for key, each in by_key.items():
            found.values[" ".join([f"{component.name}{key}", *changes])] = float(each), metric.unit
        found.remarks.update(dict.fromkeys(_empty_lines(wanted)))
        if remark := metric.remark():
            found.remarks[f"{' '.join([component.name, *changes])}: {remark}"] = None
    return found


def _requests(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each metric's name with the changes behind it."""
    if "=" in words[0]:
        raise Mistake(f"`{words[0]}` is a change, and must stand behind the metric that it changes")
    starts = [place for place, word in enumerate(words) if "=" not in word]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start], words[start + 1 : end]


@frozen
class Read:
    """A file as a batch of a space."""

    file: Path
    space: Space
    value: Any


def _measured(spec: MetricSpec, wanted: Mapping[str, Read], registry: Registry, runs: Runs | None) -> Metric:
    """The metric that has seen the files."""
    import torch

    from dovetail.assembly import Assembly
    from dovetail.randomness import reseed

    reseed(0, "score")  # an encoder may start from random weights
    with_parts = Assembly(registry, runs=runs).handle(spec, registry.component_of(spec).name).spec
    metric: Metric = with_parts.build(outcome=Fields({field: read.space for field, read in wanted.items()}))
    metric.eval()
    with torch.no_grad():
        for outcome in _pieces({field: read.value for field, read in wanted.items()}):
            metric.update(outcome)
    return metric


def _pieces(outcome: Outcome) -> list[Outcome]:
    """The outcome in pieces, where it is of images or texts: as many of each field, so that pairs stay pairs."""
    if not all(_is_images_or_texts(value) for value in outcome.values()):
        return [outcome]
    counts = [len(value.data) for value in outcome.values()]
    pieces = min(-(-max(counts) // AT_ONCE), *counts)
    split = {field: _split(value, pieces) for field, value in outcome.items()}
    return [{field: parts[piece] for field, parts in split.items()} for piece in range(pieces)]


def _is_images_or_texts(value: Any) -> bool:
    import torch

    return isinstance(value, Padded) or (isinstance(value, torch.Tensor) and value.dim() == 4)


def _split(value: Any, pieces: int) -> list[Any]:
    """A batch in pieces; texts as long as the longest one of their piece."""
    if not isinstance(value, Padded):
        return list(value.tensor_split(pieces))
    parts = zip(value.data.tensor_split(pieces), value.lengths.tensor_split(pieces), strict=True)
    return [Padded(data[:, : int(lengths.max())], lengths) for data, lengths in parts]


def _wanted(spec: MetricSpec, name: str, samples: Path, references: Path | None) -> Mapping[str, Read]:
    """What the metric needs, read from the files in the form that it takes."""
    files = {"samples": samples, "predictions": samples, "references": references}
    for field in spec.needs:
        if any(hasattr(kind, "read") for kind in spec.takes.get(field, ())):
            files.setdefault(field, references)
        if field not in files:
            raise Mistake(f"{name} needs `{field}`, which only a model gives: it cannot be scored from files")
        if files[field] is None:
            raise Mistake(f"{name} needs references: give --references FILE")
    given_files = {field: file for field in spec.needs if (file := files[field]) is not None}
    together = [
        file
        for field, file in given_files.items()
        if not any(hasattr(kind, "read") for kind in spec.takes.get(field, ()))
    ]
    wanted = {
        field: Read(file, *_read(file, spec.takes.get(field, ()), together)) for field, file in given_files.items()
    }
    if "predictions" in wanted and "references" in wanted:
        counts = [len(wanted[field].value) for field in ("predictions", "references")]
        if counts[0] != counts[1]:
            raise Mistake(
                f"{name} compares line by line, but {samples} has {counts[0]} lines and {references} has {counts[1]}"
            )
    return wanted


def _read(file: Path, kinds: tuple[type[Space], ...], together: list[Path]) -> tuple[Space, Any]:
    """A file as one of these spaces; `together` are all files that share its labels or words, itself among them."""
    if file.is_dir():
        if kinds and Image not in kinds:
            raise Mistake(f"{file}: is a folder, but must be a file to be read as {_spell(kinds)}")
        return _images(file)
    for kind in kinds:
        reader = getattr(kind, "read", None)
        if reader is not None:
            space, value = reader(file)
            return space, value
    if Label in kinds:
        return _labels(file, together)
    if Tokens in kinds or not kinds:
        return _tokens(file, together)
    raise Mistake(f"{file}: cannot be read as {_spell(kinds)}; images are the files of a folder")


def _spell(kinds: tuple[type[Space], ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def lines_of(file: Path) -> list[str]:
    """A text file's lines; raises `Mistake` that names the file and the line."""
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise Mistake(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Mistake(f"{file}:{line}: is not UTF-8: {error.object[error.start]:#04x}") from error
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if lines == [""]:
        raise Mistake(f"{file}: is empty; it must have an example a line")
    return lines


def _labels_of(file: Path) -> list[str]:
    labels = [line.strip() for line in lines_of(file)]
    if "" in labels:
        raise Mistake(f"{file}:{labels.index('') + 1}: is empty; every line must be a label")
    return labels


def _labels(file: Path, together: list[Path]) -> tuple[Label, Tensor]:
    import torch

    names = sorted({label for other in together for label in _labels_of(other)})
    numbers = {name: number for number, name in enumerate(names)}
    return Label(len(names), tuple(names)), torch.tensor([numbers[label] for label in _labels_of(file)])


def _tokens(file: Path, together: list[Path]) -> tuple[Tokens, Any]:
    """Words between white space, each line with its end."""
    import torch

    words = dict.fromkeys(word for text in together for sentence in _sentences_of(text) for word in sentence)
    space = Tokens(Vocabulary.of(word for word in words if word not in Vocabulary.SPECIAL))
    end = space.vocabulary.end
    numbers = [torch.tensor([*space.vocabulary.encode(words), end]) for words in _sentences_of(file)]
    return space, space.collate(numbers)


def _sentences_of(file: Path) -> list[list[str]]:
    """The words of each line; raises `Mistake` where there is none at all, and for one that ends a sentence."""
    sentences = [line.split() for line in lines_of(file)]
    if not any(sentences):
        raise Mistake(f"{file}: has no word; it must have a sentence a line")
    for line, sentence in enumerate(sentences, start=1):
        for mark in ("<pad>", "<start>", "<end>"):
            if mark in sentence:
                raise Mistake(f"{file}:{line}: must have words alone, but has `{mark}`; take such marks out")
    return sentences


def _empty_lines(wanted: Mapping[str, Read]) -> Iterator[str]:
    """Which files have lines without a word, and how many."""
    for read in wanted.values():
        if isinstance(read.space, Tokens):
            empty = (read.value.lengths == 1).nonzero()[:, 0].tolist()
            if empty:
                count = f"{len(empty)} empty lines among {len(read.value.lengths)}"
                yield f"{read.file}:{empty[0] + 1}: is the first of {count}; each is a sentence without a word"


def _images(folder: Path) -> tuple[Image, Tensor]:
    import numpy as np
    import torch
    from einops import rearrange
    from PIL import Image as Pictures

    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGES)
    if not files:
        raise Mistake(f"{folder}: has no image ({', '.join(IMAGES)})")
    pictures: list[Tensor] = []
    for file in files:
        try:
            with Pictures.open(file) as opened:
                pixels = torch.tensor(np.asarray(opened.convert("RGB")), dtype=torch.float32)
                pictures.append(rearrange(pixels / 127.5 - 1, "height width channels -> channels height width"))
        except OSError as error:
            raise Mistake(f"{file}: is no image that can be read: {error}") from error
        if pictures[-1].shape != pictures[0].shape:
            sizes = [f"{picture.shape[2]} × {picture.shape[1]}" for picture in (pictures[-1], pictures[0])]
            raise Mistake(f"{file}: is {sizes[0]} pixels, but {files[0]} is {sizes[1]}; images must be of one size")
    _, height, width = pictures[0].shape
    return Image(3, height, width), torch.stack(pictures)
