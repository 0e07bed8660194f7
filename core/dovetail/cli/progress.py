"""Progress as people see it: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import typer

from dovetail.bench.executor import Event, Job
from dovetail.cli.screen import wrapped

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
        if self.done:
            typer.echo(f"{self.done} run{'s' if self.done > 1 else ''} finished before, {self.todo} to do", err=True)
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[note]}", markup=False),
                TimeRemainingColumn(compact=True),
            )
            self.bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self.bars.start()
            self.total = self.bars.add_task("runs", total=self.todo, note=f"0/{self.todo} starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    def say(self, text: str) -> None:
        if self.bars is not None:
            lines = wrapped(text, self.bars.console.width)
            self.bars.console.print(lines, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(text, err=True)

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        job = event.job
        if event.kind == "progress" and self.bars is not None:
            self._advance(job, event.detail)
        elif event.kind == "record" and self._is_time(job):
            self.say(f"{job.name}: epoch {event.detail['epoch']}  {_numbers(event.detail, leave='seconds')}")
        elif event.kind in ("finished", "failed"):
            self._close(event)
        elif event.kind == "elsewhere":
            self._drop(job)
        elif event.kind == "died":
            self.say(f"{job.name}: its process died ({event.detail}); it goes on from its checkpoint")

    def _advance(self, job: Job, detail: Any) -> None:
        if job not in self.tasks:
            self.tasks[job] = self.bars.add_task(job.name, note="")
        stage = "" if detail["stage"] == "train" else f"{detail['stage']} "
        self.bars.update(
            self.tasks[job],
            total=detail["batches"] * detail["epochs"],
            completed=detail["batches"] * detail["epoch"] + detail["batch"],
            note=f"{stage}epoch {detail['epoch'] + 1}/{detail['epochs']}",
        )

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
            self.say(f"{place} {event.job.name}: {_numbers(event.detail, only='.test')}")
        if self.bars is not None:
            self.bars.update(self.total, completed=self.finished, note=f"{self.finished}/{self.todo}")


def _numbers(values: dict[str, Any], only: str = "", leave: str = "") -> str:
    return "  ".join(
        f"{name} {value:.4g}"
        for name, value in values.items()
        if isinstance(value, float) and name.endswith(only) and name != leave
    )
