"""The bench: grids, identity, the training loop, checkpoints, the store and the local executor."""

from dovetail.bench.models import load
from dovetail.bench.running import Bench, Run, train
from dovetail.bench.store import Store

__all__ = ["Bench", "Run", "Store", "load", "train"]
