"""A grid's trials, all of them known before any is trained; what became of them in the store; and who won."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from dovetail.bench.executor import Job
from dovetail.bench.grids import Arm, Grid
from dovetail.bench.identity import digest
from dovetail.bench.outcomes import Outcome, outcome_of
from dovetail.bench.running import Bench
from dovetail.bench.search import Range, Search
from dovetail.errors import Mistake, close, listed
from dovetail.systems import System
from dovetail.tables import put_all


@frozen(eq=False)
class Trial:
    """One trial of an arm: its values by path (a choice as its label), its system, and its outcome so far.

    `value` is that of the metric that is optimised, where the run has finished and it is finite. Where it is not finite
    the trial has `failed`, as where the run has.
    """

    number: int
    values: Mapping[str, Any]
    system: System
    outcome: Outcome
    value: float | None
    failed: bool


@frozen(eq=False)
class Searched:
    """The search of one arm: its ranges, its trials in their order, and whether a higher value is better."""

    ranges: tuple[Range, ...]
    trials: tuple[Trial, ...]
    higher: bool

    @property
    def failed(self) -> list[Trial]:
        """The trials that failed: they count, and cannot win."""
        return [trial for trial in self.trials if trial.failed]

    @property
    def ranking(self) -> list[Trial]:
        """The trials that finished, the best first; of equal ones the first."""
        values = {trial: trial.value for trial in self.trials if trial.value is not None}
        return sorted(values, key=lambda trial: -values[trial] if self.higher else values[trial])

    @property
    def winner(self) -> Trial | None:
        """The best trial, as soon as all have ended."""
        ranking = self.ranking
        return ranking[0] if ranking and len(ranking) + len(self.failed) == len(self.trials) else None

    def __str__(self) -> str:
        failed = len(self.failed)
        return f"trials {len(self.ranking) + failed} of {len(self.trials)}, {failed} failed"


def searches(grid: Grid, bench: Bench) -> dict[Arm, Searched]:
    """The search of each arm as the store has it now; nothing for a grid without one.

    Raises:
        Mistake: Optuna is not installed, or a run has no value of the metric that is optimised.
    """
    search = grid.search
    if search is None:
        return {}
    name = search.optimise.partition(".")[0]
    higher = bench.checker.assemble(grid.base.system)[-1].metrics[name].direction == "higher"
    return {arm: Searched(arm.ranges, tuple(_trials(grid, search, arm, bench)), higher) for arm in grid.arms}


def trial_jobs(grid: Grid, bench: Bench) -> list[Job]:
    """Every trial of a grid's search: the first of all arms first."""
    searched = searches(grid, bench).items()
    return [
        Job(f"{arm.name} trial={trial.number} seed={trial.outcome.seed}", trial.system, trial.outcome.seed)
        for trials in zip(*([(arm, trial) for trial in search.trials] for arm, search in searched), strict=True)
        for arm, trial in trials
    ]


def jobs(grid: Grid, bench: Bench) -> list[Job]:
    """Every arm with every seed, all arms with the first seed first; of arms that are searched, the winners so far."""
    searched = searches(grid, bench)
    trained = {arm: search.winner.system for arm, search in searched.items() if search.winner}
    systems = trained if grid.search else {arm: arm.system for arm in grid.arms}
    return [
        Job(f"{arm.name if grid.axes else grid.name} seed={seed}", systems[arm], seed)
        for arm, seed in grid.runs()
        if arm in systems
    ]


def _trials(grid: Grid, search: Search, arm: Arm, bench: Bench) -> list[Trial]:
    """An arm's trials: what is drawn depends on the names of grid and arm, the ranges and `sampler_seed`."""
    draw, sampler_seed = _drawing(grid), int(digest([grid.name, arm.name, search.sampler_seed])[:8], 16)
    trials = []
    for number, values in enumerate(draw(arm.ranges, search.trials, sampler_seed)):
        changes = {each.path: each.at(values[each.path]) for each in arm.ranges}
        system = bench.checker.load(arm.system.name, put_all(arm.tables, changes))
        outcome = outcome_of(bench, system, search.seeds[number])
        value = _value(search, system, outcome, bench)
        finite = value is not None and math.isfinite(value)
        failed = outcome.state == "failed" or (value is not None and not finite)
        trials.append(Trial(number, values, system, outcome, value if finite else None, failed))
    return trials


def _drawing(grid: Grid) -> Any:
    try:
        from dovetail.bench.studies import draw
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        wants = 'the trials of a search are drawn by Optuna: pip install "dovetail[text-gan]"'
        raise Mistake(f"grid {grid.name}: {wants}") from error
    return draw


def _value(search: Search, system: System, outcome: Outcome, bench: Bench) -> float | None:
    """The value of the metric that is optimised; None where the run has not finished, or is to be measured by it."""
    value = outcome.metrics.get(search.optimise)
    if value is None and outcome.state == "finished" and not bench.lacks(outcome.folder, system):
        where = search.given.value["optimise"].where
        known = [name for name in outcome.metrics if name.endswith(".valid")]
        possible = close(search.optimise, outcome.metrics) or f"it has {listed(known)}"
        rule = f"the run {outcome.folder.name} has no `{search.optimise}`; {possible}"
        raise Mistake(f"{where}: {search.name}.optimise: {rule}")
    return value
