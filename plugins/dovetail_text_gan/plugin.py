"""The plugin's hooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dovetail

if TYPE_CHECKING:
    import typer

    from dovetail.report.table import Report


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")


@dovetail.hook
def dovetail_commands(app: typer.Typer) -> None:
    """Add `human-evaluation`."""
    from dovetail_text_gan import human_commands  # listing plugins imports this module, and must stay light

    human_commands.add(app)


@dovetail.hook
def dovetail_report(report: Report, folder: Path) -> list[Path]:
    """The exhibits of section 5.6: Fig. 5.9 of damaged sentences; of models Table 5.3 and Figs. 5.12 and 5.13."""
    if report.grid.name.startswith("text-gan/figure-5-9"):
        from dovetail_text_gan import figure_5_9

        drawn = [figure_5_9.draw(report, folder)]
    elif report.grid.name.startswith("text-gan/table-5-4"):
        from dovetail_text_gan import figure_5_12, figure_5_13, table_5_3

        drawn = [exhibit.draw(report, folder) for exhibit in (table_5_3, figure_5_12, figure_5_13)]
    else:
        drawn = []
    return [file for file in drawn if file is not None]
