"""Datasets that fit in memory: each field of a split is a tensor or a `Padded`, and batches are picked by index.

Tensors of bytes are pixels: `take` gives them as floats, 0 as -1 and 255 as 1, so that images stay small in memory.

Axes: example first, then as the field's space says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import Any, final

import attrs
import torch
from attrs import field, frozen
from torch import Tensor

from dovetail.errors import Mistake, close, listed
from dovetail.interfaces import Augment, Batch, Dataset, Split
from dovetail.randomness import stream
from dovetail.spaces import Fields, Padded
from dovetail_standard.pixels import scaled

Array = Tensor | Padded


def _count(array: Array) -> int:
    return len(array.lengths) if isinstance(array, Padded) else len(array)


def _pick(array: Array, indices: Tensor) -> Array:
    if not isinstance(array, Padded):
        return scaled(array[indices])
    lengths = array.lengths[indices]
    time = int(lengths.max()) if len(lengths) else 0
    return Padded(scaled(array.data[indices, :time]), lengths)


def _same_count(_: Any, attribute: attrs.Attribute[Any], fields: Mapping[str, Array]) -> None:
    counts = {name: _count(array) for name, array in fields.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"`{attribute.name}` must hold as many examples each, but hold {counts}")


@final
@frozen(eq=False)
class ArraySplit(Split):
    """A split held in tensors. `take` cuts a `Padded` field to the longest example of the batch; nothing is augmented.

    Raises:
        ValueError: where the fields differ in their number of examples.
    """

    fields: Mapping[str, Array] = field(validator=_same_count)

    def __len__(self) -> int:
        return _count(next(iter(self.fields.values())))

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        chosen = torch.tensor(list(indices), dtype=torch.long)
        return {name: _pick(array, chosen) for name, array in self.fields.items()}

    def part(self, indices: Tensor) -> ArraySplit:
        """A split of these examples only, in this order."""
        picked = {
            name: Padded(array.data[indices], array.lengths[indices]) if isinstance(array, Padded) else array[indices]
            for name, array in self.fields.items()
        }
        return ArraySplit(fields=picked)


@final
@frozen(eq=False)
class ArrayDataset(Dataset):
    """A dataset that is its splits, held in tensors or otherwise, by name; `fingerprint_of` makes its fingerprint."""

    fields: Fields
    splits: Mapping[str, Split]
    fingerprint: str

    def split(self, name: str) -> Split:
        if name not in self.splits:
            raise Mistake(
                f"`{name}` is no split of this dataset; it has {listed(self.splits)} {close(name, self.splits)}"
            )
        return self.splits[name]


def fingerprint_of(*contents: Any) -> str:
    """SHA-256, in hexadecimal, over tensors (type, shape, values), `Padded`, spaces and other attrs classes, mappings,
    tuples, lists, bytes, and whatever `repr` tells in full.
    """
    digest = hashlib.sha256()
    _feed(digest, contents)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous()
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.view(torch.uint8).numpy() if value.ndim else repr(value.item()).encode())
    elif isinstance(value, bytes):
        digest.update(f"bytes{len(value)}".encode())
        digest.update(value)
    elif isinstance(value, Mapping):
        _feed(digest, sorted(value.items()))
    elif isinstance(value, tuple | list):
        digest.update(f"{type(value).__name__}{len(value)}".encode())
        for item in value:
            _feed(digest, item)
    elif attrs.has(type(value)):
        digest.update(type(value).__name__.encode())
        _feed(digest, [getattr(value, attribute.name) for attribute in attrs.fields(type(value))])
    else:
        text = repr(value).encode()
        digest.update(f"{len(text)}:".encode() + text)


def carve(count: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """The numbers below `count` in two parts drawn from a seed, each in order: all but `size` of them, and those.

    Raises:
        Mistake: where `size` leaves nothing for training.
    """
    if not 0 < size < count:
        raise Mistake(f"`valid` must leave examples to train on, but is {size} of {count}")
    shuffled = torch.randperm(count, generator=stream(seed, "carve"))
    return shuffled[size:].sort().values, shuffled[:size].sort().values
