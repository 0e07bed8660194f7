"""What metrics make of damaged sentences, as in Fig. 5.9: a row a metric, a column a damage.

Paper: semeniuta2019, section 5.6.3. A line is the mean over the repeats that have finished, the band behind it their
standard deviation. Each column begins with the same sentences without damage; all panels of a row have one scale.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dovetail_text_gan.deteriorated import DeterioratedSpec
from dovetail_text_gan.exhibits import entitle, is_wide, means, save, tidy, title_of

if TYPE_CHECKING:
    from dovetail.report.table import Report, Row

DAMAGES = {
    "missing_topics": "topics that are missing",
    "drop": "share of words dropped",
    "swap": "share of words swapped",
}
"""The objective's fields, and their columns' titles."""


def draw(report: Report, folder: Path) -> Path | None:
    """Write figure-5-9.png; None where the arms damage nothing, or nothing has finished."""
    from matplotlib.figure import Figure

    columns = {damage: levels for damage in DAMAGES if len(levels := _levels(report, damage)) > 1}
    metrics = [metric for metric in report.metrics if means(report, metric)]
    if not columns or not metrics:
        return None
    size = (0.9 + 2.6 * len(columns), 0.9 + 1.5 * len(metrics))
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    grid = figure.subplots(len(metrics), len(columns), sharex="col", sharey="row", squeeze=False)
    for metric, panels in zip(metrics, grid, strict=True):
        found = means(report, metric)
        for (damage, levels), panel in zip(columns.items(), panels, strict=True):
            values = {level: found[row] for level, row in levels.items() if row in found}
            middle = [mean for mean, _ in values.values()]
            panel.plot(list(values), middle, marker="o", markersize=3, linewidth=1.4)
            low = [mean - deviation for mean, deviation in values.values()]
            high = [mean + deviation for mean, deviation in values.values()]
            panel.fill_between(list(values), low, high, alpha=0.25, linewidth=0)
            panel.set_xticks(list(levels))
            if metric == metrics[-1]:
                panel.set_xlabel(DAMAGES[damage])
            tidy(panel)
        panels[0].set_ylabel(title_of(metric), fontsize=9)
        if is_wide([mean for mean, _ in found.values()]):
            panels[0].set_yscale("log")
    figure.align_ylabels(grid[:, 0])
    entitle(figure, report, "repeats")
    return save(figure, folder / "figure-5-9.png")


def _levels(report: Report, damage: str) -> dict[float, Row]:
    """The arms by how far they have this damage, in order; one without any damage comes first."""
    found = {}
    for row in report.rows:
        objective = row.arm.system.stages[-1].objective
        if isinstance(objective, DeterioratedSpec):
            others = [getattr(objective, each) for each in DAMAGES if each != damage]
            if not any(others):
                found[getattr(objective, damage)] = row
    return dict(sorted(found.items()))
