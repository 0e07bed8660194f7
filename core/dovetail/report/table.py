"""A grid's table, as Markdown, as CSV, and as cells for a terminal.

A row an arm: mean ± standard deviation, n of the seeds asked for, the difference to the base and the published value.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from attrs import frozen

from dovetail.bench.grids import ABSENT, Arm, Grid, published_for
from dovetail.bench.outcomes import Outcome, outcome_of
from dovetail.bench.running import Bench
from dovetail.bench.trials import Searched, searches
from dovetail.report.spelling import spell_difference, spell_seeds, spell_summary
from dovetail.report.statistics import Difference, Summary, difference, summarise


@frozen(eq=False)
class Row:
    """One arm: its outcomes by seed, where it is searched those of the winner, and none while there is none."""

    arm: Arm
    outcomes: Mapping[int, Outcome]
    search: Searched | None = None

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
        """The metrics shown: those that the grid names, or all of the test split, or those to be expected of it."""
        if self.grid.show:
            return list(self.grid.show)
        seen = {name: None for row in self.rows for outcome in row.outcomes.values() for name in outcome.metrics}
        expected = [f"{name}.test" for name in self.grid.base.system.stages[-1].metrics]
        return [name for name in seen if name.endswith(".test")] or expected

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
        """What a reader must know: runs that are not finished, values left out, and kinds of device that are mixed."""
        lines: dict[tuple[str, str], list[int]] = {}
        for row in self.rows:
            for outcome in row.outcomes.values():
                for remark in self._about(outcome):
                    lines.setdefault((row.arm.name, remark), []).append(outcome.seed)
        remarks = [f"{row.arm.name}: no winner: {row.search}" for row in self.rows if row.search and not row.outcomes]
        remarks += [f"{arm}, {spell_seeds(seeds)}: {what}" for (arm, what), seeds in lines.items()]
        devices = {outcome.device for row in self.rows for outcome in row.outcomes.values() if outcome.device}
        if len(devices) > 1:
            remarks.append(f"runs on different kinds of device are mixed: {', '.join(sorted(devices))}")
        return remarks

    def _about(self, outcome: Outcome) -> list[str]:
        """Why a run's values are not, or not all, in the table."""
        if outcome.state != "finished":
            return [f"{outcome.state}{f': {outcome.detail.splitlines()[0]}' if outcome.detail else ''}"]
        absent = [name for name in self.metrics if name not in outcome.metrics]
        bad = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
        remarks = [f"has no {' and no '.join(absent)}, but {', '.join(outcome.metrics)}"] if absent else []
        return [*remarks, f"not finite and left out: {', '.join(bad)}"] if bad else remarks

    # ----------------------------------------------------------------------------------------------------- cells

    def header(self, metrics: list[str] | None = None) -> list[str]:
        """The column titles, of all metrics or of some."""
        columns = [axis.name for axis in self.grid.axes] or ["arm"]
        for metric in self.metrics if metrics is None else metrics:
            columns += [metric, "n", *(["Δ to base [95 %]"] if len(self.rows) > 1 else [])]
            columns += ["published"] if self._has_published(metric) else []
        return columns

    def cells(self, row: Row, metrics: list[str] | None = None) -> list[str]:
        """One row in words."""
        cells = [row.arm.labels[axis.name] for axis in self.grid.axes] or [row.arm.name]
        for metric in self.metrics if metrics is None else metrics:
            summary = self.summary(row, metric)
            cells += [spell_summary(summary), f"{summary.n}/{summary.asked}"]
            cells += [self._spell_difference(row, metric)] if len(self.rows) > 1 else []
            cells += [self._spell_published(row, metric)] if self._has_published(metric) else []
        return cells

    @property
    def _sources(self) -> list[str]:
        return list(dict.fromkeys(entry.source for entry in self.grid.published))

    def _has_published(self, metric: str) -> bool:
        return any(metric in entry.values for entry in self.grid.published)

    def _spell_published(self, row: Row, metric: str) -> str:
        """The published values as they were written, with the numbers of their sources where there are several."""
        several = len(self._sources) > 1
        values = [
            f"{value:.10g}{f' [{self._sources.index(source) + 1}]' if several else ''}"
            for value, source in self.published(row, metric)
        ]
        return ", ".join(values) or ABSENT

    def _spell_difference(self, row: Row, metric: str) -> str:
        found = self.difference(row, metric)
        if row is self.base:
            return "base"
        pairs = f" (n {found.n})" if found is not None and found.n < len(self.grid.seeds) else ""
        return f"{spell_difference(found)}{pairs}"

    def markdown(self) -> str:
        """The table and its remarks, with the sources of what is published and the runs behind each row."""
        lines = [f"# {self.grid.title}", ""]
        lines += [self.grid.summary, ""] if self.grid.summary else []
        header = self.header()
        lines += markdown_table(header, [self.cells(row) for row in self.rows])
        lines += [
            "",
            f"Mean ± standard deviation over the {spell_seeds(self.grid.seeds)}; n is of the seeds asked for.",
        ]
        lines += ["Differences are paired by seed, with Student's interval at 95 %."] if len(self.rows) > 1 else []
        sources = [f"[{n}] {source}" for n, source in enumerate(self._sources, start=1)]
        lines += [f"Published: {'; '.join(sources if len(sources) > 1 else self._sources)}."] if sources else []
        remarks = [*self.remarks(), *self.grid.notes]
        lines += ["", *(f"- {remark}" for remark in remarks)] if remarks else []
        lines += ["", "Runs:", ""]
        for row in self.rows:
            names = (f"`{outcome.folder.name}`" for outcome in row.outcomes.values() if outcome.state != "missing")
            lines.append(f"- {row.arm.name}: {', '.join(names) or 'none'}")
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """A line a run and metric: the labels, the seed, the state, the metric, its value, the run."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*(axis.name for axis in self.grid.axes), "seed", "state", "metric", "value", "seconds", "run"])
        for row in self.rows:
            labels = [row.arm.labels[axis.name] for axis in self.grid.axes]
            for seed, outcome in row.outcomes.items():
                seconds = outcome.seconds if outcome.state == "finished" else ""
                for metric, value in outcome.metrics.items() or (("", ""),):
                    writer.writerow([*labels, seed, outcome.state, metric, value, seconds, outcome.folder.name])
        return text.getvalue()


def markdown_table(header: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table."""
    return [_markdown_row(header), f"|{'---|' * len(header)}", *map(_markdown_row, rows)]


def _markdown_row(cells: list[str]) -> str:
    """A row of a Markdown table; what would end a cell or the row is escaped."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def gather(grid: Grid, bench: Bench) -> Report:
    """A grid's results from the store."""
    searched = searches(grid, bench)
    rows = []
    for arm in grid.arms:
        search = searched.get(arm)
        trained = arm.system if search is None else search.winner and search.winner.system
        outcomes = {seed: outcome_of(bench, trained, seed) for seed in grid.seeds} if trained else {}
        rows.append(Row(arm, outcomes, search))
    return Report(grid, tuple(rows))
