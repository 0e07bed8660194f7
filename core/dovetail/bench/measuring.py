"""Measuring a model over a split, the same way while it trains, when it is done, and again later from its files."""

from __future__ import annotations

from typing import Any

import torch
from attrs import frozen

from dovetail.assembly import Model
from dovetail.bench.data import batches_of
from dovetail.interfaces import Metric, Progress, Schedule
from dovetail.randomness import reseed
from dovetail.systems import Train


def watches_higher(model: Model, train: Train) -> bool:
    """Whether more of the watched metric is better."""
    watched = (train.watch or "").partition(".")[0]
    return watched in model.metrics and model.metrics[watched].direction == "higher"


def schedules_in(model: Model) -> list[Schedule]:
    """The scheduled quantities inside a model."""
    return [module for module in model.objective.modules() if isinstance(module, Schedule)]


def fill(schedules: list[Schedule], progress: Progress) -> None:
    """Set the scheduled quantities to their values at this point of training."""
    for schedule in schedules:
        schedule.value.fill_(schedule.at(progress))


@frozen
class Measuring:
    """How the models of a run's stage are measured: batches of `size`, on a random stream of its own, on `device`."""

    size: int
    seed: int
    stage: int
    device: torch.device

    def __call__(self, model: Model, dataset: Any, splits: tuple[str, ...], progress: Progress) -> dict[str, float]:
        """Every metric over each split, by `name.split`, tables flattened: `bleu.4.test`."""
        return {
            f"{name}.{split}": value
            for split in splits
            for name, value in self._over(model, dataset.split(split), progress).items()
        }

    def _over(self, model: Model, split: Any, progress: Progress) -> dict[str, float]:
        reseed(self.seed, "evaluate", self.stage, progress.step)
        fill(schedules_in(model), progress)
        for metric in model.metrics.values():
            metric.reset()
        order = model.objective.batches(split, self.size, None)
        for outcome in model.objective.evaluate(batches_of(split, order, None, 0, self.device)):
            for metric in model.metrics.values():
                metric.update(outcome)
        return {key: value for name, metric in model.metrics.items() for key, value in flat(name, metric).items()}


def flat(name: str, metric: Metric) -> dict[str, float]:
    """A metric's number under its name, or its table's numbers under `name.key`."""
    value = metric.compute()
    return {f"{name}.{key}": float(v) for key, v in value.items()} if isinstance(value, dict) else {name: float(value)}


def remarks(model: Model) -> list[str]:
    """What the metrics say of the split that they measured last."""
    said = {name: metric.remark() for name, metric in model.metrics.items()}
    return [f"{name}: {remark}" for name, remark in said.items() if remark]
