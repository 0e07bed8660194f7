"""Checkpoints: all that training needs to go on as if it had not stopped, in one safetensors file without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from attrs import asdict, define, field
from torch import Tensor

from dovetail.assembly import Model
from dovetail.bench.files import read_tensors, write_tensors

Optimizers = dict[str, torch.optim.Optimizer]


@define
class Place:
    """Where training stands: the stage, the epoch in it, the next batch of the epoch, and steps done in the stage.

    `validation` is the watched metric at each evaluation of the stage, `best` the index of its best one; `totals` are the sums
    of each phase's losses in this epoch.
    """

    stage: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    validation: list[float] = field(factory=list)
    best: int | None = None
    records: int = 0
    seconds: float = 0.0
    done: bool = False


def save(file: Path, place: Place, model: Model, optimizers: Optimizers, totals: dict[str, Tensor]) -> None:
    """Write a checkpoint; the one before stays until this one is whole."""
    tensors = {f"model/{name}": tensor for name, tensor in model.tensors().items()}
    tensors |= {f"carried/{name}": tensor for name, tensor in model.objective.carried.items()}
    tensors |= {f"totals/{name}": tensor for name, tensor in totals.items()}
    plain: dict[str, Any] = {}
    for phase, optimizer in optimizers.items():
        state = optimizer.state_dict()
        plain[phase] = {"groups": state["param_groups"], "state": {}}
        for number, values in state["state"].items():
            plain[phase]["state"][number] = {}
            for name, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{phase}/{number}/{name}"] = value
                else:
                    plain[phase]["state"][number][name] = value
    write_tensors(file, tensors, {"place": asdict(place), "optimizers": plain})


@define
class Checkpoint:
    """A checkpoint that was read."""

    place: Place
    tensors: dict[str, Tensor]
    optimizers: dict[str, Any]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix/`, without it."""
        return {
            name[len(prefix) + 1 :]: tensor for name, tensor in self.tensors.items() if name.startswith(f"{prefix}/")
        }

    def restore(self, model: Model, optimizers: Optimizers, device: torch.device) -> dict[str, Tensor]:
        """Put everything back; the totals of the epoch are returned."""
        model.objective.load_state_dict(self.under("model"))
        model.objective.carried = {name: tensor.to(device) for name, tensor in self.under("carried").items()}
        for phase, optimizer in optimizers.items():
            plain = self.optimizers[phase]
            state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in plain["state"].items()}
            for name, tensor in self.under(f"optimizer/{phase}").items():
                number, key = name.split("/", 1)
                state.setdefault(int(number), {})[key] = tensor
            optimizer.load_state_dict({"state": state, "param_groups": plain["groups"]})
        return {name: tensor.to(device) for name, tensor in self.under("totals").items()}


def load(file: Path) -> Checkpoint | None:
    """The checkpoint, or None where there is none; raises `Failure` where the file is none of ours."""
    if not file.exists():
        return None
    tensors, header = read_tensors(file)
    return Checkpoint(Place(**header["place"]), tensors, header["optimizers"])
