"""The 8,189 photographs of the Oxford 102 flowers (nilsback2008flowers), as square images in colour.

Read from `jpg/`, `imagelabels.mat` and `setid.mat` in `path` itself or in its `flowers-102`, where torchvision puts
them. (torchvision's own reader takes only the published label files; this one takes any of that layout, so a part of
the data will do.) An image is decoded when it is taken: its shorter side is resized, then a square is cut out. Pixels
are in [-1, 1].

Fields: `input`, `label`.

Axes: example channels height width.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from attrs import field, frozen
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from torch import Generator as Random
from torch import Tensor
from torchvision.datasets import Flowers102

from dovetail import Augment, Batch, DatasetSpec, Fields, Image, Label, Mistake, Split, within
from dovetail.randomness import stream
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.download import fetch, unpack
from dovetail_standard.photographs import decode, square
from dovetail_standard.pixels import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Items

CLASSES = 102
FOLDER = "flowers-102"
PARTS = {"train": "trnid", "valid": "valid", "test": "tstid"}
FILES = ("jpg", "imagelabels.mat", "setid.mat")
MARGIN = 76 / 64  # reed2016text: 64 pixels out of 76


@frozen(kw_only=True)
class Flowers102Spec(DatasetSpec):
    """Oxford's 102 flowers, from a folder or a download."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds `jpg`, `imagelabels.mat` and `setid.mat`, or `flowers-102` with them."""
    download: bool = field(default=False, metadata={"identity": False})
    """Fetch them into `flowers-102` of `path` where they are missing, 345 MB."""
    size: int = field(default=64, validator=within("[1, inf)"))
    """Side of the images, in pixels."""
    augment: bool = False
    """Resize to 76/64 of `size`; in training cut out a random square, mirrored or not, otherwise the middle one."""
    division: Literal["official", "shuffled"] = "official"
    """The published 1,020, 1,020 and 6,149 for training, validation and test; or all shuffled, and 6,149, 1,020 and
    1,020."""
    split_seed: int = 0
    """Seed of the shuffled division."""

    def build(self) -> ArrayDataset:
        folder = self._folder()
        labels = _labels(folder / "imagelabels.mat")
        fields = Fields({"input": Image(3, self.size, self.size), "label": Label(CLASSES)})
        numbers = _numbers(folder / "setid.mat", len(labels))
        if self.division == "shuffled":
            numbers = shuffled(numbers, self.split_seed)
        splits = {name: self._split(folder / "jpg", chosen, labels) for name, chosen in numbers.items()}
        contents = {name: (split.labels, [_digest(file) for file in split.files]) for name, split in splits.items()}
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, contents))

    def _split(self, folder: Path, numbers: Tensor, labels: Tensor) -> FlowerSplit:
        files = tuple(folder / f"image_{number:05d}.jpg" for number in numbers.tolist())
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise Mistake(
                f"{folder} must hold every image of setid.mat, but lacks {missing[0]} and {len(missing) - 1} more"
            )
        return FlowerSplit(
            files=files, labels=labels[numbers - 1], size=self.size, margin=MARGIN if self.augment else 1.0
        )

    def _folder(self) -> Path:
        path = self.path.expanduser()
        if self.download and not _complete(path) and not _complete(path / FOLDER):
            _fetch(path / FOLDER)
        folder = path if (path / FILES[0]).exists() else path / FOLDER
        missing = [name for name in FILES if not (folder / name).exists()]
        if missing:
            raise Mistake(
                f"{', '.join(missing)} of Oxford's 102 flowers must be in {path} or its {FOLDER}, but are not: "
                f"set `download = true`, or get them from {Flowers102._download_url_prefix}"
            )
        return folder


@final
@frozen(eq=False, kw_only=True)
class FlowerSplit(Split):
    """Photographs in files, decoded when they are taken.

    The shorter side is resized to `size` times `margin`, and a square of `size` is cut out: from the middle, or where
    and whether mirrored as the example's augmentation draws.
    """

    files: tuple[Path, ...]
    labels: Tensor
    size: int
    margin: float

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        draws = augment if self.margin > 1 else None
        images = [self._image(self.files[index], draws and draws(index)) for index in indices]
        stacked = torch.stack(images) if images else torch.empty(0, 3, self.size, self.size)
        return {"input": scaled(stacked), "label": self.labels[list(indices)]}

    def _image(self, file: Path, random: Random | None) -> Tensor:
        return square(decode(file, round(self.size * self.margin)), self.size, random)


def shuffled(numbers: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """All numbers in three new parts, in order: as many for validation as before, for test as were for training."""
    whole = torch.cat(list(numbers.values()))
    order = whole[torch.randperm(len(whole), generator=stream(seed, "flowers102"))]
    valid, test = len(numbers["valid"]), len(numbers["train"])
    parts = order.split([len(whole) - valid - test, valid, test])
    return {name: part.sort().values for name, part in zip(("train", "valid", "test"), parts, strict=True)}


def _complete(folder: Path) -> bool:
    return all((folder / name).exists() for name in FILES)


def _fetch(folder: Path) -> None:
    archive, md5 = Flowers102._file_dict["image"]
    for name in ("label", "setid"):
        file, file_md5 = Flowers102._file_dict[name]
        fetch([f"{Flowers102._download_url_prefix}{file}"], folder, file_md5)
    unpack(fetch([f"{Flowers102._download_url_prefix}{archive}"], folder, md5), folder)


def _mat(path: Path, name: str) -> Any:
    """One row of integers of a .mat file; scipy's reader of them runs no code."""
    try:
        return torch.from_numpy(loadmat(path)[name].astype(np.int64).reshape(-1))
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        NotImplementedError,
        MatReadError,
        struct.error,
        zlib.error,
    ) as error:
        raise Mistake(f"{path} is no readable .mat file with `{name}` ({error}): get it anew") from error


def _labels(path: Path) -> Tensor:
    """The class of each image in order, from 0."""
    labels: Tensor = _mat(path, "labels")
    if not len(labels) or not 1 <= int(labels.min()) <= int(labels.max()) <= CLASSES:
        raise Mistake(f"{path} must hold labels in 1 … {CLASSES}, but does not: get it anew")
    return labels - 1


def _numbers(path: Path, count: int) -> dict[str, Tensor]:
    """The images of each split, by their numbers from 1."""
    numbers: dict[str, Tensor] = {name: _mat(path, part) for name, part in PARTS.items()}
    for name, chosen in numbers.items():
        if not len(chosen) or not 1 <= int(chosen.min()) <= int(chosen.max()) <= count:
            raise Mistake(f"{path} must number images in 1 … {count} for `{PARTS[name]}`, but does not: get it anew")
    return numbers


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
