"""The 70,000 handwritten digits of MNIST, 28×28 pixels, as images or as sequences of rows (lecun1998mnist).

Read from the four idx files, gzipped or not, in the folder `path` itself or in its `MNIST/raw`, where torchvision puts
them. Validation is carved from the 60,000 training digits, with `split_seed`. Pixels are in [-1, 1].

Fields: `input`, `label`.

Axes: example channels height width; example time feature (row, column).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen
from torch.nn import functional as F
from torchvision.datasets import MNIST

from dovetail import DatasetSpec, Fields, Label, Mistake, within
from dovetail_standard.arrays import ArrayDataset, ArraySplit, carve, fingerprint_of
from dovetail_standard.download import fetch
from dovetail_standard.idx import find, read_idx
from dovetail_standard.pixels import Form, as_form

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 28
NAMES = tuple("0123456789")


@frozen(kw_only=True)
class MnistSpec(DatasetSpec):
    """MNIST, from a folder or a download."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds the four idx files, or `MNIST/raw` with them."""
    download: bool = field(default=False, metadata={"identity": False})
    """Fetch the files that are missing into `MNIST/raw` of `path`, about 12 MB."""
    form: Form = "image"
    """Images, or sequences of their rows from top to bottom."""
    size: Literal[28, 32] = 28
    """Side of the images, in pixels; 32 has a black edge two pixels wide."""
    valid: int = field(default=5000, validator=within("[1, inf)"))
    """Training digits held back for validation."""
    split_seed: int = 0
    """Seed of the choice of the validation digits."""

    def build(self) -> ArrayDataset:
        train_images, train_labels = self._read("train")
        test_images, test_labels = self._read("t10k")
        space, train = as_form(self._framed(train_images), self.form)
        _, test = as_form(self._framed(test_images), self.form)
        whole = ArraySplit(fields={"input": train, "label": train_labels})
        rest, held = carve(len(whole), self.valid, self.split_seed)
        splits = {
            "train": whole.part(rest),
            "valid": whole.part(held),
            "test": ArraySplit(fields={"input": test, "label": test_labels}),
        }
        fields = Fields({"input": space, "label": Label(len(NAMES), NAMES)})
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, splits))

    def _framed(self, images: Tensor) -> Tensor:
        return F.pad(images, 4 * ((self.size - SIDE) // 2,))[:, None]

    def _read(self, part: str) -> tuple[Tensor, Tensor]:
        images_path, labels_path = self._file(f"{part}-images-idx3-ubyte"), self._file(f"{part}-labels-idx1-ubyte")
        images, labels = read_idx(images_path, axes=3), read_idx(labels_path, axes=1)
        if tuple(images.shape[1:]) != (SIDE, SIDE) or not len(images):
            raise Mistake(
                f"{images_path} must hold images of {SIDE}×{SIDE} pixels, but has the shape {tuple(images.shape)}"
            )
        if len(images) != len(labels):
            raise Mistake(f"{labels_path} must hold a label for each of {len(images)} images, but holds {len(labels)}")
        if int(labels.max()) >= len(NAMES):
            raise Mistake(f"{labels_path} must hold labels in 0 … 9, but holds {int(labels.max())}")
        return images, labels.long()

    def _file(self, name: str) -> Path:
        folder = self.path.expanduser()
        raw = folder / "MNIST" / "raw"
        path = find((folder, raw), name)
        if path is None and self.download:
            md5 = dict(MNIST.resources)[f"{name}.gz"]
            return fetch([f"{mirror}{name}.gz" for mirror in MNIST.mirrors], raw, md5)
        if path is None:
            raise Mistake(
                f"{name} (or {name}.gz) is neither in {folder} nor in {raw}: set `download = true`, "
                f"or put the four files of {MNIST.mirrors[0]} there"
            )
        return path
