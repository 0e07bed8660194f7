from pathlib import Path
from types import SimpleNamespace

import pytest

from dovetail.cli import reporting, screen
from dovetail.plugins import Behaviour


class Made:
    """A report with two metrics and one row."""

    rows = ("row",)
    metrics = ["accuracy.test", "perplexity.test"]

    def header(self, metrics):
        return ["scheme", *metrics]

    def cells(self, row, metrics):
        return ["gal", *("0.12 ± 0.03" for _ in metrics)]

    def remarks(self):
        return ["seed 1: failed"]


@pytest.mark.parametrize(
    ("columns", "headers"),
    [(None, 1), (80, 1), (30, 2)],
)
def test_a_table_wider_than_the_terminal_becomes_one_for_each_metric(monkeypatch, capsys, columns, headers):
    monkeypatch.setattr(screen, "width", lambda stream=None: columns)
    reporting.print_table(Made())
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("scheme") for line in lines) == headers
    assert lines[-1] == "- seed 1: failed"
    assert columns is None or max(map(len, lines)) <= columns


def test_status_of_a_system_is_of_its_runs_alone(dovetail, workspace):
    assert dovetail("run", "rows").status == 0
    assert dovetail("status", "rows").out.endswith("1 run in runs: 1 finished\n")
    assert dovetail("status", "drawn").out == "0 runs in runs\n"
    found = dovetail("status", "rowz")
    assert (found.status, found.err) == (2, "there is no grid or system `rowz`; did you mean `rows`?\n")


def test_runs_are_grouped_by_arm_state_and_reason(capsys):
    def outcome(seed, state, detail=""):
        return SimpleNamespace(seed=seed, state=state, detail=detail)

    outcomes = [outcome(0, "finished"), outcome(1, "finished"), outcome(2, "stale", "torch: 1 → 2\nmore")]
    row = SimpleNamespace(arm=SimpleNamespace(name="cell=gru"), outcomes=dict(enumerate(outcomes)))
    reporting._print_grid(SimpleNamespace(rows=(row,)))
    assert capsys.readouterr().out.splitlines() == [
        "arm       state  seeds",
        "cell=gru  fresh  0, 1",
        "cell=gru  stale  2      torch: 1 → 2",
        "3 runs: 2 fresh, 1 stale",
    ]


def test_a_table_is_printed_where_its_files_cannot_be_written(dovetail, workspace):
    (workspace / "file").write_text("")
    found = dovetail("report", "rates", "--out", "file/reports")
    assert found.status == 1
    assert found.out.startswith("lr ")
    assert "the report's folder file/reports cannot be made: Not a directory; `--out` takes a folder" in found.err


def test_a_store_that_is_not_there_is_a_mistake(dovetail):
    found = dovetail("status", "--store", "nowhere")
    assert (found.status, found.err) == (2, "--store: there is no folder `nowhere`\n")


def test_a_changed_grid_has_a_report_of_its_own_that_says_what_was_changed(dovetail, workspace):
    for changes in ((), ("train.epochs=3",), ("train.epochs=4",)):
        assert dovetail("report", "rates", *changes).status == 0
    titles = sorted(file.read_text().splitlines()[0] for file in workspace.glob("runs/reports/*/table.md"))
    assert titles == ["# rates", "# rates with train.epochs=3", "# rates with train.epochs=4"]


def test_what_plugins_draw_is_named_whether_it_is_one_file_or_several(dovetail, workspace, monkeypatch):
    drawn = [Path("figure-1.png"), [Path("figure-2.png"), Path("table-3.md")], []]
    monkeypatch.setattr(Behaviour, "call", lambda self, hook, **_: drawn if hook == "dovetail_report" else [])
    assert dovetail("report", "rates").out.endswith("table.csv, figure-1.png, figure-2.png, table-3.md\n")
