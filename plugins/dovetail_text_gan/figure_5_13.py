"""Models side by side, as in Fig. 5.13: Fréchet distance, human evaluation where there is any, and unique 4-grams.

Paper: semeniuta2019, section 5.6.4. What people rated is read from human-evaluation.json in the report's folder, which
`dovetail human-evaluation read … --json` writes; its models are named as the arms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail import Mistake
from dovetail_text_gan.exhibits import entitle, is_wide, mark_of, means, name_of, save, tidy, title_of

if TYPE_CHECKING:
    from dovetail.report.table import Report, Row

RATINGS = "human-evaluation.json"
Values = Mapping["Row", tuple[float, float]]


def draw(report: Report, folder: Path) -> Path | None:
    """Write figure-5-13.png; None where there is neither a distance nor a number of 4-grams."""
    from matplotlib.figure import Figure

    distances, grams = means(report, "fd.test"), means(report, "unique.test")
    if not distances and not grams:
        return None
    panels = {
        title_of("fd.test"): distances,
        "human evaluation ↑": _ratings(report, folder),
        title_of("unique.test"): grams,
    }
    panels = {title: values for title, values in panels.items() if values}
    names = [name_of(row) for row in report.rows]
    size = (0.5 + 0.08 * max(map(len, names)) + 2.7 * len(panels), 1.1 + 0.3 * len(names))
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    found = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, (title, values) in zip(found, panels.items(), strict=True):
        for row, (mean, deviation) in values.items():
            place = report.rows.index(row)
            panel.errorbar(mean, place, xerr=deviation, markersize=6, **mark_of(report, row))
        if is_wide([mean for mean, _ in values.values()]):
            panel.set_xscale("log", nonpositive="clip")
        panel.set_xlabel(title)
        tidy(panel)
    found[0].set_yticks(range(len(names)), names)
    found[0].set_ylim(len(names) - 0.5, -0.5)
    entitle(figure, report, "seeds")
    return save(figure, folder / "figure-5-13.png")


def _ratings(report: Report, folder: Path) -> Values:
    """What people rated each arm; nothing where there is no such file."""
    file = folder / RATINGS
    if not file.is_file():
        return {}
    try:
        models: Any = json.loads(file.read_text(encoding="utf-8"))["models"]
        rated = {name: (each["mean"], each["deviation"] or 0.0) for name, each in models.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        rule = "must be what `dovetail human-evaluation read … --json` writes, but is not"
        raise Mistake(f"{file}: {rule}: {type(error).__name__}: {error}") from error
    return {row: rated[name] for row in report.rows if (name := name_of(row)) in rated and rated[name][0] is not None}
