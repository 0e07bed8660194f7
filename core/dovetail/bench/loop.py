"""The training loop: one for every objective, on Lightning Fabric.

A run that is interrupted and resumed gives the same result as one that was not, to the last bit for equal threads,
torch version and processor type.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from attrs import define, field
from torch import Tensor

from dovetail.assembly import Model, Runs, assemble
from dovetail.bench import checkpoint as checkpoints
from dovetail.bench.checkpoint import Checkpoint, Place
from dovetail.bench.data import batches_of
from dovetail.bench.devices import adds_nothing, make_fabric
from dovetail.bench.files import FileFailure, append_line, read_tensors, write_json, write_tensors, write_text
from dovetail.bench.identity import measured
from dovetail.bench.measuring import Measuring, fill, remarks, schedules_in, watches_higher
from dovetail.bench.models import write_model
from dovetail.bench.stages import carry
from dovetail.bench.store import CHECKPOINTS, RunFolder
from dovetail.errors import Failure
from dovetail.interfaces import Batch, Phase, Progress, Schedule, Split, value_at
from dovetail.randomness import reseed, stream
from dovetail.systems import StageSpec, System

Report = Callable[[dict[str, Any]], None]
"""Called after each step with where training stands (`stage`, `epoch`, `epochs`, `batch`, `batches`, `step`), and after
each evaluation with its record (which has `seconds`)."""

CHECKPOINT, BEST = CHECKPOINTS


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
        saved = checkpoints.load(self.folder.file(CHECKPOINT))
        if saved is not None:
            self.place = saved.place
            self.folder.log(f"goes on at stage {self.place.stage}, epoch {self.place.epoch}, batch {self.place.batch}")
        self._forget_later_records()
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
        append_line(self.folder.file("metrics.jsonl"), json.dumps(record))
        self.place.records += 1
        self.report(record)

    def _forget_later_records(self) -> None:
        """Forget evaluations that came after the checkpoint: they will come again."""
        file = self.folder.file("metrics.jsonl")
        lines = self.folder.lines()
        if len(lines) - 1 < self.place.records:
            raise FileFailure(
                f"{file}: has {len(lines) - 1} evaluations, but there were {self.place.records} when"
                f" {self.folder.file(CHECKPOINT)} was written; delete that to start the run anew"
            )
        if lines[self.place.records :] != [""]:
            write_text(file, "".join(f"{line}\n" for line in lines[: self.place.records]))


@define(eq=False)
class Update:
    """A phase with what it needs at each step."""

    phase: Phase
    optimizer: Any

    @property
    def name(self) -> str:
        return self.phase.name

    def due(self, step: int) -> bool:
        return (step + 1) % self.phase.every == 0

    def updates(self, first: int, end: int) -> int:
        """How many updates the steps from `first` up to `end` make."""
        return (end // self.phase.every - first // self.phase.every) * self.phase.repeat


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
    backward: Any = field(init=False)
    updates: list[Update] = field(init=False)
    schedules: list[Schedule] = field(init=False)
    higher: bool = field(init=False)
    totals: dict[str, Tensor] = field(factory=dict)
    saved_at: float = field(factory=time.monotonic)

    @property
    def place(self) -> Place:
        return self.training.place

    @property
    def device(self) -> torch.device:
        device: torch.device = self.fabric.device
        return device

    @property
    def subject(self) -> str:
        return f"run {self.training.folder.name}"

    # ------------------------------------------------------------------------------------------------ beginning

    def begin(self, saved: Checkpoint | None, before: dict[str, Tensor] | None) -> None:
        """Assemble, and go on from a checkpoint or from the stage before."""
        training, train = self.training, self.spec.train
        torch.set_num_threads(train.threads)
        self.fabric = make_fabric(train.device, train.precision)
        self.model = assemble(
            training.system, seed=training.seed, stage=self.index, runs=training.runs, dataset=self.dataset
        )
        if remark := self.dataset.split("train").remark():
            training.folder.log(f"stage {self.spec.name}: train: {remark}")
        if before is not None:
            carried = carry(before, self.model, self.spec.reset)
            training.folder.log(f"stage {self.spec.name}: {carried}")
        self._set_up()
        if saved is not None:
            self.totals = saved.restore(self.model, self._optimizers(), self.precision, self.device)
        else:
            self._save()
            training.folder.file(BEST).unlink(missing_ok=True)  # the stage before's

    def _set_up(self) -> None:
        """Hand the objective and its optimizers to Fabric, and move all to the device."""
        objective = self.model.objective
        given = [self._optimizer(phase) for phase in objective.phases]
        if not given and self.spec.train.epochs:
            raise Failure(f"{self.subject}: its objective trains nothing: `train.epochs` must be 0")
        made = self.fabric.setup(objective, *given)
        self.module, *optimizers = made if given else [made]
        self.backward = self.fabric.backward
        if adds_nothing(self.fabric):
            self.module, optimizers, self.backward = objective, given, Tensor.backward
        self.updates = [Update(phase, optimizer) for phase, optimizer in zip(objective.phases, optimizers, strict=True)]
        for metric in self.model.metrics.values():
            metric.to(self.device)
        self.schedules = schedules_in(self.model)
        self.higher = watches_higher(self.model, self.spec.train)

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        parameters = self.model.parameters(phase.parts)
        if not parameters:
            parts = ", ".join(phase.parts)
            raise Failure(f"{self.subject}: the phase `{phase.name}` trains {parts}, which have no parameters to train")
        return phase.optimizer.build(parameters=parameters)

    def _optimizers(self) -> dict[str, Any]:
        return {update.name: update.optimizer for update in self.updates}

    @property
    def precision(self) -> Any:
        """What scales losses in half precision: its state is part of training's."""
        return self.fabric.strategy.precision

    # ------------------------------------------------------------------------------------------------- training

    def train(self) -> None:
        """Train the epochs that are left."""
        while self.place.epoch < self.spec.train.epochs and not self.place.done:
            self._epoch()
        if not self.spec.train.epochs and not self.place.records:
            self._evaluate({})

    def _epoch(self) -> None:
        train, place, seed = self.spec.train, self.place, self.training.seed
        objective, split = self.model.objective, self.dataset.split("train")
        order = objective.batches(split, train.batch, stream(seed, "order", self.index, place.epoch))[: train.limit]
        if not len(order):
            raise Failure(
                f"{self.subject}: the training split gives no batch of {train.batch}: it has {len(split)} examples"
            )
        self.model.train()
        if not place.batch:
            objective.begin_epoch(place.epoch)
            zero = partial(torch.zeros, (), dtype=torch.float64, device=self.device)
            self.totals = {update.name: zero() for update in self.updates}
        self.steps(split, order)
        losses = self._losses()
        place.batch = 0
        place.epoch += 1
        if place.epoch % train.evaluate == 0 or place.epoch == train.epochs:
            self._evaluate(losses)
        self._save()

    def steps(self, split: Split, order: Sequence[Sequence[int]]) -> None:
        """The steps of an epoch that are left: one on each batch of the order."""
        place, train = self.place, self.spec.train
        augment = partial(stream, self.training.seed, "augment", self.index, place.epoch)
        for batch in batches_of(split, order[place.batch :], augment, train.workers, self.device):
            self._step(batch)
            place.batch += 1
            place.step += 1
            self._after_step(len(order))

    def _step(self, batch: Batch) -> None:
        """One batch: every phase that is due."""
        step, clip = self.place.step, self.spec.train.clip
        reseed(self.training.seed, "step", self.index, step)
        progress = self._progress()
        fill(self.schedules, progress)
        for update in self.updates:
            if not update.due(step):
                continue
            optimizer, phase = update.optimizer, update.phase
            rate = value_at(phase.optimizer.lr, progress)
            for group in optimizer.param_groups:
                group["lr"] = rate
            for _ in range(phase.repeat):
                optimizer.zero_grad(set_to_none=True)
                loss = self.module(batch, phase.name)
                self.backward(loss)
                if clip is not None:
                    self.fabric.clip_gradients(self.module, optimizer, max_norm=clip, error_if_nonfinite=False)
                optimizer.step()
                self.totals[phase.name] += loss.detach()

    def _after_step(self, batches: int) -> None:
        """Report, and save where it is time to; nothing here looks at a value on the device between saves."""
        place, train = self.place, self.spec.train
        if place.batch < batches and time.monotonic() - self.saved_at >= train.checkpoint:
            self._losses()
            self._save()
        self.training.report(
            {
                "stage": self.spec.name, "epoch": place.epoch, "epochs": train.epochs,
                "batch": place.batch, "batches": batches, "step": place.step,
            }
        )  # fmt: skip

    def _losses(self) -> dict[str, float]:
        """The mean loss in this epoch so far of each phase that had a turn; one that is not finite ends the run."""
        place, losses = self.place, {}
        for update in self.updates:
            updates = update.updates(place.step - place.batch, place.step)
            if not updates:
                continue
            losses[update.name] = float(self.totals[update.name]) / updates
            if not math.isfinite(losses[update.name]):
                raise Failure(
                    f"{self.subject}: the loss of the phase `{update.name}` became {losses[update.name]} in epoch"
                    f" {place.epoch + 1} of stage {self.spec.name}, by step {place.step}; the checkpoint before it is"
                    f" {self.training.folder.file(CHECKPOINT)}"
                )
        return losses

    def _progress(self) -> Progress:
        place = self.place
        return Progress(place.step, place.epoch, tuple(place.validation), self.higher)

    def _save(self) -> None:
        self.training.elapsed()
        checkpoints.save(
            self.training.folder.file(CHECKPOINT),
            place=self.place,
            model=self.model,
            optimizers=self._optimizers(),
            precision=self.precision,
            totals=self.totals,
        )
        self.saved_at = time.monotonic()

    # ----------------------------------------------------------------------------------------------- evaluating

    def _evaluate(self, losses: dict[str, float]) -> None:
        """Measure on the validation split, record it, and note the best model."""
        place, watch = self.place, self.spec.train.watch
        values = self._measure("valid")
        if watch is not None and f"{watch}.valid" not in values:
            gave = ", ".join(name.removesuffix(".valid") for name in values) or "nothing"
            raise Failure(f"{self.subject}: `train.watch` is `{watch}`, but the metrics gave {gave}")
        if watch is not None:
            self._watch(values[f"{watch}.valid"])
        seconds = round(self.training.elapsed(), 3)
        record = {"stage": self.spec.name, "epoch": place.epoch, "step": place.step, "seconds": seconds}
        self.training.record(record | {f"loss.{name}": value for name, value in losses.items()} | values)

    def _watch(self, value: float) -> None:
        place, train = self.place, self.spec.train
        best = place.validation[place.best] if place.best is not None else math.nan
        place.validation.append(value)
        better = value > best if self.higher else value < best
        if better or math.isnan(best):
            place.best = len(place.validation) - 1
            write_tensors(self.training.folder.file(BEST), self.model.tensors(), {"step": place.step})
        waited = len(place.validation) - 1 - (place.best or 0)
        solved = train.target is not None and (value >= train.target if self.higher else value <= train.target)
        place.done = solved or (train.patience is not None and waited >= train.patience)

    def _measure(self, *splits: str) -> dict[str, float]:
        """Every metric over the splits."""
        measuring = Measuring(self.spec.train.batch, self.training.seed, self.index, self.device)
        return measuring(self.model, self.dataset, splits, self._progress())

    # ------------------------------------------------------------------------------------------------ finishing

    def finish(self) -> dict[str, Tensor]:
        """Take up the model that was selected; its tensors, for the next stage."""
        if self.place.best is not None and self.spec.train.select == "best":
            self.model.objective.load_state_dict(read_tensors(self.training.folder.file(BEST))[0])
        return self.model.tensors()

    def conclude(self) -> dict[str, float]:
        """Test the selected model and write what the run came to; then the checkpoint is no longer needed."""
        folder, place = self.training.folder, self.place
        values = self._measure("valid", "test")
        for remark in remarks(self.model):
            folder.log(f"test: {remark}")
        write_model(folder, self.model, self.training.system.registry)
        folder.file("failure.json").unlink(missing_ok=True)
        write_json(
            folder.file("result.json"),
            {
                "metrics": values,
                "measured": measured(self.training.system),
                "seconds": round(self.training.elapsed(), 3),
                "epochs": place.epoch,
                "steps": place.step,
                "validation": place.validation,
                "parameters": sum(parameter.numel() for parameter in self.model.objective.parameters()),
                "device": str(self.device),
            },
        )
        for name in CHECKPOINTS:
            folder.file(name).unlink(missing_ok=True)
        folder.log("finished")
        return values
