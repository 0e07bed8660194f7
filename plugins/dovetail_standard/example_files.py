"""Tiny datasets of random values in the published formats, for the examples of the datasets that read them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture
from scipy.io import savemat

from dovetail_standard import cifar10, flickr8k, flickr30k, mnist

Writer = Callable[[Path, int], None]
"""Writes the files of a dataset into a folder; other data for another number."""


def files(write: Writer, number: int = 0, /, **values: Any) -> Callable[[Path], Mapping[str, Any]]:
    """The values of an example whose `path` is a folder of such files."""

    def values_in(folder: Path) -> dict[str, Any]:
        place = folder / str(number)
        place.mkdir(exist_ok=True)
        write(place, number)
        return {"path": str(place), **values}

    return values_in


def write_mnist(folder: Path, number: int) -> None:
    """Four idx files: 12 digits for training and 8 for testing."""
    random = np.random.default_rng(number)
    for part, count in (("train", 12), ("t10k", 8)):
        images = random.integers(256, size=(count, mnist.SIDE, mnist.SIDE), dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(_idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(_idx(random.integers(10, size=count, dtype=np.uint8)))


def _idx(values: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def write_cifar10(folder: Path, number: int) -> None:
    """Five files of two records for training, one of four for testing, and the names of the classes."""
    random = np.random.default_rng(number)
    for name in (*cifar10.TRAIN, *cifar10.TEST):
        records = random.integers(256, size=(2 if name in cifar10.TRAIN else 4, cifar10.RECORD), dtype=np.uint8)
        records[:, 0] %= cifar10.CLASSES
        (folder / name).write_bytes(records.tobytes())
    (folder / cifar10.NAMES).write_text("\n".join(f"class{number}" for number in range(cifar10.CLASSES)))


def write_flowers102(folder: Path, number: int) -> None:
    """Nine photographs, wide and high, with their labels and the published division."""
    random = np.random.default_rng(number)
    (folder / "jpg").mkdir(exist_ok=True)
    for image in range(1, 10):
        size = (24, 16, 3) if image % 2 else (16, 20, 3)
        picture = Picture.fromarray(random.integers(256, size=size, dtype=np.uint8))
        picture.save(folder / "jpg" / f"image_{image:05d}.jpg")
    savemat(folder / "imagelabels.mat", {"labels": random.integers(1, 103, size=(1, 9))})
    savemat(folder / "setid.mat", {"trnid": [[2, 5, 6]], "valid": [[9, 1, 3]], "tstid": [[4, 7, 8]]})


def write_flickr8k(folder: Path, number: int) -> None:
    """Eleven photographs with five captions each in both forms, and the names of those of each split."""
    photographs = _captioned(folder / flickr8k.FOLDERS[0], number)
    for name in flickr8k.CAPTIONS.values():
        lines = [
            f"{image}#{place}\t{text}\n" for image, texts in photographs.items() for place, text in enumerate(texts)
        ]
        (folder / name).write_text("".join(lines), encoding="utf-8")
    for name, images in _divided(photographs).items():
        (folder / flickr8k.PARTS[name]).write_text("".join(f"{image}\n" for image in images), encoding="utf-8")


def write_flickr30k(folder: Path, number: int) -> None:
    """Eleven photographs with five captions each, and Karpathy's division of them."""
    photographs = _captioned(folder / flickr30k.FOLDERS[0], number)
    lines = [f"{image}#{place}\t{text}\n" for image, texts in photographs.items() for place, text in enumerate(texts)]
    (folder / flickr30k.CAPTIONS).write_text("".join(lines), encoding="utf-8")
    (folder / flickr30k.DIVISION).write_text(_division(photographs), encoding="utf-8")


def write_coco_captions(folder: Path, number: int) -> None:
    """Eleven photographs with five captions each, in the editions' two parts."""
    photographs = _captioned(folder / "train2014", number)
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "val2014").mkdir(exist_ok=True)
    for part, chosen in (("train", slice(0, 5)), ("val", slice(5, None))):
        images = [*photographs][chosen]
        for image in images if part == "val" else ():
            (folder / "train2014" / image).rename(folder / "val2014" / image)
        told = [
            {"id": 10 * place + turn, "image_id": place, "caption": text}
            for place, image in enumerate(images)
            for turn, text in enumerate(photographs[image])
        ]
        content = {"images": [{"id": n, "file_name": image} for n, image in enumerate(images)], "annotations": told}
        (folder / "annotations" / f"captions_{part}2014.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "dataset_coco.json").write_text(_division(photographs), encoding="utf-8")


def _division(names: Iterable[str]) -> str:
    words = {"train": "train", "valid": "val", "test": "test"}
    parts = _divided(names)
    images = [{"filename": image, "split": words[split]} for split, chosen in parts.items() for image in chosen]
    return json.dumps({"images": images})


def _captioned(folder: Path, number: int) -> dict[str, list[str]]:
    """Eleven small photographs, and five captions of each."""
    random = np.random.default_rng(number)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{image}_{number}.jpg" for image in range(100, 111)]
    for name in names:
        Picture.fromarray(random.integers(256, size=(9, 12, 3), dtype=np.uint8)).save(folder / name)
    texts = [line.strip() for line in _lines(5 * len(names), number).splitlines()]
    return {name: texts[5 * place : 5 * place + 5] for place, name in enumerate(names)}


def _divided(names: Iterable[str]) -> dict[str, list[str]]:
    images = list(names)
    return {"train": images[:5], "valid": images[5:8], "test": images[8:]}


WORDS = ["the", "a", "cat", "dog", "sees", "hears", "chases", "red", "blue", "old", "young", "and", "of", "with"]


def write_text(folder: Path, number: int) -> None:
    """One text of forty lines, without files named after splits."""
    (folder / "text.txt").write_text(_lines(40, number), encoding="utf-8")


def write_split_text(folder: Path, number: int) -> None:
    """A file each for training, validation and testing."""
    for place, (split, count) in enumerate((("train", 12), ("valid", 5), ("test", 6))):
        (folder / f"some.{split}.txt").write_text(_lines(count, number + 10 * place), encoding="utf-8")


def _lines(count: int, number: int) -> str:
    random = np.random.default_rng(number)
    return "".join(" ".join(random.choice(WORDS, size=random.integers(2, 8))) + "\n" for _ in range(count))
