import csv
from types import SimpleNamespace

import pytest
from attrs import evolve
from matplotlib.axes import Axes

from dovetail.bench.outcomes import Outcome
from dovetail.bench.search import Range, Search
from dovetail.bench.trials import Searched, Trial
from dovetail.errors import Where
from dovetail.report import trials
from dovetail.tables import given

RANGE = Range(
    "rate",
    "designs.0.ranges.rate",
    given({}, Where("here")),
    given({"0.1": 0.1, "0.9": 0.9}, Where("here")).value,
    "log",
)


@pytest.fixture
def make(make_report):
    """A report of arms by label, each with its trials' values; None for one that failed, "" for one that is missing."""

    def make(values, *, higher=False):
        plain = make_report({label: {0: 0.5} for label in values})
        search = Search(4, "fd.valid", 1000, 0, (RANGE,), "designs.0", given({}, Where("here")))
        rows = []
        for row in plain.rows:
            found = []
            for number, value in enumerate(values[row.arm.labels["scheme"]]):
                state = {None: "failed", "": "missing"}.get(value, "finished")
                metrics = {"fd.valid": value} if state == "finished" else {}
                folder = SimpleNamespace(name=f"run-{number}")
                outcome = Outcome(
                    1000 + number, state, folder, metrics, "cpu", 1.5, "too large\nmore" if value is None else ""
                )
                drawn = {"rate": 0.1 + number / 10}
                found.append(Trial(number, drawn, None, outcome, metrics.get("fd.valid"), value is None))
            rows.append(evolve(row, search=Searched((RANGE,), tuple(found), higher)))
        return evolve(plain, grid=evolve(plain.grid, search=search), rows=tuple(rows))

    return make


def test_the_winners_are_a_row_an_arm(make):
    report = make({"none": [3.0, 1.25, None, 2.0], "gal": [4.0, "", "", None], "moon": ["", "", "", ""]})
    assert trials.header(report) == ["scheme", "trials", "failed", "best", "fd.valid", "rate"]
    assert [trials.cells(report, row) for row in report.rows] == [
        ["none", "4", "1", "1", "1.250", "0.2000"],
        ["gal", "2 of 4", "1", "0", "4.000", "0.1000"],
        ["moon", "0 of 4", "0", "–", "–", "–"],
    ]


def test_of_equal_trials_the_first_wins(make):
    report = make({"none": [2.0, 1.0, 1.0, 1.0]})
    assert report.rows[0].search.winner.number == 1
    assert make({"none": [2.0, 1.0, 2.0, 1.0]}, higher=True).rows[0].search.winner.number == 0


def test_the_markdown_says_how_the_winners_were_found(make):
    text = trials.markdown(make({"none": [3.0, 1.25, None, 2.0]}))
    assert "\nSearch:\n\n| scheme | trials | failed | best | fd.valid | rate |\n" in text
    assert "| none | 4 | 1 | 1 | 1.250 | 0.2000 |" in text
    assert "Random search: 4 trials an arm, with the seeds from 1000 on, for the lowest fd.valid." in text
    assert text.endswith("\n- rate: 0.1 to 0.9, log\n")
    assert "for the highest fd.valid." in trials.markdown(make({"none": [3.0]}, higher=True))


def test_a_report_without_a_search_has_no_such_section(make_report):
    report = make_report({"none": {0: 0.5}})
    assert trials.markdown(report) == report.markdown()


def test_the_csv_has_every_trial_also_those_that_failed(make):
    report = make({"none": [3.0, 1.25, None, 2.0], "gal": ["", 1.0, 2.0, 3.0]})
    lines = list(csv.DictReader(trials.trials_csv(report).splitlines()))
    assert len(lines) == 8
    assert lines[1] == {
        "scheme": "none", "trial": "1", "seed": "1001", "state": "finished", "winner": "1", "fd.valid": "1.25",
        "rate": "0.2", "seconds": "1.5", "run": "run-1", "why": "",
    }  # fmt: skip
    assert (lines[2]["state"], lines[2]["fd.valid"], lines[2]["why"]) == ("failed", "", "too large")
    assert [line["winner"] for line in lines[4:]] == ["0"] * 4, "none before all have ended"


def test_at_most_thirty_of_the_best_trials_are_drawn(make, tmp_path, monkeypatch):
    seen = []
    boxplot = Axes.boxplot
    monkeypatch.setattr(
        Axes, "boxplot", lambda self, values, **k: seen.append((values, k)) or boxplot(self, values, **k)
    )
    report = make({"none": [float(n) for n in range(40, 0, -1)], "gal": [2.0, None, 1.0], "moon": [None, ""]})
    assert trials.draw_trials(report, tmp_path / "trials.png")
    ((values, how),) = seen
    assert values == [[float(n) for n in range(1, 31)], [1.0, 2.0]]
    assert how["tick_labels"] == ["scheme=none (30 of 40)", "scheme=gal (2 of 3)"]
    assert (tmp_path / "trials.png").read_bytes().startswith(b"\x89PNG")


def test_where_no_trial_has_finished_nothing_is_drawn(make, tmp_path):
    assert not trials.draw_trials(make({"none": [None, ""]}), tmp_path / "trials.png")
    assert not list(tmp_path.glob("*.png"))
