"""The training loop: one for every objective, on Lightning Fabric. A run that is interrupted and resumed gives the same result
as one that was not, to the last bit for equal threads, torch version and processor type."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from attrs import define, field
from torch import Tensor

from dovetail.assembly import Model, Runs, assemble
from dovetail.bench import checkpoint as checkpoints
from dovetail.bench.checkpoint import Checkpoint, Place
from dovetail.bench.data import batches_of
from dovetail.bench.files import read_tensors, write_json, write_tensors
from dovetail.bench.identity import measured
from dovetail.bench.stages import carry
from dovetail.bench.store import RunFolder
from dovetail.errors import Failure
from dovetail.interfaces import Batch, Metric, Phase, Progress, Schedule, value_at
from dovetail.randomness import reseed, stream
from dovetail.systems import StageSpec, System

Report = Callable[[dict[str, Any]], None]
"""Called with `{"step", "steps", "epoch", "epochs", "stage", "loss"}` now and then, and with a record after an evaluation."""


@define(eq=False)
class Training:
    """One run being trained in its folder, which the caller has claimed."""

    system: System
    seed: int
    folder: RunFolder
    datasets: list[Any]
    runs: Runs | None = None
    report: Report = lambda _: None
    place: Place = field(factory=Place)
    began: float = field(factory=time.monotonic)

    def run(self) -> dict[str, float]:
        """Train what is left to train; the final metrics, which are in result.json too."""
        saved = checkpoints.load(self.folder.file("checkpoint.safetensors"))
        if saved is not None:
            self.place = saved.place
            self.folder.log(f"goes on at stage {self.place.stage}, epoch {self.place.epoch}, batch {self.place.batch}")
        self._truncate_records()
        before: dict[str, Tensor] | None = None
        for index in range(self.place.stage, len(self.system.stages)):
            stage = Stage(self, index, self.system.stages[index], self.datasets[index])
            stage.begin(saved, before)
            saved = None
            stage.train()
            before = stage.finish()
            if index + 1 < len(self.system.stages):
                self.place = Place(stage=index + 1, records=self.place.records, seconds=self.place.seconds)
        return stage.conclude()

    def elapsed(self) -> float:
        """Seconds of training, earlier sittings included, up to now."""
        now = time.monotonic()
        self.place.seconds += now - self.began
        self.began = now
        return self.place.seconds

    def record(self, record: dict[str, Any]) -> None:
        """Add an evaluation to metrics.jsonl."""
        with self.folder.file("metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.place.records += 1
        self.report(record)
        about = {"name": self.system.name, "seed": self.seed, "folder": str(self.folder.path)}
        self.system.registry.behaviour.call("dovetail_evaluated", run=about, record=record)

    def _truncate_records(self) -> None:
        """Forget evaluations that came after the checkpoint: they will come again."""
        file = self.folder.file("metrics.jsonl")
        if file.exists():
            lines = file.read_text(encoding="utf-8").split("\n")[: self.place.records]
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@define(eq=False)
class Stage:
    """One stage of a run being trained."""

    training: Training
    index: int
    spec: StageSpec
    dataset: Any
    model: Model = field(init=False)
    fabric: Any = field(init=False)
    module: Any = field(init=False)
    optimizers: dict[str, Any] = field(init=False)
    totals: dict[str, Tensor] = field(factory=dict)
    schedules: list[Schedule] = field(init=False)
    higher: bool = field(init=False, default=False)
    saved_at: float = field(factory=time.monotonic)

    @property
    def place(self) -> Place:
        return self.training.place

    @property
    def device(self) -> torch.device:
        device: torch.device = self.fabric.device
        return device

    # ------------------------------------------------------------------------------------------------ beginning

    def begin(self, saved: Checkpoint | None, before: dict[str, Tensor] | None) -> None:
        """Assemble, and go on from a checkpoint or from the stage before."""
        training, train = self.training, self.spec.train
        torch.set_num_threads(train.threads)
        self.fabric = make_fabric(train.device, train.precision)
        self.model = assemble(
            training.system, seed=training.seed, stage=self.index, runs=training.runs, dataset=self.dataset
        )
        if before is not None:
            carried = carry(before, self.model, self.spec.reset)
            training.folder.log(f"stage {self.spec.name}: {carried}")
        phases = self.model.objective.phases
        optimizers = {phase.name: self._optimizer(phase) for phase in phases}
        self.module, *wrapped = self.fabric.setup(self.model.objective, *optimizers.values())
        for metric in self.model.metrics.values():
            metric.to(self.device)
        self.optimizers = dict(zip(optimizers, wrapped, strict=True))
        self.schedules = [module for module in self.model.objective.modules() if isinstance(module, Schedule)]
        self.higher = self._watched_is_higher()
        if saved is not None:
            self.totals = saved.restore(self.model, self.optimizers, self.device)
        else:
            self._save()
            self.training.folder.file("best.safetensors").unlink(missing_ok=True)  # the stage before's

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        parameters = self.model.parameters(phase.parts)
        if not parameters:
            raise Failure(
                f"run {self.training.folder.name}: the phase `{phase.name}` trains {', '.join(phase.parts)}, which have no parameters to train"
            )
        return phase.optimizer.build(parameters=parameters)

    def _watched_is_higher(self) -> bool:
        watched = (self.spec.train.watch or "").partition(".")[0]
        return watched in self.model.metrics and self.model.metrics[watched].direction == "higher"

    # ------------------------------------------------------------------------------------------------- training

    def train(self) -> None:
        """Train the epochs that are left."""
        while self.place.epoch < self.spec.train.epochs and not self.place.done:
            self._epoch()
        if not self.spec.train.epochs and not self.place.records:
            self._evaluate()

    def _epoch(self) -> None:
        train, place, seed = self.spec.train, self.place, self.training.seed
        objective, split = self.model.objective, self.dataset.split("train")
        order = objective.batches(split, train.batch, stream(seed, "order", self.index, place.epoch))[: train.limit]
        if not len(order):
            raise Failure(
                f"run {self.training.folder.name}: the training split gives no batch of {train.batch}: it has {len(split)} examples"
            )
        self.model.train()
        if not place.batch:
            objective.begin_epoch(place.epoch)
            self.totals = {
                phase.name: torch.zeros((), dtype=torch.float64, device=self.device) for phase in objective.phases
            }
        augment = partial(stream, seed, "augment", self.index, place.epoch)
        for batch in batches_of(split, order[place.batch :], augment, train.workers, self.device):
            self._step(batch)
            place.batch += 1
            place.step += 1
            self._now_and_then(len(order))
        place.batch = 0
        place.epoch += 1
        self._check_losses(len(order))
        if place.epoch % train.evaluate == 0 or place.epoch == train.epochs:
            self._evaluate(len(order))
        self._save()

    def _step(self, batch: Batch) -> None:
        """One batch: every phase that is due."""
        place, train = self.place, self.spec.train
        reseed(self.training.seed, "step", self.index, place.step)
        progress = Progress(place.step, place.epoch, tuple(place.validation), self.higher)
        for schedule in self.schedules:
            schedule.value.fill_(schedule.at(progress))
        for phase in self.model.objective.phases:
            if (place.step + 1) % phase.every:
                continue
            optimizer = self.optimizers[phase.name]
            rate = value_at(phase.optimizer.lr, progress)
            for group in optimizer.param_groups:
                group["lr"] = rate
            for _ in range(phase.repeat):
                optimizer.zero_grad(set_to_none=True)
                loss = self.module(batch, phase.name)
                self.fabric.backward(loss)
                if train.clip is not None:
                    self.fabric.clip_gradients(self.module, optimizer, max_norm=train.clip, error_if_nonfinite=False)
                optimizer.step()
                self.totals[phase.name] += loss.detach()

    def _now_and_then(self, batches: int) -> None:
        """Report, and save where it is time to; nothing here looks at a value on the device between reports."""
        now = time.monotonic()
        if now - self.saved_at >= self.spec.train.checkpoint and self.place.batch < batches:
            self._check_losses(self.place.batch)
            self._save()
        self.training.report(
            {
                "stage": self.spec.name, "epoch": self.place.epoch, "epochs": self.spec.train.epochs,
                "batch": self.place.batch, "batches": batches, "step": self.place.step,
            }
        )  # fmt: skip

    def _check_losses(self, batches: int) -> dict[str, float]:
        """Each phase's mean loss in this epoch; a loss that is not finite ends the run."""
        losses = {}
        for phase in self.model.objective.phases:
            updates = sum((step + 1) % phase.every == 0 for step in range(self.place.step - batches, self.place.step))
            losses[phase.name] = float(self.totals[phase.name]) / max(updates * phase.repeat, 1)
            if losses[phase.name] != losses[phase.name] or abs(losses[phase.name]) == float("inf"):
                raise Failure(
                    f"run {self.training.folder.name}: the loss of the phase `{phase.name}` became {losses[phase.name]} in epoch"
                    f" {self.place.epoch}, by step {self.place.step} of stage {self.spec.name}; the checkpoint before it is kept in"
                    f" {self.training.folder.file('checkpoint.safetensors')}"
                )
        return losses

    def _save(self) -> None:
        self.training.elapsed()
        checkpoints.save(
            self.training.folder.file("checkpoint.safetensors"), self.place, self.model, self.optimizers, self.totals
        )
        self.saved_at = time.monotonic()

    # ----------------------------------------------------------------------------------------------- evaluating

    def _evaluate(self, batches: int = 0) -> None:
        place, train = self.place, self.spec.train
        values = self.measure("valid")
        losses = self._check_losses(batches) if batches else {}
        record = {
            "stage": self.spec.name, "epoch": place.epoch, "step": place.step, "seconds": round(self.training.elapsed(), 3),
            **{f"loss.{name}": value for name, value in losses.items()}, **{f"{name}.valid": value for name, value in values.items()},
        }  # fmt: skip
        if train.watch is not None:
            if train.watch not in values:
                raise Failure(
                    f"run {self.training.folder.name}: `train.watch` is `{train.watch}`, but the metrics gave {', '.join(values)}"
                )
            self._watch(values[train.watch])
        self.training.record(record)

    def _watch(self, value: float) -> None:
        place, train = self.place, self.spec.train
        place.validation.append(value)
        best = place.validation[place.best] if place.best is not None else None
        if best is None or (value > best if self.higher else value < best):
            place.best = len(place.validation) - 1
            self._keep("best.safetensors")
        waited = len(place.validation) - 1 - (place.best or 0)
        place.done = train.patience is not None and waited >= train.patience

    def measure(self, split: str) -> dict[str, float]:
        """Every metric over a split, tables flattened: `bleu.4`."""
        return measure(
            self.model,
            self.dataset.split(split),
            self.spec.train.batch,
            self.training.seed,
            self.index,
            self.place.step,
            self.device,
        )

    def _keep(self, name: str) -> None:
        write_tensors(self.training.folder.file(name), self.model.tensors(), {"step": self.place.step})

    # ------------------------------------------------------------------------------------------------ finishing

    def finish(self) -> dict[str, Tensor]:
        """Take up the model that was selected; its tensors, for the next stage."""
        best = self.training.folder.file("best.safetensors")
        if self.place.best is not None and self.spec.train.select == "best":
            self.model.objective.load_state_dict(read_tensors(best)[0])
        return self.model.tensors()

    def conclude(self) -> dict[str, float]:
        """Test the selected model and write what the run came to; then the checkpoint is no longer needed."""
        folder = self.training.folder
        values = {}
        for split in ("valid", "test"):
            values |= {f"{name}.{split}": value for name, value in self.measure(split).items()}
        write_model(folder, self.model, self.training.system.registry)
        result = {
            "metrics": values, "seconds": round(self.training.elapsed(), 3), "epochs": self.place.epoch, "steps": self.place.step,
            "parameters": sum(parameter.numel() for parameter in self.model.objective.parameters()), "device": str(self.device), "measured": measured(self.training.system),
        }  # fmt: skip
        folder.file("failure.json").unlink(missing_ok=True)
        write_json(folder.file("result.json"), result)
        for name in ("checkpoint.safetensors", "best.safetensors"):
            folder.file(name).unlink(missing_ok=True)
        folder.log("finished")
        return values


def write_model(folder: RunFolder, model: Model, registry: Any) -> None:
    """The model's tensors, as the objective names them and slot by slot, and the spaces of the data and of each slot."""
    from dovetail.conversion import space_converter

    slots = {
        f"slot/{path}/{name}": tensor for path in model.built for name, tensor in _part_tensors(model, path).items()
    }
    write_tensors(
        folder.file("model.safetensors"), {**{f"model/{k}": v for k, v in model.tensors().items()}, **slots}, {}
    )
    converter = space_converter(registry)
    built = {
        path: [
            {k: None if v is None else converter.unstructure(v) for k, v in build.spaces.items()} for build in builds
        ]
        for path, builds in model.built.items()
        if any(hasattr(build.module, "state_dict") for build in builds)
    }
    write_json(folder.file("spaces.json"), {"data": converter.unstructure(model.data), "slots": built})


def _part_tensors(model: Model, path: str) -> dict[str, Tensor]:
    """The tensors of what was built at a path; those of its n-th further build behind `n.`"""
    return {
        f"{f'{turn}.' if turn else ''}{name}": tensor
        for turn, build in enumerate(model.built[path])
        if isinstance(build.module, torch.nn.Module)
        for name, tensor in build.module.state_dict().items()
    }


def measure(
    model: Model, split: Any, size: int, seed: int, stage: int, step: int, device: torch.device
) -> dict[str, float]:
    """Every metric of a model over a split, on the evaluation's own random stream."""
    reseed(seed, "evaluate", stage, step)
    for metric in model.metrics.values():
        metric.reset()
    order = model.objective.batches(split, size, None)
    for outcome in model.objective.evaluate(batches_of(split, order, None, 0, device)):
        for metric in model.metrics.values():
            metric.update(outcome)
    return {key: value for name, metric in model.metrics.items() for key, value in flat(name, metric).items()}


def flat(name: str, metric: Metric) -> dict[str, float]:
    """A metric's number under its name, or its table's under `name.key`."""
    value = metric.compute()
    return {f"{name}.{key}": float(v) for key, v in value.items()} if isinstance(value, dict) else {name: float(value)}


def make_fabric(device: str, precision: str) -> Any:
    """Fabric on one device. Imported here, when a run starts: it takes seconds."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's dependencies deprecate one another
        from lightning_fabric import Fabric
    accelerator, _, number = device.partition(":")
    return Fabric(accelerator=accelerator, devices=[int(number)] if number else 1, precision=precision)


def warm_up() -> None:
    """Import what a run needs, ahead of the first one."""
    make_fabric("cpu", "32-true")
