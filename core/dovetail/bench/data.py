"""Batches of a split in a given order, taken here or by processes beside the training's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from attrs import frozen
from torch.utils.data import DataLoader

from dovetail.interfaces import Batch, Split

Augment = Callable[[int], torch.Generator] | None


@frozen
class _Batches:
    """A split as a map from a batch's place in the order to the batch."""

    split: Split
    order: Sequence[Sequence[int]]
    augment: Augment

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> Batch:
        return self.split.take(self.order[place], self.augment)


def batches_of(
    split: Split, order: Sequence[Sequence[int]], augment: Augment, workers: int, device: torch.device
) -> Iterator[Batch]:
    """The batches in their order, on the device."""
    batches = _Batches(split, order, augment)
    if workers:
        context = (
            "fork" if "fork" in multiprocessing.get_all_start_methods() else None
        )  # spawned ones import torch anew
        source: Any = batches
        loader: Any = DataLoader(
            source,
            batch_size=None,
            num_workers=workers,
            generator=torch.Generator(),  # the global one is training's
            multiprocessing_context=context,
        )
    else:
        loader = (batches[place] for place in range(len(batches)))
    for batch in loader:
        yield batch if device.type == "cpu" else _to(batch, device)


def _to(value: Any, device: torch.device) -> Any:
    from lightning_fabric.utilities import move_data_to_device

    return move_data_to_device(value, device)
