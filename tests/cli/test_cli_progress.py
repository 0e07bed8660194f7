import io

import pytest

from dovetail.bench.executor import Event, Job
from dovetail.cli import progress as screens
from dovetail.cli.progress import Progress

JOB = Job("scheme=gal seed=1", None, 1)
RECORD = {"stage": "train", "epoch": 2, "step": 9, "seconds": 1.25, "loss.classify": 0.5, "f1.valid": 1 / 3}


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(screens, "QUIET", 0.0)


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(capsys, always):
    with Progress(2, 1) as progress:
        progress(Event(JOB, "started"))
        progress(Event(JOB, "progress", {"stage": "train"}))
        progress(Event(JOB, "record", RECORD))
        progress(Event(JOB, "died", -9))
        progress(Event(JOB, "finished", {"f1.valid": 0.25, "f1.test": 0.5}))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1 run finished before, 2 to do"
    assert lines[1] == "scheme=gal seed=1: epoch 2  loss.classify 0.5  f1.valid 0.3333"
    assert "its process died (-9); it goes on from its checkpoint" in lines[2]
    assert lines[3].startswith("[1/2, ")
    assert lines[3].endswith(" s] scheme=gal seed=1: f1.test 0.5")


def test_many_short_runs_do_not_fill_the_screen(capsys):
    with Progress(1, 0) as progress:
        for _ in range(50):
            progress(Event(JOB, "record", RECORD))
    assert capsys.readouterr().err == ""


def test_what_failed_is_kept(capsys):
    with Progress(1, 0) as progress:
        progress(Event(JOB, "failed", "run x: the loss became nan\n    more"))
    assert progress.failed == ["run x: the loss became nan\n    more"]
    assert "failed: run x: the loss became nan\n" in capsys.readouterr().err


def test_on_a_terminal_there_is_a_bar_for_each_run(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    detail = {"stage": "adversarial", "epoch": 1, "epochs": 4, "batch": 3, "batches": 10, "step": 13}
    with Progress(2, 0) as progress:
        progress(Event(JOB, "progress", detail))
        task = progress.bars.tasks[-1]
        assert (task.description, task.completed, task.total) == ("scheme=gal seed=1", 13, 40)
        assert task.fields["note"] == "adversarial epoch 2/4"
        progress(Event(JOB, "finished", {"f1.test": 0.5}))
        assert len(progress.bars.tasks) == 1
        assert progress.bars.tasks[0].fields["note"] == "1/2"
    assert "scheme=gal seed=1: f1.test 0.5" in terminal.getvalue()
