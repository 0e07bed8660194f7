import json
import math
import sys
import time
from contextlib import suppress

import optuna
import pytest
from bench_quadratic import quadratic
from bench_searching import N, X, load, text
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from dovetail.bench.identity import digest
from dovetail.bench.studies import draw, write_studies
from dovetail.bench.trials import jobs, searches, trial_jobs
from dovetail.errors import Failure, Mistake
from dovetail.report.inventory import inventory
from dovetail.report.table import gather


def train(workplace, every=None):
    """Train a grid's trials, or some of them, in this process; a failure is recorded and no more."""
    bench = workplace.bench
    for job in trial_jobs(load(workplace), bench)[every or slice(None)]:
        with suppress(Failure):
            bench.train(job.system, job.seed)


def search(workplace, *changes):
    """The search of the base."""
    grid = load(workplace, *changes)
    return searches(grid, workplace.bench)[grid.base]


def drawn(workplace, *changes):
    return [dict(trial.values) for trial in search(workplace, *changes).trials]


def test_the_best_trial_is_that_of_a_plain_loop(workplace):
    workplace.add(text(X + N))
    by_hand = optuna.create_study(sampler=optuna.samplers.RandomSampler(int(digest(["g", "base", 0])[:8], 16)))
    for _ in range(5):
        asked = by_hand.ask()
        asked_x, asked_n = (
            asked.suggest_float("objective.x", 0.01, 1.0, log=True),
            asked.suggest_int("objective.n", 2, 7),
        )
        by_hand.tell(asked, quadratic(asked_x, asked_n))
    train(workplace)
    found = search(workplace)
    assert [dict(trial.values) for trial in found.trials] == [trial.params for trial in by_hand.trials]
    assert [trial.value for trial in found.trials] == pytest.approx([trial.value for trial in by_hand.trials])
    assert (found.winner.number, found.winner.values) == (by_hand.best_trial.number, by_hand.best_trial.params)
    assert [trial.outcome.seed for trial in found.trials] == [1000, 1001, 1002, 1003, 1004]
    assert [trial.value for trial in found.ranking] == sorted(trial.value for trial in found.trials)


def test_the_winner_is_what_is_trained_with_the_seeds_of_the_grid(workplace):
    workplace.add(text(X + N))
    assert jobs(load(workplace), workplace.bench) == []
    train(workplace)
    winner = search(workplace).winner
    again = jobs(load(workplace), workplace.bench)
    assert [(job.name, job.seed) for job in again] == [("g seed=0", 0), ("g seed=1", 1)]
    for job in again:
        assert job.system == winner.system
        assert workplace.bench.train(job.system, job.seed).metrics["value.test"] == pytest.approx(winner.value)
    (row,) = gather(load(workplace), workplace.bench).rows
    assert list(row.values("value.test").values()) == pytest.approx([winner.value] * 2)


def test_what_is_drawn_is_within_its_range_and_of_its_field(workplace):
    choices = '"objective.name" = { values = ["a", "b", "c"] }\n'
    workplace.add(text(X + N + choices).replace("trials = 5", "trials = 200"))
    grid = load(workplace)
    found = draw(grid.base.ranges, 200, 7)
    assert all(0.01 <= values["objective.x"] <= 1.0 for values in found)
    below = sum(values["objective.x"] < 0.1 for values in found)
    assert 70 < below < 130, "half of a log scale from 0.01 to 1 is below 0.1"
    assert {values["objective.n"] for values in found} == {2, 3, 4, 5, 6, 7}
    assert all(type(values["objective.n"]) is int for values in found)
    assert {values["objective.name"] for values in found} == {"a", "b", "c"}


def test_trials_depend_on_the_names_the_ranges_and_the_sampler_seed_alone(workplace):
    axis = 'axes.name = { path = "objective.name", values = ["b"] }\n'
    workplace.add(text(head=axis))
    before = drawn(workplace)
    assert drawn(workplace) == before
    assert drawn(workplace, "train.epochs=2") == before, "a change of something else draws the same"
    grid = load(workplace)
    other = searches(grid, workplace.bench)[grid.arms[1]]
    assert [dict(trial.values) for trial in other.trials] != before, "each arm has its own"
    written = workplace.file.read_text()
    workplace.file.write_text(written.replace("trials = 5", "trials = 8"))
    assert drawn(workplace)[:5] == before, "more trials come after those that there were"
    workplace.file.write_text(written.replace("trials = 5", "trials = 5\nsampler_seed = 1"))
    assert drawn(workplace) != before


def test_changes_of_the_command_apply_to_trials(workplace):
    workplace.add(text())
    systems = [trial.system for trial in search(workplace, "objective.n=7").trials]
    assert {system.stages[0].objective.n for system in systems} == {7}


def test_a_choice_of_components_is_put_where_its_path_is(workplace):
    workplace.add(text('"objective.optimizer" = { values = [{ use = "standard/adam", lr = 0.5 }, "standard/sgd"] }\n'))
    names = set()
    for trial in search(workplace).trials:
        optimizer = trial.system.stages[0].objective.optimizer
        label = trial.values["objective.optimizer"]
        names.add((label, type(optimizer).__name__))
    assert names == {("{'use': 'standard/adam', 'lr': 0.5}", "AdamSpec"), ("standard/sgd", "SgdSpec")}


def test_trials_that_fail_or_diverge_are_counted_and_cannot_win(workplace):
    set_ = "set = { 'objective.limit' = 0.5, 'objective.nan_at' = 3 }\n"
    workplace.add(
        text('"objective.x" = { low = 0.0, high = 1.0 }\n' + N, head=set_).replace("trials = 5", "trials = 12")
    )
    train(workplace)
    found = search(workplace)
    large = [trial for trial in found.trials if trial.values["objective.x"] > 0.5]
    nan = [trial for trial in found.trials if trial not in large and trial.values["objective.n"] == 3]
    assert large
    assert nan, "the draw has both kinds"
    assert {trial.number for trial in found.failed} == {trial.number for trial in [*large, *nan]}
    assert all(trial.value is None for trial in found.failed)
    assert str(found) == f"trials 12 of 12, {len(large) + len(nan)} failed"
    best = min(
        (t for t in found.trials if not t.failed),
        key=lambda t: quadratic(t.values["objective.x"], t.values["objective.n"]),
    )
    assert found.winner.number == best.number


def test_without_a_trial_that_finished_there_is_no_winner(workplace):
    workplace.add(text('"objective.x" = { low = 0.5, high = 1.0 }\n', head="set = { 'objective.limit' = 0.4 }\n"))
    train(workplace)
    found = search(workplace)
    assert (found.winner, str(found)) == (None, "trials 5 of 5, 5 failed")
    report = gather(load(workplace), workplace.bench)
    assert report.remarks() == ["base: no winner: trials 5 of 5, 5 failed"]


def test_there_is_no_winner_before_all_trials_have_ended(workplace):
    workplace.add(text())
    assert str(search(workplace)) == "trials 0 of 5, 0 failed"
    train(workplace, slice(0, 4))
    found = search(workplace)
    assert (found.winner, str(found)) == (None, "trials 4 of 5, 0 failed")
    (row,) = gather(load(workplace), workplace.bench).rows
    assert row.outcomes == {}


def test_the_order_of_training_changes_nothing(workplace):
    workplace.add(text(X + N))
    train(workplace, slice(None, None, -1))
    backwards = [(trial.values, trial.value) for trial in search(workplace).trials]
    for folder in workplace.store.runs():
        folder.file("result.json").unlink()
    train(workplace)
    assert [(trial.values, trial.value) for trial in search(workplace).trials] == backwards


def test_a_metric_of_which_more_is_better_is_maximised(workplace):
    workplace.add(text().replace("value.valid", "other.of.test"))
    train(workplace)
    found = search(workplace)
    assert found.higher
    assert found.winner.value == max(trial.value for trial in found.trials)


def test_a_metric_that_is_added_later_has_to_be_measured_first(workplace):
    workplace.add(text().replace("metrics = { value = 'toys/last', ", "metrics = { "))
    train(workplace)
    workplace.file.write_text(
        workplace.file.read_text()
        .replace("negative = true } }", "negative = true }, late = 'toys/last' }")
        .replace("value.valid", "late.valid")
    )
    assert str(search(workplace)) == "trials 0 of 5, 0 failed"
    train(workplace)
    assert search(workplace).winner.value == search(workplace).ranking[0].value


def test_a_value_that_a_metrics_table_lacks_is_a_mistake(workplace):
    workplace.add(text().replace("value.valid", "other.off.valid"))
    train(workplace, slice(0, 1))
    with pytest.raises(
        Mistake, match=r"registry\.toml:\d+: designs\.0\.optimise: the run .* has no `other\.off\.valid`; did"
    ):
        search(workplace)


def test_without_optuna_a_search_is_shown_but_not_trained(workplace, monkeypatch):
    workplace.add(text())
    grid = load(workplace)
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "dovetail.bench.studies", raising=False)
    with pytest.raises(Mistake, match=r'grid g: .* drawn by Optuna: pip install "dovetail\[text-gan\]"'):
        searches(grid, workplace.bench)


def test_optunas_own_reader_finds_every_trial_in_the_journal(workplace, tmp_path):
    set_ = "set = { 'objective.limit' = 0.3 }\n"
    choices = '"objective.name" = { values = ["a", "b"] }\n'
    workplace.add(text('"objective.x" = { low = 0.0, high = 1.0 }\n' + N + choices, head=set_))
    train(workplace, slice(0, 4))
    found = search(workplace)
    file = tmp_path / "optuna.journal"
    for _ in range(2):  # made anew
        write_studies(file, {"base": found})
    study = optuna.load_study(study_name="base", storage=JournalStorage(JournalFileBackend(str(file))))
    states = ["FAIL" if trial.failed else "COMPLETE" for trial in found.trials[:4]] + ["WAITING"]
    assert [trial.state.name for trial in study.trials] == states
    assert set(states) == {"FAIL", "COMPLETE", "WAITING"}
    assert [trial.params for trial in study.trials] == [dict(trial.values) for trial in found.trials]
    assert [trial.user_attrs["run"] for trial in study.trials] == [t.outcome.folder.name for t in found.trials]
    assert study.best_value == found.ranking[0].value
    assert study.direction.name == "MINIMIZE"
    for line in file.read_text().splitlines():
        assert isinstance(json.loads(line), dict)


def test_a_command_that_is_killed_goes_on_where_it_was(workplace):
    workplace.add(text(head="set = { 'objective.sleep' = 0.05 }\n"))
    first = workplace.start("grid", "g", "--workers", "1")
    deadline = time.monotonic() + 60
    while len(list(workplace.store.path.glob("*/result.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    first.kill()
    first.communicate()
    before = {file: file.stat().st_mtime_ns for file in workplace.store.path.glob("*/result.json")}
    assert 2 <= len(before) < 5
    status, _, errors = workplace.command("grid", "g", "--workers", "2")
    assert status == 0, errors
    assert f"{len(before)} runs finished before, {5 - len(before)} to do" in errors
    assert {file: file.stat().st_mtime_ns for file in before} == before
    found = search(workplace)
    assert [trial.outcome.state for trial in found.trials] == ["finished"] * 5
    winner = min(found.trials, key=lambda trial: math.fabs(trial.values["objective.x"] - 0.3))
    (row,) = gather(load(workplace), workplace.bench).rows
    assert found.winner is not None
    assert found.winner.number == winner.number
    assert {outcome.state for outcome in row.outcomes.values()} == {"finished"}
    assert len(workplace.store.runs()) == 5 + 2


def test_an_upgrade_of_a_plugin_looks_at_trials_and_winners(workplace):
    workplace.add(text())
    train(workplace)
    found = inventory("", ["toys"], str(workplace.file), [], str(workplace.store.path))
    runs = found["grids"]["g"]["arms"]["base"]["seeds"]
    assert sorted(runs) == [0, 1, 1000, 1001, 1002, 1003, 1004]
    assert len({key for key, _ in runs.values()}) == 7


def test_two_commands_at_once_share_trials_and_winners(workplace):
    workplace.add(text(head="set = { 'objective.sleep' = 0.02 }\n"))
    commands = [workplace.start("grid", "g", "--workers", "1", "--out", str(workplace.folder / name)) for name in "ab"]
    for command in commands:
        _, errors = command.communicate(timeout=120)
        assert command.returncode == 0, errors
    trained = [folder.file("log.txt").read_text().count(" trains ") for folder in workplace.store.runs()]
    assert trained == [1] * 7
    for file in ("table.md", "trials.csv"):
        assert (workplace.folder / "a" / file).read_text() == (workplace.folder / "b" / file).read_text()
