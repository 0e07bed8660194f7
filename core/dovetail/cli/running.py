"""The commands that train: run and grid."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dovetail.cli.checking import Changes, StoreFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.showing import counted
from dovetail.cli.state import State, state_of
from dovetail.errors import Failure

if TYPE_CHECKING:
    from dovetail.bench.executor import Job, LocalExecutor
    from dovetail.bench.store import RunFolder
    from dovetail.registries import Registry

GridName = Annotated[str, typer.Argument(metavar="GRID", help="A grid's name; see `dovetail grids`.")]
Workers = Annotated[
    int,
    typer.Option(min=0, metavar="N", show_default=False, help="Runs trained at once; by default as the cores allow."),
]
Retry = Annotated[bool, typer.Option("--retry", help="Train runs again that failed before.")]
ReportFolder = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="The folder for the files; `reports/GRID` beside the runs by default."),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "dovetail run quickstart-base",
            "dovetail run quickstart-base encoder.cell=gru train.epochs=5",
            "dovetail run quickstart-base --seeds 3",
            "dovetail run char-lm dataset.path=my-novel.txt",
        )
    )(run)
    app.command(
        epilog=examples(
            "dovetail grid quickstart",
            "dovetail grid quickstart encoder.cell.hidden=32    a smaller cell in each arm",
            "dovetail grid quickstart --workers 1 --store /data/runs",
        )
    )(grid)


def run(
    context: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A system's name; see `dovetail systems`.")],
    changes: Changes = None,
    *,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many seeds, from the first on.")] = 1,
    workers: Workers = 0,
    store: StoreFolder = None,
    retry: Retry = False,
) -> None:
    """Train a system, and print its final metrics.

    A run that was interrupted goes on where it stopped, and one that is finished is not trained again: the store knows
    it by its system, with every value filled in, and its seed.
    """
    from dovetail.bench.grids import single
    from dovetail.bench.trials import jobs
    from dovetail.tables import overrides

    state = state_of(context)
    state.must_name(system, "systems")
    bench = state.bench(store)
    checked = bench.checker.check(system, state.registry.tables(system, overrides(changes or [])))
    for swap in checked.swaps:
        say(str(swap), error=True)
    for remark in bench.checker.remarks(checked):
        say(f"train: {remark}", error=True)
    one = single(checked.name, checked, tuple(range(seed, seed + seeds)))
    todo, failed = _todo(bench, jobs(one, bench), retry)
    with _workers(state, bench, one, len(todo), workers) as executor:
        failed += _train(executor, todo, seeds - len(todo) - len(failed))
    _print_runs(state, bench, one)
    if failed:
        raise Failure("\n".join([_count(failed), *failed]))


def _print_runs(state: State, bench: Any, one: Any) -> None:
    """The metrics of each seed and over all, and where results and samples are."""
    from dovetail.report.spelling import spell_summary
    from dovetail.report.table import gather

    report = gather(one, bench)
    row = report.rows[0]
    for seed, outcome in row.outcomes.items():
        values = "  ".join(f"{name} {value:.6g}" for name, value in outcome.metrics.items())
        took = f" in {outcome.seconds:.1f} s" if outcome.state == "finished" else ""
        say(f"{one.name} seed={seed}: {outcome.state}{took}{f':  {values}' if values else ''}")
        typer.echo(f"    {outcome.folder.path}")
        if outcome.state == "finished" and (samples := _samples(outcome.folder, state.registry)):
            typer.echo(f"    {samples}")
    if len(one.seeds) > 1:
        names = dict.fromkeys(name for outcome in row.outcomes.values() for name in outcome.metrics)
        summaries = [(name, report.summary(row, name)) for name in names]
        columns((name, spell_summary(found), f"over {found.n} of {found.asked} seeds") for name, found in summaries)


def _samples(folder: RunFolder, registry: Registry) -> Path | None:
    """A finished run's samples, drawn now where none were; None where no part generates, or it needs a condition."""
    from dovetail.bench.store import FinishedRun, Store
    from dovetail.report.samples import draw, generators, samples_of

    found = generators(FinishedRun(folder, registry, Store(folder.path.parent)))
    if len(found) == 1 and None in found.values():
        return samples_of(folder) or draw(folder, registry).write()
    return samples_of(folder)


def grid(
    context: typer.Context,
    name: GridName,
    changes: Changes = None,
    *,
    workers: Workers = 0,
    store: StoreFolder = None,
    retry: Retry = False,
    out: ReportFolder = None,
) -> None:
    """Train what a grid is missing, and print its table.

    Every arm is checked before any is trained. The table and the learning curves are written, too; `dovetail report`
    makes them again without training.

    Of a grid with a search, all trials of each arm come first; then the best one's values are trained again with the
    grid's seeds. A trial that fails counts, and cannot win. The report has the winners and every trial.
    """
    from dovetail.bench.grids import check_grid, load_grid
    from dovetail.bench.trials import jobs, trial_jobs
    from dovetail.cli.reporting import write_report
    from dovetail.tables import overrides

    state = state_of(context)
    state.must_name(name, "grids")
    bench = state.bench(store)
    found = load_grid(state.registry, name, bench.checker, overrides(changes or []))
    asked = (trial_jobs if found.search else jobs)(found, bench)
    todo, failed = _todo(bench, asked, retry)
    with _workers(state, bench, found, len(todo), workers) as executor:
        check_grid(found, bench.checker)
        typer.echo(f"grid {found.title}: {counted(found)}, every arm checked", err=True)
        for note in found.notes:
            say(f"  {note}", error=True)
        failed += _train(executor, todo, len(asked) - len(todo) - len(failed))
        if found.search:
            asked = jobs(found, bench)  # trials that failed are counted in the report
            todo, failed = _todo(bench, asked, retry)
            executor.workers = max(executor.workers, min(_at_once(found, workers), len(todo)))
            failed += _train(executor, todo, len(asked) - len(todo) - len(failed))
    report = write_report(bench, found, out)
    lost = [f"{row.arm.name}: no winner: {row.search}" for row in report.rows if row.search and not row.search.winner]
    if failed or lost:
        what = [*lost, *([_count(failed)] if failed else [])]
        raise Failure(f"{'; '.join(what)}; each run's failure.json holds its traceback, and --retry trains it again")


def _count(failed: list[str]) -> str:
    return f"{len(failed)} run{'s' if len(failed) > 1 else ''} failed"


def _todo(bench: Any, jobs: list[Job], retry: bool) -> tuple[list[Job], list[str]]:
    """The runs that are missing, interrupted, stale or lack a metric; and the messages of those that failed before."""
    from dovetail.bench.devices import check_device
    from dovetail.bench.executor import states

    todo, failed = [], []
    for job, (job_state, changes, folder) in states(bench, jobs).items():
        failure = folder.failure() if job_state == "failed" else None
        if failure is not None and failure["kind"] == "error" and not retry:
            failed.append(f"{failure['message']} (failed before; --retry trains it again)")
            continue
        if changes:
            say(f"{job.name}: stale, trained again: {'; '.join(changes)}", error=True)
        if job_state != "finished" or bench.lacks(folder, job.system):
            todo.append(job)
    for device in {stage.train.device for job in todo for stage in job.system.stages}:
        check_device(device)
    return todo, failed


@contextmanager
def _workers(state: State, bench: Any, found: Any, jobs: int, workers: int) -> Iterator[LocalExecutor]:
    """Workers for so many jobs, started already so that they import torch meanwhile; ended with the block."""
    from dovetail.bench.executor import LocalExecutor

    executor = LocalExecutor(state.registry, bench.store, min(_at_once(found, workers), jobs), state.disable)
    executor.start()
    try:
        yield executor
    finally:
        executor.stop()


def _at_once(found: Any, workers: int) -> int:
    """How many runs are trained at once: as many as was asked for, or as the cores allow."""
    threads = max(stage.train.threads for arm in found.arms for stage in arm.system.stages)
    return workers or max(1, (os.cpu_count() or 1) // threads)


def _train(executor: LocalExecutor, todo: list[Job], done: int) -> list[str]:
    """Train what there is to do, where so many runs are finished; the messages of those that failed."""
    from dovetail.cli.progress import Progress

    if not todo:
        return []
    with Progress(len(todo), done) as progress:
        executor.run(todo, progress)
    return progress.failed
