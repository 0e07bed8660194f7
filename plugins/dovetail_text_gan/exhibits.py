"""What the exhibits of this plugin's grids share: the names of metrics, marks of arms, and files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.bench.files import write_whole
from dovetail.bench.grids import ABSENT
from dovetail.report.curves import headline, style_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dovetail.report.table import Report, Row

TITLES = {
    "bleu.4": "BLEU-4 ↑",
    "self-bleu.4": "self-BLEU-4 ↓",
    "unique": "unique 4-grams ↑",
    "fd": "Fréchet distance ↓",
    "fd-infersent": "FD, InferSent ↓",
    "fd-stand-in": "FD, InferSent\nstand-in ↓",
    "fd-unisent": "FD, UniSent ↓",
    "fd-unisent-t": "FD, UniSent-T ↓",
    "lm": "LM score ↓",
    "reverse-lm": "reverse LM score ↓",
}
"""Metrics as the grids name them, and which way is better."""
MARKERS = "osD^vP*X<>hp8d"
WIDE = 20.0
"""Values whose largest is so many times their smallest stand on a logarithmic axis."""


def title_of(metric: str) -> str:
    """The title of a metric of a split; its own name where it has none here."""
    name = metric.rpartition(".")[0]
    return TITLES.get(name, name)


def name_of(row: Row) -> str:
    """An arm's label, where the grid has one axis alone; else its labels with their axes."""
    labels = [label for label in row.arm.labels.values() if label != ABSENT]
    return labels[0] if len(row.arm.labels) == 1 and labels else row.arm.name


def mark_of(report: Report, row: Row) -> dict[str, Any]:
    """The colour and the marker of an arm, which no other has."""
    place = report.rows.index(row)
    return {"color": style_of(place, len(report.rows))["color"], "marker": MARKERS[place % len(MARKERS)]}


def means(report: Report, metric: str) -> Mapping[Row, tuple[float, float]]:
    """The mean and the standard deviation of each arm that has values; the deviation of one value is 0."""
    summaries = {row: report.summary(row, metric) for row in report.rows}
    return {row: (each.mean, each.deviation or 0.0) for row, each in summaries.items() if each.mean is not None}


def is_wide(values: list[float]) -> bool:
    """Whether values are better told apart on a logarithmic axis."""
    return min(values) > 0 and max(values) > WIDE * min(values)


def entitle(figure: Figure, report: Report, repeats: str) -> None:
    """The grid, what was changed, and of how many runs the values are."""
    headline(figure, f"{report.grid.title}: mean and standard deviation of {len(report.grid.seeds)} {repeats}")


def tidy(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)


def save(figure: Figure, file: Path) -> Path:
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return file
