"""Random samples of each arm's models, as in Table 5.3, with the scores that the table shows beside them.

Paper: semeniuta2019, section 5.6.4. Samples are of an arm's first finished run, drawn with a fixed seed and not chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail import Tokens
from dovetail.bench.files import write_text
from dovetail.report.spelling import ABSENT, number
from dovetail.report.table import markdown_table
from dovetail_text_gan.exhibits import name_of, title_of

if TYPE_CHECKING:
    from dovetail.bench.outcomes import Outcome
    from dovetail.report.table import Report

SAMPLES, SEED = 6, 0
SCORES = ("bleu.4.test", "fd.test")


def draw(report: Report, folder: Path) -> Path | None:
    """Write table-5-3.md; None where no run that writes texts has finished."""
    rows = []
    for row in report.rows:
        finished = next((each for each in row.outcomes.values() if each.state == "finished"), None)
        texts = samples_of(report, finished) if finished else []
        if finished and texts:
            scores = [number(finished.metrics[name]) if name in finished.metrics else ABSENT for name in SCORES]
            rows.append([name_of(row), str(finished.seed), *scores, "<br>".join(text or ABSENT for text in texts)])
    if not rows:
        return None
    header = ["model", "seed", *map(title_of, SCORES), "samples"]
    lines = [
        f"# {report.grid.title}: samples",
        "",
        f"{SAMPLES} samples of each model's first finished run, drawn with the seed {SEED} and not chosen; the scores"
        " are that run's.",
        "",
        *markdown_table(header, rows),
    ]
    file = folder / "table-5-3.md"
    write_text(file, "\n".join(lines) + "\n")
    return file


def samples_of(report: Report, outcome: Outcome) -> list[str]:
    """Texts of a finished run, drawn by its objective as in evaluation; nothing where it draws no texts."""
    import torch

    from dovetail import load
    from dovetail.randomness import on_stream

    model = load(outcome.folder.path, report.grid.base.system.registry)
    objective: Any = model.objective
    space = objective.outcome.get("samples")
    if not isinstance(space, Tokens):
        return []
    with torch.no_grad(), on_stream(SEED, "table-5-3"):
        (found,) = objective.evaluate([model.data.fake(SAMPLES)])  # of which the number alone counts
    return [" ".join(text.split()) for text in space.decode(found["samples"])]
