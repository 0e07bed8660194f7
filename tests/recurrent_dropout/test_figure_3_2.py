import json
import math
from types import SimpleNamespace

import pytest
from matplotlib.axes import Axes
from PIL import Image

from dovetail.bench.grids import Arm, Axis, Grid
from dovetail.bench.store import RunFolder
from dovetail.report.table import Outcome, Report, Row
from dovetail_recurrent_dropout.figure_3_2 import draw
from dovetail_recurrent_dropout.plugin import dovetail_report

WINDOW = 4


@pytest.fixture
def make(tmp_path):
    """`make({"none": {0: [(training loss, validation metric), …]}})`: a report of language models, by arm and seed."""

    def of(arms, *, metric="perplexity.valid", loss="sum", name="recurrent-dropout/figure-3-2", phase="likelihood"):
        stage = SimpleNamespace(dataset=SimpleNamespace(window=WINDOW), objective=SimpleNamespace(loss=loss))
        rows = []
        for label, runs in arms.items():
            outcomes = {}
            for seed, epochs in runs.items():
                folder = RunFolder(tmp_path / f"{label}-{seed}")
                folder.path.mkdir()
                records = [
                    {"stage": "train", "epoch": epoch, f"loss.{phase}": train, metric: valid}
                    for epoch, (train, valid) in enumerate(epochs, 1)
                ]
                folder.file("metrics.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
                outcomes[seed] = Outcome(seed, "finished" if epochs else "failed", folder)
            rows.append(Row(Arm({"scheme": label}, SimpleNamespace(stages=(stage,)), label), outcomes))
        grid = Grid(
            name=name,
            axes=(Axis("scheme", "cell.dropout", dict.fromkeys(arms)),),
            arms=tuple(row.arm for row in rows),
            base=rows[0].arm,
            seeds=tuple(next(iter(arms.values()))),
            published=(),
            show=(),
        )
        return Report(grid, tuple(rows))

    return of


@pytest.fixture
def drawn(monkeypatch):
    """What is plotted: `(line style, places, values)` of each curve."""
    calls, plot = [], Axes.plot

    def spy(self, places, values, **how):
        calls.append((how.get("linestyle", "-"), list(places), pytest.approx(list(values))))
        return plot(self, places, values, **how)

    monkeypatch.setattr(Axes, "plot", spy)
    return calls


def test_training_losses_stand_beside_validation_in_its_unit(make, tmp_path, drawn):
    report = make({"none": {0: [(WINDOW * math.log(90), 100.0), (WINDOW * math.log(50), 80.0)]}})
    assert dovetail_report(report, tmp_path) == tmp_path / "figure-3-2.png"
    assert drawn == [("-", [1, 2], [90.0, 50.0]), ("--", [1, 2], [100.0, 80.0])]
    with Image.open(tmp_path / "figure-3-2.png") as picture:
        assert picture.format == "PNG"


def test_a_loss_that_is_a_mean_is_not_divided_and_characters_are_in_bits(make, tmp_path, drawn):
    draw(make({"none": {0: [(3 * math.log(2), 2.5)]}}, metric="bpc.valid", loss="mean"), tmp_path)
    assert drawn == [("-", [1], [3.0]), ("--", [1], [2.5])]


def test_a_curve_is_the_mean_over_finished_seeds_as_far_as_all_go(make, tmp_path, drawn):
    seeds = {0: [(0.0, 10.0), (0.0, 8.0)], 1: [(WINDOW * math.log(3), 20.0)], 2: []}
    draw(make({"none": seeds, "update": {0: [(0.0, 9.0)], 1: [], 2: []}}), tmp_path)
    assert drawn == [("-", [1], [2.0]), ("--", [1], [15.0]), ("-", [1], [1.0]), ("--", [1], [9.0])]


def test_nothing_is_drawn_of_other_grids_other_tasks_or_nothing(make, tmp_path):
    assert dovetail_report(make({"none": {0: [(1.0, 2.0)]}}, name="somebody/grid"), tmp_path) is None
    assert draw(make({"other": {0: [(1.0, 0.9)]}}, metric="accuracy.valid", phase="classify"), tmp_path) is None
    assert draw(make({"failed": {0: []}}), tmp_path) is None
    assert not list(tmp_path.glob("*.png"))
