"""The commands that work: run, grid, status, report, sample, score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from dovetail.cli.state import State, state_of
from dovetail.errors import Failure, Mistake, listed

STORE = typer.Option(None, help="The folder of runs; DOVETAIL_STORE or ./runs by default.")
CHANGES = typer.Argument(
    None, metavar="[PATH=VALUE]...", help="Changes by path, like `encoder.cell=gru train.epochs=3`."
)
WORKERS = typer.Option(0, min=0, help="Processes that train at once; the cores over the threads of a run by default.")
RETRY = typer.Option(False, "--retry", help="Train failed runs again.")
OUT = typer.Option(None, help="The folder for the files; `reports/NAME` beside the runs by default.")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, grid, status, report, sample, score):
        app.command()(command)


def run(
    context: typer.Context,
    system: str = typer.Argument(help="A system's name; see `dovetail systems`."),
    changes: list[str] = CHANGES,
    seed: int = typer.Option(0, min=0, help="The first seed."),
    seeds: int = typer.Option(1, min=1, help="How many seeds, from the first on."),
    workers: int = WORKERS,
    store: str = STORE,
    retry: bool = RETRY,
) -> None:
    """Train a system, or go on with it where it stopped, and print its final metrics."""
    from dovetail.bench.grids import single
    from dovetail.tables import overrides

    state = state_of(context)
    bench = state.bench(store)
    checked = bench.checker.check(system, state.registry.tables(system, overrides(changes or [])))
    for swap in checked.swaps:
        typer.echo(f"{swap}", err=True)
    one = single(checked.name, checked, tuple(range(seed, seed + seeds)))
    failed = _train(state, bench, one, workers, retry)
    from dovetail.report.table import gather

    for outcome in gather(one, bench).rows[0].outcomes.values():
        values = "  ".join(f"{name} {value:.6g}" for name, value in outcome.metrics.items())
        typer.echo(f"{outcome.folder.path}  {outcome.state}  {values}".rstrip())
    _end(failed)


def grid(
    context: typer.Context,
    name: str = typer.Argument(help="A grid's name; see `dovetail grids`."),
    changes: list[str] = CHANGES,
    workers: int = WORKERS,
    store: str = STORE,
    retry: bool = RETRY,
    out: str = OUT,
) -> None:
    """Train what a grid is missing, after checking every arm, and write its table and picture."""
    from dovetail.bench.grids import check_grid, load_grid
    from dovetail.tables import overrides

    state = state_of(context)
    bench = state.bench(store)
    found = load_grid(state.registry, name, bench.checker, overrides(changes or []))
    with_workers = _executor(state, bench, found, workers)
    check_grid(found, bench.checker)
    typer.echo(f"grid {found.name}: {len(found.arms)} arms × {len(found.seeds)} seeds, every arm checked", err=True)
    failed = _train(state, bench, found, workers, retry, with_workers)
    _write_report(bench, found, out)
    _end(failed)


def _executor(state: State, bench: Any, found: Any, workers: int) -> Any:
    """Workers for what there is to do, started already so that they import torch meanwhile; None where nothing is."""
    import os

    from dovetail.bench.executor import Job, LocalExecutor, states

    jobs = [Job(_job_name(found, arm, seed), arm.system, seed) for arm, seed in found.runs()]
    todo = [job for job, (job_state, _, _) in states(bench, jobs).items() if job_state != "finished"]
    if not todo:
        return None
    threads = max(stage.train.threads for arm in found.arms for stage in arm.system.stages)
    fitting = max(1, (os.cpu_count() or 1) // threads)
    executor = LocalExecutor(state.registry, bench.store, min(workers or fitting, len(todo)), state.disable)
    executor.start()
    return executor


def _job_name(found: Any, arm: Any, seed: int) -> str:
    return f"{arm.name if found.axes else found.name} seed={seed}"


def _train(state: State, bench: Any, found: Any, workers: int, retry: bool, executor: Any = None) -> list[str]:
    """Train the runs that are missing, interrupted or stale; what failed, by name."""
    from dovetail.bench.executor import Job, states
    from dovetail.cli.progress import Progress

    jobs = [Job(_job_name(found, arm, seed), arm.system, seed) for arm, seed in found.runs()]
    todo, failed = [], []
    for job, (job_state, changes, folder) in states(bench, jobs).items():
        failure = folder.failure() if job_state == "failed" else None
        if failure is not None and failure["kind"] == "error" and not retry:
            failed.append(f"{failure['message']} (failed before; --retry trains it again)")
            continue
        if changes:
            typer.echo(f"{job.name}: stale, trained again: {'; '.join(changes)}", err=True)
        if job_state != "finished" or bench.lacks(folder, job.system):
            todo.append(job)
    if not todo:
        return failed
    executor = executor or _executor(state, bench, found, workers)
    with Progress(len(todo), len(jobs) - len(todo)) as progress:
        try:
            executor.run(todo, progress)
        finally:
            executor.stop()
    return [*failed, *progress.failed]


def _end(failed: list[str]) -> None:
    if failed:
        raise Failure("\n".join([f"{len(failed)} run{'s' if len(failed) > 1 else ''} failed", *failed]))


def _write_report(bench: Any, found: Any, out: str | None) -> None:
    from dovetail.bench.files import write_text
    from dovetail.cli.progress import print_table
    from dovetail.report.curves import draw_curves
    from dovetail.report.table import gather

    result = gather(found, bench)
    folder = Path(out) if out else bench.store.path / "reports" / found.name.replace("/", ".")
    folder.mkdir(parents=True, exist_ok=True)
    print_table(result)
    write_text(folder / "table.md", result.markdown())
    write_text(folder / "table.csv", result.csv())
    drawn = draw_curves(result, folder / "curves.png")
    typer.echo(f"{folder / 'table.md'}, table.csv{', curves.png' if drawn else ''}")


def status(
    context: typer.Context,
    name: str = typer.Argument("", help="A grid or a system; all runs of the store without it."),
    store: str = STORE,
) -> None:
    """How far a grid is: each arm's runs fresh, running, stale (and what changed), failed or missing."""
    from dovetail.cli.listing import columns

    state = state_of(context)
    bench = state.bench(store)
    if not name:
        rows = [(folder.name, folder.state()) for folder in bench.store.runs()]
        columns(rows, ("run", "state"))
        typer.echo(f"{len(rows)} runs in {bench.store.path}")
        return
    from dovetail.report.table import gather

    rows3 = []
    for row in gather(_grid_or_system(state, bench, name), bench).rows:
        for outcome in row.outcomes.values():
            rows3.append(
                (
                    row.arm.name,
                    str(outcome.seed),
                    "fresh" if outcome.state == "finished" else outcome.state,
                    outcome.detail.split("\n")[0],
                )
            )
    columns(rows3, ("arm", "seed", "state", ""))


def _grid_or_system(state: State, bench: Any, name: str) -> Any:
    from dovetail.bench.grids import load_grid, single

    registry = state.registry
    if any(name in (full, full.rpartition("/")[2]) for full in registry.systems):
        return single(name, registry.system(name), (0,))
    return load_grid(registry, name, bench.checker)


def report(
    context: typer.Context,
    name: str = typer.Argument(help="A grid's name."),
    changes: list[str] = CHANGES,
    store: str = STORE,
    format: str = typer.Option("", help="Print `markdown` or `csv` instead of writing the files."),
    out: str = OUT,
) -> None:
    """A grid's table and learning curves, from what the store has now; trains nothing."""
    from dovetail.bench.grids import load_grid
    from dovetail.report.table import gather
    from dovetail.tables import overrides

    state = state_of(context)
    bench = state.bench(store)
    found = load_grid(state.registry, name, bench.checker, overrides(changes or []))
    if format not in ("", "markdown", "csv"):
        raise Mistake(f"`--format` must be markdown or csv, but is {format!r}")
    if format:
        result = gather(found, bench)
        typer.echo(result.csv() if format == "csv" else result.markdown(), nl=False)
    else:
        _write_report(bench, found, out)


def sample(
    context: typer.Context,
    run: str = typer.Argument(help="A finished run: its folder, its name or the beginning of it."),
    n: int = typer.Option(16, "-n", min=1, help="How many samples."),
    part: str = typer.Option("generator", help="The part that generates."),
    seed: int = typer.Option(0, min=0, help="The seed of the samples."),
    store: str = STORE,
    out: str = typer.Option(
        "", help="The file to write, without its ending; `samples` in the run's folder by default."
    ),
) -> None:
    """Draw samples from a run's generator: a sheet of images, lines of text, or a tensor file."""
    import torch

    from dovetail.bench.running import load
    from dovetail.randomness import reseed
    from dovetail.report.samples import write_samples

    state = state_of(context)
    bench = state.bench(store)
    folder = bench.store.find(run)
    model = load(folder.path, state.registry)
    generator = model.parts.get(part)
    if not hasattr(generator, "sample"):
        raise Mistake(f"the run {folder.name} has no generator `{part}`; its parts are {listed(model.parts)}")
    if model.built[part][0].spaces.get("given") is not None:
        raise Mistake(
            f"the generator of {folder.name} needs a condition, {model.built[part][0].spaces['given']}, which cannot be given here yet"
        )
    reseed(seed, "sample")
    with torch.no_grad():
        samples = generator.sample(n)
    file = write_samples(generator.produces, samples, Path(out) if out else folder.file("samples"))
    if file.suffix == ".txt":
        typer.echo(file.read_text(encoding="utf-8"), nl=False)
    typer.echo(str(file), err=file.suffix == ".txt")


def score(
    context: typer.Context,
    metrics: list[str] = typer.Argument(help="Metrics by name, like `standard/accuracy`."),
    samples: Path = typer.Option(..., help="What to judge, a line an example (or an image a file, in a folder)."),
    references: Path = typer.Option(None, help="What to judge it by, likewise."),
    json_: Path = typer.Option(None, "--json", help="Write the numbers to this file, too."),
) -> None:
    """Compute metrics for samples that any program made."""
    from dovetail.cli.scoring import score_files

    values = score_files(state_of(context).registry, metrics, samples, references)
    from dovetail.cli.listing import columns

    columns([(name, f"{value:.6g}", unit) for name, (value, unit) in values.items()])
    if json_ is not None:
        from dovetail.bench.files import write_json

        write_json(json_, {name: value for name, (value, _) in values.items()})
