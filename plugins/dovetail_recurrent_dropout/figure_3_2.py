"""Learning curves of language models as in Fig. 3.2: each arm's training error (solid) and validation error (dashed).

Paper: semeniuta2019, section 3.4.2. A regulariser slows convergence: its training error is larger, its validation error
smaller. The training error is the mean over an epoch's steps, masks on, of a model that changes meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dovetail.bench.files import write_whole
from dovetail.report.curves import Curve, curve_of, style_of
from dovetail.report.table import Report, Row

LOSS = "loss.likelihood"
UNITS: Mapping[str, Callable[[float], float]] = {
    "perplexity.valid": math.exp,
    "bpc.valid": lambda nats: nats / math.log(2),
}
"""The metrics that a likelihood is drawn in, and what each makes of nats a token."""


def draw(report: Report, folder: Path) -> Path | None:
    """Write figure-3-2.png; None where the arms are no language models, or nothing has finished.

    A curve is the mean over the finished seeds, as far as all of them go.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = [(row, records) for row in report.rows if (records := _records(row))]
    metric = next((name for name in UNITS if rows and {LOSS, name} <= rows[0][1][0][0].keys()), None)
    if metric is None:
        return None
    figure = Figure(figsize=(6.4, 4.4), layout="constrained", dpi=150)
    panel = figure.subplots()
    for number, (row, records) in enumerate(rows):
        train = _mean([curve_of(_in_units(row, run, metric), LOSS)[0] for run in records])
        valid = _mean([curve_of(run, metric)[0] for run in records])
        label, colour = (
            f"{row.arm.name} ({len(records)}/{len(report.grid.seeds)})",
            style_of(number, len(rows))["color"],
        )
        panel.plot(list(train), list(train.values()), label=label, color=colour)
        panel.plot(list(valid), list(valid.values()), linestyle="--", color=colour)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel("epoch")
    panel.set_title(f"{metric.partition('.')[0]}: training solid, validation dashed", loc="left", fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)
    panel.legend(frameon=False, fontsize=8)
    file = folder / "figure-3-2.png"
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return file


def _records(row: Row) -> list[list[dict[str, Any]]]:
    """The evaluations of each finished run of an arm."""
    return [outcome.folder.records() for outcome in row.outcomes.values() if outcome.state == "finished"]


def _in_units(row: Row, records: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """The training losses, nats a token or a window's sum, in the metric's unit."""
    stage = row.arm.system.stages[-1]
    tokens = stage.dataset.window if stage.objective.loss == "sum" else 1
    return [{**record, LOSS: UNITS[metric](record[LOSS] / tokens)} for record in records]


def _mean(curves: list[Curve]) -> Curve:
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    return {place: sum(curve[place] for curve in curves) / len(curves) for place in shared}
