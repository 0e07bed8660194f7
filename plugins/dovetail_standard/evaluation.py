"""Evaluation mode for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, and the mode before afterwards."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)
