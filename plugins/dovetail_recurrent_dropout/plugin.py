"""The plugin's hooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dovetail

if TYPE_CHECKING:
    from dovetail.report.table import Report


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")


@dovetail.hook
def dovetail_report(report: Report, folder: Path) -> Path | None:
    """The learning curves of Fig. 3.2, for this plugin's language models."""
    if not report.grid.name.startswith("recurrent-dropout/"):
        return None
    from dovetail_recurrent_dropout.figure_3_2 import draw

    return draw(report, folder)
