"""Checkpoints: all that training needs to go on as if it had not stopped, in one safetensors file without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from attrs import asdict, define, field
from torch import Tensor

from dovetail.assembly import Model
from dovetail.bench.files import FileFailure, read_tensors, write_tensors

Optimizers = dict[str, torch.optim.Optimizer]
ANEW = "delete the file to start the run anew"


@define
class Place:
    """Where training stands.

    stage, epoch, batch: the stage, the epoch in it, and the next batch of that epoch. step: steps done in the stage.
    validation, best: the watched metric at each evaluation of the stage, and the index of its best one. done: that it
    stopped early. records: evaluations recorded in the run. seconds: of training so far, in all sittings.
    """

    stage: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    validation: list[float] = field(factory=list)
    best: int | None = None
    done: bool = False
    records: int = 0
    seconds: float = 0.0


def save(
    file: Path, *, place: Place, model: Model, optimizers: Optimizers, precision: Any, totals: dict[str, Tensor]
) -> None:
    """Write a checkpoint; the one before stays until this one is whole.

    Args:
        file: where to.
        place: where training stands.
        model: whose tensors, and whose objective's carried state, are kept.
        optimizers: by phase.
        precision: Fabric's, whose state is the scale of losses in half precision.
        totals: the sum of each phase's losses in this epoch.
    """
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
    write_tensors(file, tensors, {"place": asdict(place), "optimizers": plain, "precision": precision.state_dict()})


@define
class Checkpoint:
    """A checkpoint that was read."""

    file: Path
    place: Place
    tensors: dict[str, Tensor]
    optimizers: dict[str, Any]
    precision: dict[str, Any]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix/`, without it."""
        return {
            name[len(prefix) + 1 :]: tensor for name, tensor in self.tensors.items() if name.startswith(f"{prefix}/")
        }

    def restore(self, model: Model, optimizers: Optimizers, precision: Any, device: torch.device) -> dict[str, Tensor]:
        """Put everything back; the totals of the epoch are returned. Raises `FileFailure` where it does not fit."""
        try:
            model.objective.load_state_dict(self.under("model"))
            for phase, optimizer in optimizers.items():
                optimizer.load_state_dict(self._optimizer(phase))
            precision.load_state_dict(self.precision)
        except (KeyError, RuntimeError, ValueError) as error:
            raise FileFailure(f"{self.file}: does not fit the run's model: {error}; {ANEW}") from error
        model.objective.carried = {name: tensor.to(device) for name, tensor in self.under("carried").items()}
        return {name: tensor.to(device) for name, tensor in self.under("totals").items()}

    def _optimizer(self, phase: str) -> dict[str, Any]:
        plain = self.optimizers[phase]
        state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in plain["state"].items()}
        for name, tensor in self.under(f"optimizer/{phase}").items():
            number, key = name.split("/", 1)
            state.setdefault(int(number), {})[key] = tensor
        return {"state": state, "param_groups": plain["groups"]}


def load(file: Path) -> Checkpoint | None:
    """The checkpoint, or None where there is none; raises `FileFailure` where the file is damaged."""
    if not file.exists():
        return None
    try:
        tensors, header = read_tensors(file)
        return Checkpoint(file, Place(**header["place"]), tensors, header["optimizers"], header["precision"])
    except FileFailure as error:
        raise FileFailure(f"{error}; {ANEW}") from error
    except (KeyError, TypeError) as error:
        raise FileFailure(
            f"{file}: is a tensor file, but no checkpoint: {type(error).__name__}: {error}; {ANEW}"
        ) from error
