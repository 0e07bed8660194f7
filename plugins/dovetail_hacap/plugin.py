"""The plugin's hooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dovetail

if TYPE_CHECKING:
    import typer

    from dovetail.report.samples import Samples


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")


@dovetail.hook
def dovetail_commands(app: typer.Typer) -> None:
    """Add `alignment`."""
    from dovetail_hacap import commands  # listing plugins imports this module, and must stay light

    commands.add(app)


@dovetail.hook
def dovetail_samples(samples: Samples, folder: Path) -> list[Path]:
    """A captioner's samples, word by word, with what they aimed at and looked at."""
    from dovetail_hacap.exhibits import draw_samples

    return draw_samples(samples, folder)
