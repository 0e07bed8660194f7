"""Random streams by path: what is random depends on a seed and on names, never on what ran before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed from a run's seed and the names of the stream: SHA-256 of both."""
    text = "\x1f".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A generator of its own for the stream."""
    return torch.Generator().manual_seed(stream_seed(seed, *names))


def reseed(seed: int, *names: str | int) -> None:
    """Seed torch's global generators for the stream."""
    value = stream_seed(seed, *names)
    torch.default_generator.manual_seed(value)  # torch.manual_seed looks for devices first: 77 µs
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(value)


@contextmanager
def on_stream(seed: int, *names: str | int) -> Iterator[None]:
    """Run a block on a stream of torch's global generator, and leave the generator as it was."""
    before = torch.default_generator.get_state()
    reseed(seed, *names)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
