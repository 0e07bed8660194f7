"""The 60,000 small photographs of CIFAR-10, 32×32 pixels in colour, from its binary version (krizhevsky2009cifar).

The binary version is six files of 3,073 bytes an image: its label, then its red, green and blue pixels, row by row; and
`batches.meta.txt` with the classes' names. They are read from `path` itself or from its `cifar-10-batches-bin`.
(torchvision reads the version for Python, which is pickled.) Validation is carved from the 50,000 training images, with
`split_seed`. Pixels are in [-1, 1].

Fields: `input`, `label`.

Axes: example channels height width.
"""

from __future__ import annotations

from pathlib import Path

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import DatasetSpec, Fields, Image, Label, Mistake, within
from dovetail_standard.arrays import ArrayDataset, ArraySplit, carve, fingerprint_of
from dovetail_standard.download import fetch, unpack

SIDE = 32
CLASSES = 10
RECORD = 1 + 3 * SIDE * SIDE  # bytes
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
NAMES = "batches.meta.txt"
ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


@frozen(kw_only=True)
class Cifar10Spec(DatasetSpec):
    """CIFAR-10, from a folder or a download."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds the files of the binary version, or `cifar-10-batches-bin` with them."""
    download: bool = field(default=False, metadata={"identity": False})
    """Fetch and unpack the binary version into `path` where it is missing, 170 MB."""
    valid: int = field(default=5000, validator=within("[1, inf)"))
    """Training images held back for validation."""
    split_seed: int = 0
    """Seed of the choice of the validation images."""

    def build(self) -> ArrayDataset:
        folder = self._folder()
        whole = ArraySplit(fields=_read(folder, TRAIN))
        rest, held = carve(len(whole), self.valid, self.split_seed)
        splits = {"train": whole.part(rest), "valid": whole.part(held), "test": ArraySplit(fields=_read(folder, TEST))}
        fields = Fields({"input": Image(3, SIDE, SIDE), "label": Label(CLASSES, _names(folder / NAMES))})
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, splits))

    def _folder(self) -> Path:
        path = self.path.expanduser()
        if self.download and not _complete(path) and not _complete(path / FOLDER):
            unpack(fetch([ADDRESS], path, MD5), path)
        folder = path if (path / TRAIN[0]).exists() else path / FOLDER
        missing = [name for name in (*TRAIN, *TEST, NAMES) if not (folder / name).is_file()]
        if missing:
            raise Mistake(
                f"{', '.join(missing)} of CIFAR-10's binary version must be in {path} or its {FOLDER}, but are not: "
                f"set `download = true`, or unpack {ADDRESS} there"
            )
        return folder


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (*TRAIN, *TEST, NAMES))


def _read(folder: Path, names: tuple[str, ...]) -> dict[str, Tensor]:
    records = torch.cat([read_records(folder / name) for name in names])
    return {"input": records[:, 1:].reshape(-1, 3, SIDE, SIDE), "label": records[:, 0].long()}


def read_records(path: Path) -> Tensor:
    """The records of one file. Shape: (example, 3073) of bytes.

    Raises:
        Mistake: where the file is empty, cut off, or of another sort.
    """
    content = path.read_bytes()
    if not content or len(content) % RECORD:
        raise Mistake(f"{path} must hold whole records of {RECORD} bytes, but holds {len(content)} bytes: get it anew")
    records = torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, RECORD)
    if int(records[:, 0].max()) >= CLASSES:
        first = int((records[:, 0] >= CLASSES).nonzero()[0])
        raise Mistake(f"{path} must hold labels in 0 … 9, but record {first} has {int(records[first, 0])}: get it anew")
    return records


def _names(path: Path) -> tuple[str, ...]:
    names = tuple(path.read_text(encoding="utf-8", errors="replace").split())
    if len(names) != CLASSES:
        raise Mistake(f"{path} must name {CLASSES} classes, but names {len(names)}")
    return names
