"""A search in a report: the winners, every trial as CSV, and how the best trials of each arm are spread."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path
from typing import Any

from dovetail.bench.files import write_whole
from dovetail.report.curves import headline
from dovetail.report.spelling import ABSENT, number
from dovetail.report.table import Report, Row, markdown_table

BEST = 30
"""So many of the best trials of an arm are drawn: semeniuta2019, figure 5.11."""


def header(report: Report) -> list[str]:
    """The column titles of the winners."""
    search = report.grid.search
    assert search is not None, "the report is of a search"
    axes = [axis.name for axis in report.grid.axes] or ["arm"]
    return [*axes, "trials", "failed", "best", search.optimise, *(each.path for each in search.ranges)]


def cells(report: Report, row: Row) -> list[str]:
    """One arm: how many trials ended and failed, and the best one's number, value and hyperparameters."""
    assert row.search is not None, "the report is of a search"
    ended, failed = len(row.search.ranking) + len(row.search.failed), len(row.search.failed)
    labels = [row.arm.labels[axis.name] for axis in report.grid.axes] or [row.arm.name]
    count = str(ended) if ended == len(row.search.trials) else f"{ended} of {len(row.search.trials)}"
    best = next(iter(row.search.ranking), None)
    place = [str(best.number), number(best.value or 0.0)] if best else [ABSENT, ABSENT]
    drawn = best.values if best else {}
    return [*labels, count, str(failed), *place, *(_spell(drawn.get(path)) for path in _paths(report))]


def _paths(report: Report) -> list[str]:
    return [each.path for each in report.grid.search.ranges] if report.grid.search else []


def _spell(value: Any) -> str:
    return ABSENT if value is None else number(value) if isinstance(value, float) else str(value)


def markdown(report: Report) -> str:
    """The report's Markdown, and a section about the search."""
    search = report.grid.search
    if search is None:
        return report.markdown()
    budget = f"{search.trials} trial{'' if search.trials == 1 else 's'} an arm"
    better = "highest" if _higher(report) else "lowest"
    lines = [
        "",
        "Search:",
        "",
        *markdown_table(header(report), [cells(report, row) for row in report.rows]),
        "",
        f"Random search: {budget}, with the seeds from {search.first_seed} on, for the {better} {search.optimise}."
        " The best one's values are trained again with the seeds above. Trials that failed count.",
        "",
        *(f"- {each.path}: {each}" for each in search.ranges),
    ]
    return report.markdown() + "\n".join(lines) + "\n"


def _higher(report: Report) -> bool:
    return any(row.search is not None and row.search.higher for row in report.rows)


def trials_csv(report: Report) -> str:
    """A line a trial: the labels, its number, seed and state, the value, what was drawn, the run, why it failed."""
    search, paths = report.grid.search, _paths(report)
    assert search is not None, "the report is of a search"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    axes = [axis.name for axis in report.grid.axes]
    writer.writerow([*axes, "trial", "seed", "state", "winner", search.optimise, *paths, "seconds", "run", "why"])
    for row in report.rows:
        labels = [row.arm.labels[axis] for axis in axes]
        for trial in row.search.trials if row.search else ():
            outcome = trial.outcome
            state = "failed" if trial.failed else outcome.state
            won = int(row.search is not None and trial is row.search.winner)
            value = outcome.metrics.get(search.optimise, "")
            drawn = [trial.values.get(path, "") for path in paths]
            seconds = outcome.seconds if outcome.state == "finished" else ""
            why = "not finite" if trial.failed and not outcome.detail else outcome.detail.partition("\n")[0]
            about = [trial.number, outcome.seed, state, won, value, *drawn, seconds, outcome.folder.name, why]
            writer.writerow([*labels, *about])
    return text.getvalue()


def draw_trials(report: Report, file: Path) -> bool:
    """Write a PNG with the best trials of each arm, as boxes and points; False where none has finished."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it announces that it looks for fonts
    from matplotlib.figure import Figure

    search = report.grid.search
    best = {row.arm.name: (row.search.ranking[:BEST], len(row.search.trials)) for row in report.rows if row.search}
    best = {name: found for name, found in best.items() if found[0]}
    if search is None or not best:
        return False
    values = [[trial.value for trial in found] for found, _ in best.values()]
    labels = [f"{name} ({len(found)} of {count})" for name, (found, count) in best.items()]
    figure = Figure(figsize=(7, 1.2 + 0.45 * len(best)), layout="constrained", dpi=150)
    panel: Any = figure.subplots()
    panel.boxplot(values, orientation="horizontal", tick_labels=labels, widths=0.6, showfliers=False)
    for place, found in enumerate(values, start=1):
        heights = [place + 0.08 * (index % 5 - 2) for index in range(len(found))]
        panel.plot(found, heights, "o", markersize=3, alpha=0.5, color="C0")
    panel.invert_yaxis()
    panel.set_xlabel(f"{search.optimise}, {'higher' if _higher(report) else 'lower'} is better")
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="x", alpha=0.25)
    headline(figure, f"{report.grid.title}: the best trials of each arm, {BEST} at most")
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return True
