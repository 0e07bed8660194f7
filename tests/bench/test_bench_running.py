import subprocess
import sys

import attrs
import bench_toys
import pytest
import torch
from bench_toys import SEEN

from dovetail.bench import Bench, train
from dovetail.errors import Failure, Mistake

SCHEDULED = {"objective__weight": {"use": "standard/linear", "start": 1.0, "end": 0.0, "finish": 20}}


def test_a_finished_run_is_not_trained_again(workplace):
    run = workplace.train()
    times = {path.name: path.stat().st_mtime_ns for path in run.folder.path.iterdir()}
    SEEN.clear()
    assert workplace.train() == run
    assert SEEN == []
    assert {path.name: path.stat().st_mtime_ns for path in run.folder.path.iterdir()} == times


def test_train_takes_a_store_and_gives_the_run(workplace, tmp_path):
    run = train(workplace.system(), seed=2, store=tmp_path / "mine")
    assert run.folder.path.parent == tmp_path / "mine"
    assert run.metrics == run.folder.result()["metrics"]
    assert run.folder.about()["seed"] == 2


def test_a_run_that_another_process_trains_is_left_to_it(workplace):
    system = workplace.system()
    bench = workplace.bench
    folder = bench.folder(system, 0, bench.identify(system, 0))
    with folder.claim():
        assert bench.train(system, 0) is None
        with pytest.raises(Failure, match="tiny with seed 0 is being trained by another process"):
            train(system, store=workplace.store.path)
    assert bench.train(system, 0).metrics


def test_progress_is_reported_step_by_step_and_evaluation_by_evaluation(workplace):
    heard = []
    workplace.bench.train(workplace.system(train__epochs=2), 0, heard.append)
    steps = [event for event in heard if "batches" in event]
    assert [(event["epoch"], event["batch"], event["step"]) for event in steps] == [
        (0, 1, 1), (0, 2, 2), (0, 3, 3), (1, 1, 4), (1, 2, 5), (1, 3, 6),
    ]  # fmt: skip
    assert steps[0] == {"stage": "train", "epoch": 0, "epochs": 2, "batch": 1, "batches": 3, "step": 1}
    assert [event["epoch"] for event in heard if "seconds" in event] == [1, 2]


def test_metrics_that_changed_are_measured_from_the_model_without_training(workplace):
    run = workplace.train(**SCHEDULED)
    weights = run.folder.file("model.safetensors").read_bytes()
    SEEN.clear()
    again = workplace.train(**SCHEDULED, metrics__table="toys/table")
    assert again.folder == run.folder
    assert again.metrics["right.test"] == run.metrics["right.test"]
    assert again.metrics["table.share.test"] == pytest.approx(run.metrics["right.test"])
    assert {entry[0] for entry in SEEN} == {"evaluate"}
    assert all(entry[2] == pytest.approx(1 - 9 / 20) for entry in SEEN)  # the schedule stands where training ended
    assert run.folder.file("model.safetensors").read_bytes() == weights
    log = run.folder.file("log.txt").read_text()
    assert "measured again, by right, table" in log
    assert "test: table: of " in log
    SEEN.clear()
    workplace.train(**SCHEDULED, metrics__table="toys/table")
    kept = workplace.train(**SCHEDULED)  # one metric less asks for nothing
    assert SEEN == []
    assert kept.metrics == again.metrics


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_device_that_is_not_there_is_a_mistake_before_anything_is_done(workplace, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(Mistake, match=rf"train.device: `{device}` is not on this machine, which has none of the kind"):
        workplace.train(train__device=device)
    assert not workplace.store.runs()


@pytest.mark.parametrize("seed", [-1, "a", 1.5, True])
def test_a_seed_that_is_none_is_a_mistake(workplace, seed):
    with pytest.raises(Mistake, match="`seed` must be an integer of at least 0, but is"):
        Bench(workplace.system().registry, workplace.store).train(workplace.system(), seed)
    assert not workplace.store.runs()


def test_a_metric_whose_version_was_raised_is_measured_again(workplace):
    workplace.train()
    system = workplace.system()
    component = system.registry.components["metric", "toys/mean"]
    system.registry.components["metric", "toys/mean"] = attrs.evolve(component, version=2)
    SEEN.clear()
    workplace.train(system)
    assert {entry[0] for entry in SEEN} == {"evaluate"}


def test_a_metric_in_a_list_or_table_is_not_measured_again_for_nothing(workplace):
    changes = {"metrics__right__values": [0.5, 0.25]}
    workplace.train(**changes)
    SEEN.clear()
    workplace.train(**changes)
    assert SEEN == []


def test_a_failing_run_is_recorded_with_its_traceback(workplace):
    with pytest.raises(
        Failure, match=r"run tiny-s0-\w+: RuntimeError: the toy is broken\n    its traceback is in .*failure"
    ):
        workplace.train(objective__raises_at=2)
    (folder,) = workplace.store.runs()
    failure = folder.failure()
    assert failure["kind"] == "error"
    assert failure["message"] == f"run {folder.name}: RuntimeError: the toy is broken"
    assert "bench_toys.py" in failure["traceback"]
    assert "failed: run" in folder.file("log.txt").read_text()
    with pytest.raises(Failure, match="the toy is broken"):
        workplace.train(objective__raises_at=2)


def test_a_run_that_failed_goes_on_and_forgets_the_failure_when_it_finishes(workplace, monkeypatch):
    def refuse(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(bench_toys.Points, "take", refuse)
        with pytest.raises(Failure, match="Input/output error"):
            workplace.train()
    (folder,) = workplace.store.runs()
    assert folder.failure()["kind"] == "file"
    assert workplace.train().folder == folder
    assert folder.failure() is None


def test_a_mistake_while_running_stays_a_mistake(workplace):
    with pytest.raises(Mistake, match="Vector"):
        workplace.train(workplace.system(encoder="standard/embedding"))


def test_a_damaged_checkpoint_is_named_and_deleting_it_starts_anew(workplace):
    run = workplace.train()
    weights = run.folder.file("model.safetensors").read_bytes()
    run.folder.file("result.json").unlink()
    run.folder.file("checkpoint.safetensors").write_bytes(b"rubbish")
    with pytest.raises(Failure, match=r"tiny-s0-\w+/checkpoint\.safetensors: is no whole .*; delete the file to start"):
        workplace.train()
    assert run.folder.failure()["kind"] == "file"
    run.folder.file("checkpoint.safetensors").unlink()
    workplace.train()
    assert run.folder.file("model.safetensors").read_bytes() == weights
    assert len(run.folder.records()) == 3


def test_a_damaged_model_cannot_be_measured_again_and_is_named(workplace):
    run = workplace.train()
    run.folder.file("model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(Failure, match=r"model\.safetensors: is no whole tensor file"):
        workplace.train(metrics__table="toys/table")
    assert workplace.train().metrics == run.metrics
    assert run.folder.state() == "finished"


def test_what_a_killed_process_left_is_removed(workplace):
    run = workplace.train()
    for name in (".checkpoint.safetensors.1.tmp", "checkpoint.safetensors", "best.safetensors"):
        run.folder.file(name).write_bytes(b"x")
    workplace.train()
    assert not [path for path in run.folder.path.iterdir() if path.name.startswith((".", "checkpoint", "best"))]


def test_the_same_seed_gives_the_same_run_in_another_process(workplace, tmp_path):
    run = workplace.train()
    script = (
        "import sys, dovetail; from dovetail.bench import train;"
        f"train(dovetail.registry({str(workplace.file)!r}).system('tiny'), store={str(tmp_path / 'other')!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    other = tmp_path / "other" / run.folder.name
    assert (other / "model.safetensors").read_bytes() == run.folder.file("model.safetensors").read_bytes()
    assert torch.get_num_threads() == 1
