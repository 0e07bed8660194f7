import os
import subprocess
from contextlib import contextmanager, suppress

import bench_toys
import pytest

from dovetail.bench.running import Bench
from dovetail.bench.store import Store
from dovetail.cli.main import main
from dovetail.errors import Failure

TEXT = """
[systems.text]
dataset = { use = "standard/text-chars", path = "text.txt" }
objective = "standard/language-model"
generator = { use = "standard/rnn-lm", embedding = "standard/embedding", cell = "standard/lstm" }
metrics = { bpc = "standard/bits-per-character" }
"""
GRID = """
[grids.g]
base = "tiny"
seeds = 4
"""
LARGE = {"encoder__width": 300, "encoder__layers": 3}


@contextmanager
def tmpfs(folder, options):
    """A small file system of its own; the test is skipped where none can be mounted."""
    folder.mkdir(exist_ok=True)
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False).returncode
    ):
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def command(workplace, capsys, *words):
    """The command in this process: its exit status and what it printed."""
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(workplace.file), *words, "--store", str(workplace.store.path)])
    out, errors = capsys.readouterr()
    assert "Traceback" not in out + errors
    return end.value.code, out, errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "`path` must have text, but has none: "),
        (b"  \n\n ", "`path` must have text, but has none: "),
        (b"abc\nd\xe9f\n", "`path` must be UTF-8 text, but byte 0xe9 at offset 5 is not: "),
        (b"ab", "must have text, but has none: "),
        (None, "there is no file or folder "),
    ],
)
def test_a_text_that_cannot_be_read_is_a_mistake_that_names_the_file(workplace, capsys, content, message):
    workplace.add(TEXT)
    file = workplace.folder / "text.txt"
    if content is not None:
        file.write_bytes(content)
    status, _, errors = command(workplace, capsys, "run", "text")
    assert status == 2
    assert message in errors
    assert str(file) in errors
    assert not workplace.store.runs()


def test_wrong_types_in_a_grid_are_a_mistake_with_their_lines(workplace, capsys):
    workplace.add(
        "[grids.g]\nbase = 'tiny'\nseeds = 'three'\naxes = [1]\ndesigns = 4\nexclude = 'x'\npublished = 5\nset = 6\n"
    )
    status, _, errors = command(workplace, capsys, "grid", "g")
    assert status == 2
    assert "grid g: 6 faults" in errors
    assert errors.count(f"{workplace.file}:") == 6


@pytest.mark.parametrize("below", [False, True])
def test_a_store_that_is_a_file_is_an_error_that_names_it(workplace, capsys, below):
    file = workplace.folder / "file"
    file.write_text("x")
    workplace.store = Store(file / "runs" if below else file)
    status, _, errors = command(workplace, capsys, "run", "tiny")
    assert status == 1
    assert f"the store {workplace.store.path} cannot be made: " in errors


def test_a_store_that_cannot_be_written_is_an_error_and_can_be_read(workplace, capsys):
    with tmpfs(workplace.store.path, "size=1m"):
        run = workplace.train()
        remount(workplace.store.path, "ro")
        status, _, errors = command(workplace, capsys, "run", "tiny", "--seed", "1")
        assert status == 1
        assert f"the store {workplace.store.path} cannot be written; `--store` takes a folder that can" in errors
        with pytest.raises(Failure, match="cannot be written"):
            workplace.train(seed=1)
        status, out, _ = command(workplace, capsys, "status")
        assert status == 0
        assert run.folder.name in out
        assert workplace.store.find("tiny-s0").result()["metrics"] == run.metrics


def test_a_loss_that_is_not_a_number_is_a_failure_that_names_the_run(workplace, capsys):
    status, out, errors = workplace.command("run", "tiny", "objective.nan_at=2")
    assert status == 1, out
    (folder,) = workplace.store.runs()
    assert "Traceback" not in errors
    assert f"run {folder.name}: the loss of the phase `fit` became " in errors
    assert str(folder.file("checkpoint.safetensors")) in errors
    status, _, errors = command(workplace, capsys, "run", "tiny", "objective.nan_at=2")
    assert status == 1
    assert "failed before; --retry trains it again" in errors


def test_a_full_disk_names_the_run_and_the_file_and_loses_no_finished_run(workplace):
    with tmpfs(workplace.store.path, "size=1m"):
        small = workplace.train()
        kept = {path.name: path.read_bytes() for path in small.folder.path.iterdir()}
        large = workplace.system(**LARGE)
        with pytest.raises(Failure, match=r"tiny-s0-\w+/checkpoint\.safetensors: cannot be written: .*No space left"):
            workplace.train(large)
        bench = workplace.bench
        folder = bench.folder(large, 0, bench.identify(large, 0))
        assert folder.state() in ("failed", "missing")
        assert not list(folder.path.glob(".*"))
        assert {path.name: path.read_bytes() for path in small.folder.path.iterdir()} == kept
        assert small.folder in workplace.store.runs()
        remount(workplace.store.path, "size=30m")
        run = workplace.train(large)
        workplace.store = Store(workplace.folder / "other")
        assert workplace.train(large).metrics == run.metrics


def test_a_disk_that_fills_up_while_training_keeps_the_last_checkpoint(workplace, monkeypatch):
    system = workplace.system(train__epochs=4, **LARGE)
    fill = workplace.store.path / "something-else"
    evaluate = bench_toys.Fit.evaluate

    def evaluate_and_fill(self, loader):
        if int(self.count) == 6:
            with fill.open("wb") as file, suppress(OSError):
                while True:
                    file.write(b"x" * 100_000)
                    file.flush()
        return evaluate(self, loader)

    with tmpfs(workplace.store.path, "size=12m"):
        with monkeypatch.context() as filling:
            filling.setattr(bench_toys.Fit, "evaluate", evaluate_and_fill)
            with pytest.raises(
                Failure, match=r"(?s)tiny-s0-\w+/.*: cannot be written: .*No space left.*nor could that be rec"
            ):
                workplace.train(system)
        (folder,) = [path for path in workplace.store.path.iterdir() if path.name.startswith("tiny")]
        assert (folder / "checkpoint.safetensors").exists()
        fill.unlink()
        run = workplace.train(system)
        assert "goes on at stage 0, epoch 1" in run.folder.file("log.txt").read_text()
        workplace.store = Store(workplace.folder / "other")
        alone = workplace.train(system)
        assert alone.folder.file("model.safetensors").read_bytes() == run.folder.file("model.safetensors").read_bytes()
        assert len(run.folder.records()) == 4


def test_damaged_runs_in_a_grid_are_named_and_hurt_no_other(workplace, capsys):
    workplace.add(GRID)
    runs = [workplace.train(seed=seed) for seed in range(3)]
    runs[0].folder.file("run.json").write_text("{", encoding="utf-8")
    runs[1].folder.file("result.json").write_text("", encoding="utf-8")
    runs[2].folder.file("result.json").unlink()
    runs[2].folder.file("checkpoint.safetensors").write_bytes(b"rubbish")
    status, out, errors = workplace.command("grid", "g")
    assert status == 1
    assert "Traceback" not in out + errors
    for run, name in zip(runs, ("run.json", "result.json", "checkpoint.safetensors"), strict=True):
        assert f"{run.folder.file(name)}: " in errors + out
    bench = Bench(workplace.registry, workplace.store)
    assert bench.folder(workplace.system(), 3, bench.identify(workplace.system(), 3)).state() == "finished"
    assert "1/4" in out
    status, out, _ = command(workplace, capsys, "status", "g")
    assert status == 0
    assert out.count("failed") >= 3
    for run in runs[:2]:
        for path in run.folder.path.iterdir():
            path.unlink()
    runs[2].folder.file("checkpoint.safetensors").unlink()
    assert [workplace.train(seed=seed).metrics for seed in range(3)] == [run.metrics for run in runs]
