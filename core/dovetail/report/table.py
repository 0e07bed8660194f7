"""A grid's table: a row an arm, with mean ± standard deviation, n of the seeds asked for, the difference to the base and the
published value. As Markdown, CSV and cells for a terminal."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from attrs import field, frozen

from dovetail.bench.grids import ABSENT, Arm, Grid, published_for
from dovetail.bench.running import Bench
from dovetail.bench.store import RunFolder
from dovetail.report.statistics import Difference, Summary, difference, summarise


@frozen(eq=False)
class Outcome:
    """What became of one arm with one seed."""

    seed: int
    state: str
    folder: RunFolder
    metrics: Mapping[str, float] = field(factory=dict)
    device: str = ""
    seconds: float = 0.0
    detail: str = ""


@frozen(eq=False)
class Row:
    """One arm: its outcomes by seed."""

    arm: Arm
    outcomes: Mapping[int, Outcome]

    def values(self, metric: str) -> dict[int, float]:
        """The finished values of a metric, by seed; one that is not finite counts as failed."""
        found = {seed: outcome.metrics[metric] for seed, outcome in self.outcomes.items() if metric in outcome.metrics}
        return {seed: value for seed, value in found.items() if math.isfinite(value)}


@frozen(eq=False)
class Report:
    """A grid's results as the store has them now."""

    grid: Grid
    rows: tuple[Row, ...]

    @property
    def metrics(self) -> list[str]:
        """The metrics shown: those that the grid names, or all of the test split."""
        if self.grid.show:
            return list(self.grid.show)
        seen = {name: None for row in self.rows for outcome in row.outcomes.values() for name in outcome.metrics}
        return [name for name in seen if name.endswith(".test")]

    @property
    def base(self) -> Row:
        return next(row for row in self.rows if row.arm is self.grid.base)

    def summary(self, row: Row, metric: str) -> Summary:
        return summarise(row.values(metric), len(self.grid.seeds))

    def difference(self, row: Row, metric: str) -> Difference | None:
        """To the base; None for the base itself."""
        return None if row is self.base else difference(row.values(metric), self.base.values(metric))

    def published(self, row: Row, metric: str) -> list[tuple[float, str]]:
        """The published values and their sources."""
        return [
            (entry.values[metric], entry.source)
            for entry in published_for(self.grid, row.arm)
            if metric in entry.values
        ]

    def remarks(self) -> list[str]:
        """What a reader must know of: failed, missing and stale runs, and kinds of device that are mixed."""
        lines = []
        for row in self.rows:
            for outcome in row.outcomes.values():
                if outcome.state != "finished":
                    detail = f": {outcome.detail.splitlines()[0]}" if outcome.detail else ""
                    lines.append(f"{row.arm.name}, seed {outcome.seed}: {outcome.state}{detail}")
                bad = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
                if bad:
                    lines.append(f"{row.arm.name}, seed {outcome.seed}: not finite and left out: {', '.join(bad)}")
        devices = {outcome.device for row in self.rows for outcome in row.outcomes.values() if outcome.device}
        if len(devices) > 1:
            lines.append(f"runs on different kinds of device are mixed: {', '.join(sorted(devices))}")
        return lines

    # ----------------------------------------------------------------------------------------------------- cells

    def header(self) -> list[str]:
        """The column titles."""
        columns = [axis.name for axis in self.grid.axes] or ["arm"]
        for metric in self.metrics:
            columns += [metric, "n", "Δ to base [95 %]", *(["published"] if self._has_published(metric) else [])]
        return columns

    def cells(self, row: Row) -> list[str]:
        """One row in words."""
        cells = [row.arm.labels[axis.name] for axis in self.grid.axes] or [row.arm.name]
        for metric in self.metrics:
            summary = self.summary(row, metric)
            cells += [spell_summary(summary), f"{summary.n}/{summary.asked}", self._spell_difference(row, metric)]
            if self._has_published(metric):
                cells.append(", ".join(number(value) for value, _ in self.published(row, metric)) or ABSENT)
        return cells

    def _has_published(self, metric: str) -> bool:
        return any(metric in entry.values for entry in self.grid.published)

    def _spell_difference(self, row: Row, metric: str) -> str:
        if row is self.base:
            return "base"
        found = self.difference(row, metric)
        if found is None:
            return ABSENT
        interval = (
            f" [{signed(found.low)}, {signed(found.high)}]" if found.low is not None and found.high is not None else ""
        )
        return f"{signed(found.mean)}{interval}"

    def markdown(self) -> str:
        """The table and its remarks, with the sources of what is published."""
        lines = [f"# {self.grid.name}", ""]
        lines += [self.grid.summary, ""] if self.grid.summary else []
        header = self.header()
        lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
        lines += [f"| {' | '.join(self.cells(row))} |" for row in self.rows]
        seeds = ", ".join(map(str, self.grid.seeds))
        lines += ["", f"Mean ± standard deviation over the seeds {seeds}; n is of the seeds asked for."]
        lines += ["Differences are paired by seed, with Student's interval at 95 %."] if len(self.rows) > 1 else []
        sources = dict.fromkeys(entry.source for entry in self.grid.published)
        lines += [f"Published: {'; '.join(sources)}."] if sources else []
        lines += [f"- {remark}" for remark in [*self.remarks(), *self.grid.notes]]
        runs = {outcome.folder.name: None for row in self.rows for outcome in row.outcomes.values()}
        lines += ["", f"Runs: {', '.join(f'`{name}`' for name in runs)}"]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """A line a run and metric: the labels, the seed, the state, the metric, its value, the run."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*(axis.name for axis in self.grid.axes), "seed", "state", "metric", "value", "seconds", "run"])
        for row in self.rows:
            labels = [row.arm.labels[axis.name] for axis in self.grid.axes]
            for seed, outcome in row.outcomes.items():
                for metric, value in outcome.metrics.items() or {"": ""}.items():
                    writer.writerow([*labels, seed, outcome.state, metric, value, outcome.seconds, outcome.folder.name])
        return text.getvalue()


def number(value: float) -> str:
    """Four significant digits, without an exponent where people would write none."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.3e}"
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 3
    return f"{value:.{min(digits, 6)}f}"


def signed(value: float) -> str:
    """A number with its sign, a true minus."""
    return ("+" if value >= 0 else "−") + number(abs(value))


def spell_summary(summary: Summary) -> str:
    """`mean ± deviation`, both to the digit that the deviation's second significant one has; no ± from one seed."""
    if summary.mean is None:
        return ABSENT
    if not summary.deviation:
        return number(summary.mean) if summary.deviation is None else f"{number(summary.mean)} ± 0"
    digits = max(0, 1 - math.floor(math.log10(summary.deviation)))
    return f"{summary.mean:.{min(digits, 6)}f} ± {summary.deviation:.{min(digits, 6)}f}"


def gather(grid: Grid, bench: Bench) -> Report:
    """A grid's results from the store."""
    rows = []
    for arm in grid.arms:
        rows.append(Row(arm, {seed: _outcome(bench, arm, seed) for seed in grid.seeds}))
    return Report(grid, tuple(rows))


def _outcome(bench: Bench, arm: Arm, seed: int) -> Outcome:
    identity = bench.identify(arm.system, seed)
    folder = bench.folder(arm.system, seed, identity)
    state, changes = bench.store.status(folder, identity)
    if state == "finished":
        result = folder.result()
        device = str(result["device"]).partition(":")[0]
        return Outcome(seed, state, folder, result["metrics"], device, result["seconds"])
    failure = folder.failure() if state == "failed" else None
    return Outcome(seed, state, folder, detail=failure["message"] if failure else "; ".join(changes))
