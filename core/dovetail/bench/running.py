"""From a system and a seed to a finished run in the store: identity, claim, training, and what is left if it fails."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from dovetail.bench.devices import check_device
from dovetail.bench.files import FileFailure, remove_leftovers, write_json
from dovetail.bench.identity import Identity, identify, measured, versions
from dovetail.bench.store import CHECKPOINTS, FinishedRun, RunFolder, Store, check_folder
from dovetail.conversion import spec_converter
from dovetail.errors import DovetailError, Failure, Mistake
from dovetail.fitting import Checker
from dovetail.registries import Registry
from dovetail.systems import System

Report = Callable[[dict[str, Any]], None]


@frozen
class Run:
    """A finished run: its folder and its final metrics."""

    folder: RunFolder
    metrics: dict[str, float]


@define
class Bench:
    """Trains systems into a store, opening each dataset once."""

    registry: Registry
    store: Store
    checker: Checker = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.checker = Checker(self.registry, self.store.earlier(self.registry))

    def identify(self, system: System, seed: int) -> Identity:
        """The run's key and identity; opens the data."""
        return identify(system, seed, [self.checker.dataset(stage.dataset).fingerprint for stage in system.stages])

    def folder(self, system: System, seed: int, identity: Identity) -> RunFolder:
        return self.store.folder(system.name, seed, identity.key)

    def train(self, system: System, seed: int, report: Report = lambda _: None) -> Run | None:
        """Train a run, go on with it, or take its result if it has finished; None where another process trains it now.

        Raises:
            Failure: it failed; the error names the run, and failure.json holds the traceback.
            Mistake: this machine lacks the device that it is to train on.
        """
        if type(seed) is not int or seed < 0:
            raise Mistake(f"`seed` must be an integer of at least 0, but is {seed!r}")
        for stage in system.stages:
            check_device(stage.train.device)
        check_folder(self.store.path)
        identity = self.identify(system, seed)
        folder = self.folder(system, seed, identity)
        with folder.claim() as mine:
            if not mine:
                return None
            if damage := folder.damage():
                raise FileFailure(damage)
            if self.store.changes(folder, identity):
                self.store.set_aside(folder)
                return self.train(system, seed, report)
            self._bring_up_to_date(system, seed, identity, folder, report)
            return Run(folder, folder.result()["metrics"])

    def lacks(self, folder: RunFolder, system: System) -> bool:
        """Whether a finished run was not measured by every metric of the system, which are not in its key."""
        before = folder.result()["measured"]
        return any(before.get(name) != about for name, about in measured(system).items())

    def _bring_up_to_date(
        self, system: System, seed: int, identity: Identity, folder: RunFolder, report: Report
    ) -> None:
        finished = folder.file("result.json").exists()
        try:
            remove_leftovers(folder.path, *(CHECKPOINTS if finished else ()))
            if not finished:
                self._train(system, seed, identity, folder, report)
            elif self.lacks(folder, system):
                self._measure_again(system, seed, folder)
        except Exception as error:
            text = str(error) if isinstance(error, DovetailError) else f"{type(error).__name__}: {error}"
            message = text if folder.name in text else f"run {folder.name}: {text}"
            message += self._record(folder, error, message)
            raise (Mistake if isinstance(error, Mistake) else Failure)(message) from error

    def _train(self, system: System, seed: int, identity: Identity, folder: RunFolder, report: Report) -> None:
        from dovetail.bench.loop import Training

        if not folder.file("run.json").exists():
            write_json(folder.file("run.json"), self._about(system, seed, identity))
        folder.log(f"trains {system.name} with seed {seed}")
        about = {"name": system.name, "seed": seed, "folder": str(folder.path), "spec": folder.about()["system"]}
        self.registry.behaviour.call("dovetail_run_started", run=about)
        datasets = [self.checker.dataset(stage.dataset) for stage in system.stages]

        def heard(event: dict[str, Any]) -> None:
            report(event)
            if "seconds" in event:
                self.registry.behaviour.call("dovetail_evaluated", run=about, record=event)

        metrics = Training(system, seed, folder, datasets, self.checker.runs, heard).run()
        self.registry.behaviour.call("dovetail_run_finished", run=about, result=metrics)

    def _measure_again(self, system: System, seed: int, folder: RunFolder) -> None:
        """Compute the metrics anew from the run's model."""
        from dovetail.assembly import assemble
        from dovetail.bench.devices import make_fabric
        from dovetail.bench.measuring import Measuring, remarks
        from dovetail.bench.models import final_progress, load_weights

        last, stage = len(system.stages) - 1, system.stages[-1]
        finished = FinishedRun(folder, self.registry, self.store)
        dataset = self.checker.dataset(stage.dataset)
        model = assemble(system, seed=seed, stage=last, runs=self.checker.runs, dataset=dataset)
        load_weights(model, finished)
        device = make_fabric(stage.train.device, stage.train.precision).device
        for module in (model.objective, *model.metrics.values()):
            module.to(device)
        measuring = Measuring(stage.train.batch, seed, last, device)
        values = measuring(model, dataset, ("valid", "test"), final_progress(model, finished))
        result, now = folder.result(), measured(system)
        others = {name: value for name, value in result["metrics"].items() if name.partition(".")[0] not in now}
        result |= {"metrics": others | values, "measured": result["measured"] | now}
        write_json(folder.file("result.json"), result)
        folder.log(f"measured again, by {', '.join(now)}")
        for remark in remarks(model):
            folder.log(f"test: {remark}")

    def _record(self, folder: RunFolder, error: Exception, message: str) -> str:
        """Record a failure, where a run has not finished; what more there is to say of it."""
        ours = isinstance(error, DovetailError)
        try:
            folder.log(f"failed: {message}")
            if not folder.file("result.json").exists():
                kind = "file" if isinstance(error, FileFailure | OSError) else "error"
                folder.fail(kind, message, traceback.format_exc())
        except FileFailure as unrecorded:
            return f"\n    nor could that be recorded: {unrecorded}"
        return "" if ours else f"\n    its traceback is in {folder.file('failure.json')}"

    def _about(self, system: System, seed: int, identity: Identity) -> dict[str, Any]:
        converter = spec_converter(system.registry)
        packages = ("dovetail", "torch", "torchvision", "numpy", "lightning-fabric")
        return {
            "name": system.name,
            "seed": seed,
            "key": identity.key,
            "identity": identity.identity,
            "system": [converter.unstructure(stage) for stage in system.stages],
            "versions": versions(system),
            "made_of": identity.made_of,
            "environment": {
                "python": platform.python_version(),
                "processor": _processor(),
                "platform": sys.platform,
                **{name: version(name) for name in packages},
            },
        }


def _processor() -> str:
    """The processor's model name, by which results may differ."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def train(system: System, seed: int = 0, store: Path | str | None = None, report: Report = lambda _: None) -> Run:
    """Train a system with a seed, with the same loop and into the same store as the command.

    Raises:
        Failure: the run failed, or another process trains it now.
    """
    run = Bench(system.registry, Store.at(store)).train(system, seed, report)
    if run is None:
        raise Failure(f"{system.name} with seed {seed} is being trained by another process")
    return run
