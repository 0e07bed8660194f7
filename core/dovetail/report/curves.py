"""Learning curves as a picture: the mean over seeds of each arm, with the range of the seeds behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from dovetail.bench.files import write_whole
from dovetail.bench.outcomes import Outcome
from dovetail.report.table import Report, Row

COLUMNS = 3
"""The most panels beside one another."""
LEGEND = 24
"""The most arms in one column of the legend."""
DISTINCT = 10
"""So many colours are told apart at a glance; more arms take theirs from a scale, and differ in line style too."""
LETTERS_AN_INCH = 12
"""Of a headline."""

Curve = Mapping[int, float]
"""A metric by epoch, counted through all stages."""


def draw_curves(report: Report, file: Path) -> bool:
    """Write a PNG with a panel for each metric of the validation split; False where there is nothing to draw.

    A curve goes as far as all of its seeds: a mean over those that trained longest would be of other runs.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it announces that it looks for fonts
    from matplotlib.figure import Figure

    metrics = _metrics(report)
    if not metrics:
        return False
    across = min(len(metrics), COLUMNS)
    down = -(-len(metrics) // across)
    listed = -(-len(report.rows) // LEGEND)
    height = max(3.6 * down, 0.7 + 0.19 * min(len(report.rows), LEGEND))
    legend = 0.075 * max(len(_label(report, row)) for row in report.rows) + 0.6
    size = (4.8 * across + (legend * listed if len(report.rows) > 1 else 0), height)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    panels = figure.subplots(down, across, squeeze=False).flat
    for panel, metric in zip(panels, metrics, strict=False):
        _draw_panel(panel, report, metric)
    for panel in panels[len(metrics) :]:
        panel.set_axis_off()
    handles = {
        label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if len(report.rows) > 1:
        figure.legend(
            handles.values(),
            handles,
            loc="outside right upper",
            ncols=listed,
            frameon=False,
            fontsize=8,
            handlelength=3,
        )
    seeds = len(report.grid.seeds)
    title = f"{report.grid.title}: {f'mean and range of {seeds} seeds' if seeds > 1 else 'one seed'}"
    headline(figure, title)
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return True


def headline(figure: Any, text: str) -> None:
    """A title in lines that are no wider than the figure."""
    lines = wrap(text, int(LETTERS_AN_INCH * figure.get_size_inches()[0]), break_on_hyphens=False)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=10)


def _metrics(report: Report) -> list[str]:
    """The metrics of the validation split that a run has a record of."""
    records = [r for row in report.rows for outcome in row.outcomes.values() for r in outcome.folder.records()]
    return list(dict.fromkeys(name for record in records for name in record if name.endswith(".valid")))


def _label(report: Report, row: Row) -> str:
    """An arm's name, and of how many seeds its curve is where some failed or are missing."""
    drawn, asked = len(_drawn(row)), len(report.grid.seeds)
    return row.arm.name if drawn == asked else f"{row.arm.name} ({drawn}/{asked})"


def _drawn(row: Row) -> list[Outcome]:
    """The outcomes that a curve is of: those that finished or are under way; what failed or is stale is left out."""
    kept = (o for o in row.outcomes.values() if o.state in ("finished", "running", "interrupted"))
    return [outcome for outcome in kept if outcome.folder.records()]


def _draw_panel(panel: Any, report: Report, metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    starts: dict[int, str] = {}
    for index, row in enumerate(report.rows):
        curves = []
        for outcome in _drawn(row):
            curve, begins = curve_of(outcome.folder.records(), metric)
            curves += [curve] if curve else []
            starts |= begins
        if curves:
            _draw_row(panel, curves, _label(report, row), style_of(index, len(report.rows)))
    for start, stage in starts.items() if len(starts) > 1 else ():
        panel.axvline(start, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        panel.text(start, 1, f" {stage}", transform=panel.get_xaxis_transform(), va="top", fontsize=7, color="0.4")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    panel.set_xlabel("epoch")
    panel.set_title(metric, loc="left", fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)


def curve_of(records: list[dict[str, Any]], metric: str) -> tuple[Curve, dict[int, str]]:
    """A run's curve, and the epoch that each of its stages starts after."""
    curve: dict[int, float] = {}
    starts: dict[int, str] = {}
    before, stage, last = 0, None, 0
    for record in records:
        if record["stage"] != stage:
            before, stage = before + last, record["stage"]
            starts[before] = stage
        last = record["epoch"]
        if metric in record:
            curve[before + last] = record[metric]
    return curve, starts


def style_of(index: int, rows: int) -> dict[str, Any]:
    """The colour and the line style of an arm among so many."""
    from matplotlib import colormaps

    few = rows <= DISTINCT
    colour = colormaps["tab10"](index) if few else colormaps["turbo"](0.05 + 0.9 * index / (rows - 1))
    return {"color": colour, "linestyle": "-" if few else ("-", "--", ":", "-.")[index % 4]}


def _draw_row(panel: Any, curves: list[Curve], label: str, style: dict[str, Any]) -> None:
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    values = [[curve[place] for curve in curves] for place in shared]
    means = [sum(each) / len(each) for each in values]
    panel.plot(shared, means, label=label, linewidth=1.6, marker="." if len(shared) < 3 else None, **style)
    lows, highs = [min(each) for each in values], [max(each) for each in values]
    panel.fill_between(shared, lows, highs, color=style["color"], alpha=0.12, linewidth=0)
