"""The local executor: warm worker processes that train runs one after another, and survive one another's death."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import connection
from typing import Any

from attrs import define, field, frozen

from dovetail.bench.files import FileFailure
from dovetail.bench.running import Bench
from dovetail.bench.store import RunFolder, Store, check_folder
from dovetail.conversion import spec_converter
from dovetail.errors import DovetailError, Where
from dovetail.registries import Registry, registry
from dovetail.systems import System, load_saved

RETRIES = 2
"""How often a run is begun again whose worker died; it goes on from its checkpoint."""

OFTEN = 0.2
"""Seconds between reports of where a run stands."""

POLL = 0.5
"""Seconds between looks at runs that another command trains."""


@frozen(eq=False)
class Job:
    """One run to be trained: its name for people, the system and the seed."""

    name: str
    system: System
    seed: int


@frozen
class Event:
    """What happened to a job.

    kind: `started`; `progress`, where it stands; `record`, an evaluation; `died`, the exit status; `finished`, its
    metrics; `failed`, why; `elsewhere`: another command has it.
    """

    job: Job
    kind: str
    detail: Any = None


Listen = Callable[[Event], None]


def _ignore(_: Event) -> None:
    pass


@define(eq=False)
class _Worker:
    process: Any
    pipe: Any
    job: Job | None = None


@define(eq=False)
class LocalExecutor:
    """Trains jobs in `workers` processes that each import torch once.

    Args:
        registry: of this process; workers make their own from the same workspace.
        store: where the runs go.
        workers: how many processes; the number of cores over the threads of a run by default.
        disable: plugins that are switched off.
    """

    registry: Registry
    store: Store
    workers: int
    disable: tuple[str, ...] = ()
    bench: Bench = field(init=False)
    _pool: list[_Worker] = field(factory=list)
    _began: float = field(factory=time.time)

    def __attrs_post_init__(self) -> None:
        self.bench = Bench(self.registry, self.store)

    def start(self) -> None:
        """Start the workers, which import torch while this process checks the arms."""
        missing = self.workers - len(self._pool)
        if missing:
            check_folder(self.store.path)
            atexit.register(self.stop)
        context = multiprocessing.get_context("spawn")
        for _ in range(missing):
            ours, theirs = context.Pipe()
            workspace = str(self.registry.workspace) if self.registry.workspace else None
            arguments = (theirs, workspace, self.disable, str(self.store.path.resolve()))
            process = context.Process(
                target=_work, args=arguments
            )  # no daemon: it may load data in processes of its own
            with _deaf_to_interrupts():
                process.start()
            theirs.close()
            self._pool.append(_Worker(process, ours))

    def stop(self) -> None:
        """End the workers; what they were training can be gone on with."""
        atexit.unregister(self.stop)
        for worker in self._pool:
            worker.process.terminate()
        for worker in self._pool:
            worker.process.join()
            worker.pipe.close()
        self._pool.clear()

    def run(self, jobs: Iterable[Job], listen: Listen = _ignore) -> None:
        """Train the jobs; jobs that another command trains are waited for, and taken over if it dies."""
        waiting: deque[Job] = deque(jobs)
        elsewhere: deque[Job] = deque()
        deaths: dict[Job, int] = {}
        looked = time.monotonic()
        self.start()
        while waiting or elsewhere or any(worker.job for worker in self._pool):
            if elsewhere and (not waiting or time.monotonic() - looked > POLL):
                looked = time.monotonic()
                waiting.append(elsewhere.popleft())
                time.sleep(0 if any(worker.job for worker in self._pool) else POLL)
            for worker in self._pool:
                if worker.job is None and waiting:
                    self._give(worker, waiting.popleft(), listen)
            busy = {worker.pipe: worker for worker in self._pool if worker.job}
            for pipe in connection.wait(list(busy), timeout=POLL if busy else 0):
                self._hear(busy[pipe], waiting, elsewhere, deaths, listen)

    def _give(self, worker: _Worker, job: Job, listen: Listen) -> None:
        """Send a job to a worker, unless another command has seen it fail meanwhile."""
        failure = self._folder(job).failed_since(self._began)
        if failure is not None:
            listen(Event(job, "failed", failure))
            return
        converter = spec_converter(self.registry)
        worker.job = job
        with contextlib.suppress(OSError):  # a dead worker is found when it is heard
            worker.pipe.send((job.system.name, [converter.unstructure(stage) for stage in job.system.stages], job.seed))

    def _hear(
        self, worker: _Worker, waiting: deque[Job], elsewhere: deque[Job], deaths: dict[Job, int], listen: Listen
    ) -> None:
        job = worker.job
        assert job is not None, "an idle worker says nothing"
        try:
            kind, detail = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            deaths[job] = deaths.get(job, 0) + 1
            if deaths[job] <= RETRIES:
                waiting.appendleft(job)
                listen(Event(job, "died", worker.process.exitcode))
            else:
                listen(Event(job, "failed", self._record_death(job, worker.process.exitcode)))
            return
        if kind in ("finished", "failed", "elsewhere"):
            worker.job = None
        if kind == "elsewhere":
            elsewhere.append(job)
        listen(Event(job, kind, detail))

    def _bury(self, worker: _Worker) -> None:
        """Replace a worker that died."""
        worker.process.join()
        worker.pipe.close()
        self._pool.remove(worker)
        self.start()

    def _folder(self, job: Job) -> RunFolder:
        return self.bench.folder(job.system, job.seed, self.bench.identify(job.system, job.seed))

    def _record_death(self, job: Job, exitcode: int | None) -> str:
        folder = self._folder(job)
        message = f"run {folder.name}: its process died {RETRIES + 1} times, last with {describe_exit(exitcode)}"
        try:
            check_folder(folder.path)
            folder.fail("died", message)
        except FileFailure as unrecorded:
            message += f"\n    nor could that be recorded: {unrecorded}"
        return message


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What is started here never hears Ctrl-C, which a terminal sends to every process: this one ends its workers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_exit(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        killed = " (out of memory?)" if exitcode == -9 else ""
        return f"signal {-exitcode}{killed}"
    return f"exit status {exitcode}"


def _work(pipe: Any, workspace: str | None, disable: tuple[str, ...], store: str) -> None:
    """A worker process: trains what comes through the pipe until it is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from dovetail.bench.devices import warm_up

    bench = Bench(registry(workspace, disable), Store(store))
    warm_up()
    last = 0.0
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            name, stages, seed = pipe.recv()

            def report(event: dict[str, Any]) -> None:
                nonlocal last
                if "seconds" in event:
                    pipe.send(("record", event))
                elif time.monotonic() - last > OFTEN:
                    last = time.monotonic()
                    pipe.send(("progress", event))

            pipe.send(("started", None))
            pipe.send(_train(bench, name, stages, seed, report))


def _train(bench: Bench, name: str, stages: list[Any], seed: int, report: Any) -> tuple[str, Any]:
    try:
        system = load_saved(bench.registry, name, stages, Where(f"system {name}"), bench.checker.runs)
        run = bench.train(system, seed, report)
    except DovetailError as error:
        return "failed", str(error)
    except Exception as error:  # before there was a run that could have recorded it
        return "failed", f"{name}, seed {seed}: {type(error).__name__}: {error}\n{traceback.format_exc()}"
    return ("elsewhere", None) if run is None else ("finished", run.metrics)


def _end_with_parent() -> None:
    """End this worker at once when the command that started it is gone, so that its claims are free."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    connection.wait([parent.sentinel])
    os._exit(1)


def states(bench: Bench, jobs: Iterable[Job]) -> dict[Job, tuple[str, list[str], RunFolder]]:
    """Each job's state in the store (`stale` with what changed) and its folder."""
    found = {}
    for job in jobs:
        identity = bench.identify(job.system, job.seed)
        folder = bench.folder(job.system, job.seed, identity)
        found[job] = (*bench.store.status(folder, identity), folder)
    return found
