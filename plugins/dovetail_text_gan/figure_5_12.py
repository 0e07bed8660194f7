"""Models on two complementary axes, as in Fig. 5.12: the quality of samples against their diversity.

Paper: semeniuta2019, section 5.6.4. BLEU-4, negated as there, against self-BLEU-4; and the language model score against
the reverse one. Lower left is better in both. A cross is a standard deviation over seeds.

*Differs from the paper:* whose caption names no axes but these scores; it leaves out the two models of which values are
far from the others', for which the axes of perplexities are logarithmic here where values are far apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail_text_gan.exhibits import entitle, is_wide, mark_of, means, name_of, save, tidy, title_of

if TYPE_CHECKING:
    from dovetail.report.table import Report

PANELS = (("bleu.4.test", "self-bleu.4.test"), ("lm.test", "reverse-lm.test"))
NEGATED = "bleu.4.test"


def draw(report: Report, folder: Path) -> Path | None:
    """Write figure-5-12.png; None where no model has both scores of a panel."""
    from matplotlib.figure import Figure

    drawn = [pair for pair in PANELS if means(report, pair[0]).keys() & means(report, pair[1]).keys()]
    if not drawn:
        return None
    figure = Figure(figsize=(0.4 + 4.0 * len(drawn) + 1.8, 3.8), layout="constrained", dpi=150)
    handles: dict[str, Any] = {}
    for panel, pair in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        across, up = (means(report, metric) for metric in pair)
        both = [row for row in report.rows if row in across and row in up]
        sign = -1 if pair[0] == NEGATED else 1
        for row in both:
            (x, dx), (y, dy) = across[row], up[row]
            how = mark_of(report, row)
            handles[name_of(row)] = panel.errorbar(sign * x, y, xerr=dx, yerr=dy, linestyle="", markersize=6, **how)
        if sign > 0 and is_wide([across[row][0] for row in both]):
            panel.set_xscale("log", nonpositive="clip")
        if sign > 0 and is_wide([up[row][0] for row in both]):
            panel.set_yscale("log", nonpositive="clip")
        panel.set_xlabel("−BLEU-4 ↓" if sign < 0 else title_of(pair[0]))
        panel.set_ylabel(title_of(pair[1]))
        tidy(panel)
    figure.legend(handles.values(), handles, loc="outside right upper", frameon=False, fontsize=8)
    entitle(figure, report, "seeds")
    return save(figure, folder / "figure-5-12.png")
