"""Progress as people see it: bars on a terminal, plain lines elsewhere; and a table on either."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import typer

from dovetail.bench.executor import Event, Job

QUIET = 3.0
"""Seconds between plain lines about one run."""


class Progress:
    """Listens to an executor. `failed` are the messages of what failed."""

    def __init__(self, todo: int, done: int) -> None:
        self.todo, self.done, self.finished = todo, done, 0
        self.failed: list[str] = []
        self.bars: Any = None
        self.tasks: dict[Job, Any] = {}
        self.said: dict[Job, float] = {}
        self.began = time.monotonic()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self.bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self.bars.start()
            self.total = self.bars.add_task(
                "runs", total=self.todo, note=f"{self.done} finished before" if self.done else ""
            )
        elif self.done:
            self.say(f"{self.done} runs finished before, {self.todo} to do")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    def say(self, text: str) -> None:
        if self.bars is not None:
            self.bars.console.print(text, markup=False, highlight=False)
        else:
            typer.echo(text, err=True)

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        job = event.job
        if event.kind == "progress" and self.bars is not None:
            detail = event.detail
            steps = (detail["batches"] * detail["epochs"], detail["batches"] * detail["epoch"] + detail["batch"])
            task = self.tasks.get(job)
            if task is None:
                task = self.tasks[job] = self.bars.add_task(job.name, total=steps[0], note="")
            self.bars.update(
                task,
                total=steps[0],
                completed=steps[1],
                note=f"{detail['stage']}, epoch {detail['epoch'] + 1} of {detail['epochs']}",
            )
        elif event.kind == "record" and self._is_time(job):
            numbers = "  ".join(
                f"{name} {value:.4g}"
                for name, value in event.detail.items()
                if isinstance(value, float) and name != "seconds"
            )
            self.say(f"{job.name}: epoch {event.detail['epoch']}  {numbers}")
        elif event.kind in ("finished", "failed"):
            self._close(event)
        elif event.kind == "elsewhere":
            self._drop(job)
        elif event.kind == "died":
            self.say(f"{job.name}: its process died ({event.detail}); it goes on from its checkpoint")

    def _is_time(self, job: Job) -> bool:
        """Whether a plain line about a job is due: bars show the same, and many short runs would fill the screen."""
        now = time.monotonic()
        if self.bars is not None or now - self.said.get(job, self.began) < QUIET:
            return False
        self.said[job] = now
        return True

    def _drop(self, job: Job) -> None:
        if self.bars is not None and job in self.tasks:
            self.bars.remove_task(self.tasks.pop(job))

    def _close(self, event: Event) -> None:
        self.finished += 1
        self._drop(event.job)
        place = f"[{self.finished}/{self.todo}, {time.monotonic() - self.began:.0f} s]"
        if event.kind == "failed":
            self.failed.append(event.detail)
            self.say(f"{place} {event.job.name}: failed: {event.detail.splitlines()[0]}")
        else:
            numbers = "  ".join(f"{name} {value:.4g}" for name, value in event.detail.items() if name.endswith(".test"))
            self.say(f"{place} {event.job.name}: {numbers}")
        if self.bars is not None:
            self.bars.update(self.total, completed=self.finished)


def print_table(report: Any) -> None:
    """A grid's table, drawn on a terminal and plain elsewhere, and its remarks."""
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, title=report.grid.name, title_justify="left", padding=(0, 1, 0, 0))
        for name in report.header():
            table.add_column(name, overflow="fold")
        for row in report.rows:
            table.add_row(*report.cells(row))
        Console().print(table)
    else:
        from dovetail.cli.listing import columns

        columns([report.cells(row) for row in report.rows], report.header())
    for remark in report.remarks():
        typer.echo(f"- {remark}")
