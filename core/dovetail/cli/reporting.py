"""The commands that tell what the store has: status and report. They train nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dovetail.cli.checking import Changes, StoreFolder
from dovetail.cli.running import GridName, ReportFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import state_of
from dovetail.errors import Mistake

if TYPE_CHECKING:
    from dovetail.report.table import Report


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=examples("dovetail status", "dovetail status quickstart", "dovetail status char-lm"))(status)
    app.command(
        epilog=examples(
            "dovetail report quickstart",
            "dovetail report quickstart --format csv > runs.csv",
        )
    )(report)


def status(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A grid, or a system; every run of the store without it.")
    ] = "",
    changes: Changes = None,
    *,
    store: StoreFolder = None,
) -> None:
    """How far a grid is, or what the store holds.

    A run is fresh (finished, as the grid has it now), running, interrupted, missing, failed, or stale: finished when
    something that it depends on was different.
    """
    from dovetail.bench.grids import load_grid
    from dovetail.report.table import gather
    from dovetail.tables import overrides

    state = state_of(context)
    if name:
        state.must_name(name, "grids", "systems")
    if store and not Path(store).is_dir():
        raise Mistake(f"--store: there is no folder `{store}`")
    bench = state.bench(store)
    if name and state.is_named("grids", name):
        found = gather(load_grid(state.registry, name, bench.checker, overrides(changes or [])), bench)
        _print_search(found)
        if found.grid.search is not None:
            trials = [trial for row in found.rows if row.search for trial in row.search.trials]
            states = ("failed" if trial.failed else trial.outcome.state for trial in trials)
            _print_count(Counter("fresh" if state == "finished" else state for state in states), "trial")
        _print_grid(found)
        return
    full = state.registry.named("systems", name)[0] if name else ""
    about = bench.store.index.about()
    runs = [folder for folder in bench.store.runs() if not full or about[folder.name]["name"] == full]
    rows = [(folder.name, folder.state(), _trouble(folder)) for folder in runs]
    columns(rows, ("run", "state", "") if rows else ())
    _print_count(Counter(row[1] for row in rows), where=f" in {bench.store.path}")


def _trouble(folder: Any) -> str:
    failure = folder.failure() if folder.state() == "failed" else None
    return failure["message"].splitlines()[0] if failure else ""


def _print_search(report: Report) -> None:
    """A line an arm: how far its search is, and the best so far; nothing for a grid without one."""
    from dovetail.report import trials

    if report.grid.search is not None:
        columns([trials.cells(report, row) for row in report.rows], trials.header(report))


def _print_grid(report: Report) -> None:
    rows: dict[tuple[str, str, str], list[int]] = {}
    for row in report.rows:
        for outcome in row.outcomes.values():
            state = "fresh" if outcome.state == "finished" else outcome.state
            rows.setdefault((row.arm.name, state, outcome.detail.split("\n")[0]), []).append(outcome.seed)
    columns(
        [(arm, state, ", ".join(map(str, seeds)), detail) for (arm, state, detail), seeds in rows.items()],
        ("arm", "state", "seeds", "") if rows else (),
    )
    counts: Counter[str] = Counter()
    for (_, state, _), seeds in rows.items():
        counts[state] += len(seeds)
    _print_count(counts)


def _print_count(counts: Mapping[str, int], noun: str = "run", where: str = "") -> None:
    total = sum(counts.values())
    each = ", ".join(f"{count} {state}" for state, count in counts.items())
    typer.echo(f"{total} {noun}{'' if total == 1 else 's'}{where}{f': {each}' if each else ''}")


def report(
    context: typer.Context,
    name: GridName,
    changes: Changes = None,
    *,
    store: StoreFolder = None,
    format: Annotated[
        Literal["markdown", "csv"] | None, typer.Option(help="Print the table so, instead of writing the files.")
    ] = None,
    out: ReportFolder = None,
) -> None:
    """A grid's table and learning curves.

    They are made from what the store has; nothing is trained.
    """
    from dovetail.bench.grids import load_grid
    from dovetail.report.table import gather
    from dovetail.report.trials import markdown
    from dovetail.tables import overrides

    state = state_of(context)
    state.must_name(name, "grids")
    bench = state.bench(store)
    found = load_grid(state.registry, name, bench.checker, overrides(changes or []))
    if format:
        result = gather(found, bench)
        typer.echo(result.csv() if format == "csv" else markdown(result), nl=False)
    else:
        write_report(bench, found, out)


def write_report(bench: Any, found: Any, out: str | None) -> Report:
    """Print a grid's table, and write it, the learning curves and, of a search, the trials."""
    from dovetail.bench.files import write_text
    from dovetail.bench.store import check_folder
    from dovetail.report.curves import draw_curves
    from dovetail.report.table import gather
    from dovetail.report.trials import markdown

    result = gather(found, bench)
    folder = Path(out) if out else bench.store.path / "reports" / found.file_name
    typer.echo("", err=True)
    if found.search is not None:
        _print_search(result)
        typer.echo("")
    print_table(result)
    check_folder(folder, "report's folder", "--out")
    write_text(folder / "table.md", markdown(result))
    write_text(folder / "table.csv", result.csv())
    drawn = ["curves.png"] if draw_curves(result, folder / "curves.png") else []
    if found.search is not None:
        drawn += _write_trials(result, folder)
    for answer in bench.registry.behaviour.call("dovetail_report", report=result, folder=folder):
        drawn += [Path(file).name for file in (answer if isinstance(answer, list) else [answer])]
    say(", ".join([str(folder / "table.md"), "table.csv", *drawn]))
    return result


def _write_trials(report: Report, folder: Path) -> list[str]:
    """Write a search's trials as a table, a picture and a journal for Optuna's tools; the names of the files."""
    from dovetail.bench.files import write_text
    from dovetail.bench.studies import write_studies
    from dovetail.report.trials import draw_trials, trials_csv

    write_text(folder / "trials.csv", trials_csv(report))
    write_studies(folder / "optuna.journal", {row.arm.name: row.search for row in report.rows if row.search})
    drawn = ["trials.png"] if draw_trials(report, folder / "trials.png") else []
    return ["trials.csv", "optuna.journal", *drawn]


def print_table(report: Report) -> None:
    """A grid's table and its remarks; a table for each metric where one of all would be wider than the terminal."""
    from dovetail.cli.screen import width

    terminal = width()
    blocks = [report.metrics]
    if terminal is not None and len(report.metrics) > 1 and _wide(report, report.metrics) > terminal:
        blocks = [[metric] for metric in report.metrics]
    for metrics in blocks:
        columns([report.cells(row, metrics) for row in report.rows], report.header(metrics))
        typer.echo("")
    for remark in report.remarks():
        say(f"- {remark}")


def _wide(report: Report, metrics: list[str]) -> int:
    """The columns that a table takes."""
    rows = [report.header(metrics), *(report.cells(row, metrics) for row in report.rows)]
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2
