"""Notes: auxiliary losses and exhibits that a part leaves for whoever listens, and that need no place in return values.

    with collect() as notes:
        logits = generator(tokens)
    loss = cross_entropy(...) + weight * notes.losses["kl"]

Nothing happens where no `collect` is open. Losses are unweighted: weights belong to the objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from attrs import Factory, define

if TYPE_CHECKING:
    from torch import Tensor

_open: ContextVar[Notes | None] = ContextVar("dovetail_notes", default=None)


@define
class Notes:
    """What was noted: each loss summed over its notes, each exhibit (detached) in the order of its notes."""

    keep_exhibits: bool = False
    losses: dict[str, Tensor] = Factory(dict)
    exhibits: dict[str, list[Tensor]] = Factory(dict)


@contextmanager
def collect(exhibits: bool = False) -> Iterator[Notes]:
    """Collect the notes made inside, and hide them from an outer `collect`."""
    notes = Notes(keep_exhibits=exhibits)
    token = _open.set(notes)
    try:
        yield notes
    finally:
        _open.reset(token)


def loss(name: str, value: Tensor) -> None:
    """Note an auxiliary loss, a 0-dimensional tensor."""
    if (notes := _open.get()) is not None:
        notes.losses[name] = notes.losses[name] + value if name in notes.losses else value


def exhibit(name: str, value: Tensor) -> None:
    """Note a value worth drawing (attention weights, goals, glimpse boxes); kept only where asked for."""
    if (notes := _open.get()) is not None and notes.keep_exhibits:
        notes.exhibits.setdefault(name, []).append(value.detach())
