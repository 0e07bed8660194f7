import os
import signal
import time

import pytest

from dovetail.bench.executor import Job, LocalExecutor, describe_exit, states
from dovetail.bench.files import FileFailure
from dovetail.bench.running import Bench
from dovetail.bench.store import Store


class Listener:
    def __init__(self, then=None):
        self.events, self.then = [], then

    def __call__(self, event):
        self.events.append(event)
        if self.then is not None:
            self.then(event)

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]


def jobs(factory, seeds=2, **changes):
    system = factory.system(**changes)
    return [Job(f"tiny {seed}", system, seed) for seed in range(seeds)]


@pytest.fixture(scope="module")
def executor(factory):
    made = LocalExecutor(factory.registry, factory.store, workers=1)
    yield made
    made.stop()


def pids(executor):
    return [worker.process.pid for worker in executor._pool]


def test_one_worker_trains_job_after_job_and_tells_of_each(executor, factory):
    listener = Listener()
    executor.start()
    before = pids(executor)
    executor.run(jobs(factory, 3), listener)
    assert pids(executor) == before
    assert [event.job.seed for event in listener.of("finished")] == [0, 1, 2]
    assert listener.events[0].kind == "started"
    assert len(listener.of("record")) == 9
    for event in listener.of("finished"):
        run = factory.bench.train(event.job.system, event.job.seed)
        assert run.metrics == event.detail
    names = {state for state, _, _ in states(factory.bench, jobs(factory, 3)).values()}
    assert names == {"finished"}
    again = Listener()
    executor.run(jobs(factory, 3), again)
    assert pids(executor) == before
    assert len(again.of("finished")) == 3
    assert not again.of("record")


def test_a_failing_run_is_recorded_with_its_traceback_and_the_others_finish(executor, factory):
    listener = Listener()
    broken = jobs(factory, 1, objective__raises_at=2)[0]
    executor.run([broken, *jobs(factory, 1, encoder__width=2)], listener)
    (failed,) = listener.of("failed")
    assert failed.job is broken
    assert "RuntimeError: the toy is broken" in failed.detail
    assert len(listener.of("finished")) == 1
    state, _, folder = states(factory.bench, [broken])[broken]
    assert state == "failed"
    assert "bench_toys.py" in folder.failure()["traceback"]


def test_a_worker_that_is_killed_is_replaced_and_its_run_goes_on(executor, factory, tmp_path):
    killed = []

    def kill(event):
        if event.kind == "record" and event.detail["epoch"] == 2 and not killed:
            killed.append(pids(executor)[0])
            os.kill(killed[0], signal.SIGKILL)

    listener = Listener(kill)
    job = jobs(factory, 1, train__epochs=4, objective__sleep=0.05)[0]
    executor.run([job], listener)
    assert pids(executor) != killed
    assert [event.detail for event in listener.of("died")] == [-9]
    assert len(listener.of("finished")) == 1
    folder = states(factory.bench, [job])[job][2]
    assert (
        "goes on at stage 0, epoch 2" in folder.file("log.txt").read_text()
        or "epoch 1" in folder.file("log.txt").read_text()
    )
    records = [(record["epoch"], record["right.valid"]) for record in folder.records()]
    alone = Bench(factory.registry, Store(tmp_path)).train(job.system, 0)
    assert [(record["epoch"], record["right.valid"]) for record in alone.folder.records()] == records
    assert alone.folder.file("model.safetensors").read_bytes() == folder.file("model.safetensors").read_bytes()


def test_a_run_whose_process_dies_three_times_has_failed_and_the_others_finish(executor, factory):
    listener = Listener()
    deadly = jobs(factory, 1, objective__dies_at=2)[0]
    executor.run([deadly, *jobs(factory, 1, encoder__width=3)], listener)
    assert len(listener.of("died")) == 2
    (failed,) = listener.of("failed")
    assert "its process died 3 times, last with signal 9 (out of memory?)" in failed.detail
    folder = states(factory.bench, [deadly])[deadly][2]
    assert folder.failure()["kind"] == "died"
    assert len(listener.of("finished")) == 1


def test_a_run_can_load_its_data_in_processes_of_its_own(executor, factory):
    listener = Listener()
    executor.run(jobs(factory, 1, train__workers=1, encoder__width=6), listener)
    assert not [event.detail for event in listener.of("failed")]
    assert len(listener.of("finished")) == 1


def test_a_run_that_another_command_saw_fail_meanwhile_is_not_trained_again(executor, factory):
    job = jobs(factory, 1, encoder__width=5)[0]
    folder = states(factory.bench, [job])[job][2]
    folder.path.mkdir(parents=True)
    folder.fail("error", "run tiny: failed elsewhere")
    listener = Listener()
    executor.run([job], listener)
    assert [(event.kind, event.detail) for event in listener.events] == [("failed", "run tiny: failed elsewhere")]


def test_a_store_that_cannot_be_is_said_before_any_worker_starts(workplace):
    (workplace.folder / "file").write_text("x")
    executor = LocalExecutor(workplace.registry, Store(workplace.folder / "file"), workers=1)
    with pytest.raises(FileFailure, match="cannot be made"):
        executor.start()
    assert not executor._pool


def test_no_worker_outlives_the_executor(workplace):
    executor = LocalExecutor(workplace.registry, workplace.store, workers=2)
    executor.start()
    processes = [worker.process for worker in executor._pool]
    executor.stop()
    assert [process.exitcode for process in processes] == [-signal.SIGTERM] * 2


@pytest.mark.parametrize(
    ("code", "text"),
    [(-9, "signal 9 (out of memory?)"), (-11, "signal 11"), (3, "exit status 3"), (None, "exit status None")],
)
def test_an_exit_is_described(code, text):
    assert describe_exit(code) == text


GRID = """
[grids.g]
base = "tiny"
seeds = 3
set = { "objective.sleep" = 0.02 }
[grids.g.axes.width]
path = "encoder.width"
values = [4, 5]
"""


def trained(workplace):
    """How often each run was begun."""
    return {folder.name: folder.file("log.txt").read_text().count(" trains ") for folder in workplace.store.runs()}


def test_two_commands_at_once_share_the_work_and_train_nothing_twice(workplace):
    workplace.add(GRID)
    commands = [workplace.start("grid", "g", "--workers", "1", "--out", str(workplace.folder / name)) for name in "ab"]
    for command in commands:
        _, errors = command.communicate(timeout=120)
        assert command.returncode == 0, errors
    assert len(trained(workplace)) == 6
    assert set(trained(workplace).values()) == {1}
    tables = [(workplace.folder / name / "table.csv").read_text() for name in "ab"]
    assert tables[0] == tables[1]


def test_a_grid_that_is_killed_goes_on_with_the_next_command_to_the_same_bits(workplace):
    workplace.add(GRID)
    first = workplace.start("grid", "g", "--workers", "1")
    deadline = time.monotonic() + 60
    while len(list(workplace.store.path.glob("*/result.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    second = workplace.start("grid", "g", "--workers", "1")
    first.kill()
    first.communicate()
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    assert len(workplace.store.runs()) == 6
    for folder in workplace.store.runs():
        about = folder.about()
        assert about["name"] == "tiny"
        width = about["system"][0]["parts"]["encoder"]["width"]
        alone = Bench(workplace.registry, Store(workplace.folder / "alone"))
        run = alone.train(workplace.system(encoder__width=width, objective__sleep=0.0), about["seed"])
        assert run.metrics == folder.result()["metrics"]
        assert run.folder.file("model.safetensors").read_bytes() == folder.file("model.safetensors").read_bytes()
