"""Learning curves as a picture: the mean over seeds of each arm, with the range of the seeds behind it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from dovetail.bench.files import write_whole
from dovetail.report.table import Report, Row

ROWS_OF_LEGEND = 12


def draw_curves(report: Report, file: Path) -> bool:
    """Write a PNG with a panel for each metric of the validation split; False where there is nothing to draw."""
    import matplotlib as mpl

    mpl.use("Agg", force=False)
    from matplotlib.figure import Figure

    metrics = _metrics(report)
    if not metrics:
        return False
    height = 3.6 + 0.22 * max(0, len(report.rows) - ROWS_OF_LEGEND)
    figure = Figure(figsize=(5.2 * len(metrics) + 2.4, height), layout="constrained", dpi=150)
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for panel, metric in zip(panels, metrics, strict=True):
        for index, row in enumerate(report.rows):
            _draw(panel, row, metric, index, len(report.rows))
        panel.set_xlabel("epoch")
        panel.set_title(metric, loc="left", fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    handles, labels = panels[0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    seeds = len(report.grid.seeds)
    figure.suptitle(
        f"{report.grid.name}: mean and range of {seeds} seed{'s' if seeds > 1 else ''}", x=0.01, ha="left", fontsize=11
    )
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return True


def _metrics(report: Report) -> list[str]:
    """The metrics of the validation split that a row has a curve of."""
    records = [r for row in report.rows for outcome in row.outcomes.values() for r in outcome.folder.records()]
    return list(dict.fromkeys(name for record in records for name in record if name.endswith(".valid")))


def _draw(panel: Any, row: Row, metric: str, index: int, rows: int) -> None:
    from matplotlib import colormaps

    values: dict[float, list[float]] = defaultdict(list)
    for outcome in row.outcomes.values():
        epochs = 0
        previous = None
        for record in outcome.folder.records():
            if previous is not None and record["stage"] != previous["stage"]:
                epochs += previous["epoch"]
            previous = record
            if metric in record:
                values[epochs + record["epoch"]].append(record[metric])
    if not values:
        return
    colour = colormaps["tab10"](index % 10) if rows <= 10 else colormaps["turbo"](index / max(rows - 1, 1))
    places = sorted(values)
    means = [sum(values[place]) / len(values[place]) for place in places]
    style = ("-", "--", ":", "-.")[index // 10 % 4]
    panel.plot(
        places, means, style, color=colour, label=row.arm.name, linewidth=1.6, marker="." if len(places) < 3 else None
    )
    panel.fill_between(
        places,
        [min(values[p]) for p in places],
        [max(values[p]) for p in places],
        color=colour,
        alpha=0.12,
        linewidth=0,
    )
