"""The hooks: what a plugin's `plugin.py` may implement, each marked with `@dovetail.hook`.

`dovetail_registry` says where the plugin's registry is, and every plugin has it. The others are behaviour: one that
raises is reported once with its plugin, and switched off until the command ends. A hook may leave arguments out.

A `run` is its `name`, its `seed`, its `folder`, and its `spec`, the filled-in tables of its stages.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import typer

API = 1
"""The version of the plugin interface: kinds, hooks and the registry's format."""

hook = pluggy.HookimplMarker("dovetail")
_spec = pluggy.HookspecMarker("dovetail")


@_spec
def dovetail_registry() -> Path:
    """The path of the plugin's registry.toml. Required; nothing heavy may be imported for it."""
    return Path()


@_spec
def dovetail_run_started(run: dict[str, Any]) -> None:
    """Training of a run begins or goes on."""


@_spec
def dovetail_evaluated(run: dict[str, Any], record: dict[str, Any]) -> None:
    """An evaluation has finished: `record` holds `stage`, `epoch`, `step` and the metrics, as in metrics.jsonl."""


@_spec
def dovetail_run_finished(run: dict[str, Any], result: dict[str, float]) -> None:
    """A run has finished with these final metrics; its folder holds its model, which `dovetail.load` reads."""


@_spec
def dovetail_report(report: Any, folder: Path) -> Path | list[Path] | None:
    """A grid's report (`dovetail.report.table.Report`) is being written into `folder`: draw more of it there.

    The file that was drawn, or several; None where there is nothing to draw.
    """


@_spec
def dovetail_samples(samples: Any, folder: Path) -> Path | list[Path] | None:
    """Samples of a run (`dovetail.report.samples.Samples`) were drawn, and a figure is asked for: draw it in `folder`.

    The file that was drawn, or several; None where there is nothing to draw.
    """


@_spec
def dovetail_commands(app: typer.Typer) -> None:
    """Add commands to the command line."""
