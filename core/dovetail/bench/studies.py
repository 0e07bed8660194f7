"""Optuna's part in a search: it draws the trials' values, and its tools can read what became of them.

Optuna is optional; this module is imported where a search needs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState

from dovetail.bench.files import write_text
from dovetail.bench.search import Range

if TYPE_CHECKING:
    from dovetail.bench.trials import Searched, Trial

STATES = {"running": TrialState.RUNNING, "interrupted": TrialState.RUNNING}
"""Optuna's words for the states of a run that has not ended; it waits in any other."""

optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study


def draw(ranges: Iterable[Range], trials: int, seed: int) -> list[dict[str, Any]]:
    """The values of so many trials by path, a choice as its label: what Optuna's random sampler draws in this order."""
    study = optuna.create_study(sampler=RandomSampler(seed))
    distributions = {each.path: _distribution(each) for each in ranges}
    return [study.ask(distributions).params for _ in range(trials)]


def _distribution(each: Range) -> BaseDistribution:
    if not each.scale:
        return CategoricalDistribution(list(each.options))
    kind = IntDistribution if each.integer else FloatDistribution
    low, high = (end.value for end in each.options.values())
    return kind(low, high, log=each.scale == "log")


class _Lines(BaseJournalBackend):
    """A journal in memory."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        return self.lines[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.lines += logs


def write_studies(file: Path, searched: Mapping[str, Searched]) -> None:
    """Write a journal that `JournalStorage(JournalFileBackend(file))` reads: a study for each arm, by its name.

    It is made anew from the store, which is the truth, and put in its place whole. Each trial says its run and seed.
    """
    journal = _Lines()
    storage = JournalStorage(journal)
    for name, search in searched.items():
        direction = StudyDirection.MAXIMIZE if search.higher else StudyDirection.MINIMIZE
        study = optuna.create_study(storage=storage, study_name=name, direction=direction)
        distributions = {each.path: _distribution(each) for each in search.ranges}
        for trial in search.trials:
            study.add_trial(_frozen(trial, distributions))
    write_text(file, "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in journal.lines))


def _frozen(trial: Trial, distributions: dict[str, BaseDistribution]) -> optuna.trial.FrozenTrial:
    outcome = trial.outcome
    complete = TrialState.COMPLETE if trial.value is not None else None
    frozen = optuna.create_trial(
        state=TrialState.FAIL if trial.failed else complete or STATES.get(outcome.state, TrialState.WAITING),
        value=trial.value,
        params=dict(trial.values),
        distributions=distributions,
        user_attrs={"run": outcome.folder.name, "seed": outcome.seed},
    )
    if outcome.state == "finished":
        end = datetime.fromtimestamp(outcome.folder.file("result.json").stat().st_mtime, UTC)
        frozen.datetime_start, frozen.datetime_complete = end - timedelta(seconds=outcome.seconds), end
    return frozen
