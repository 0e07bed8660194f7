"""What the hook writes and the command `dovetail memory` prints."""

import json
import math

import dovetail
import pytest

from dovetail_indrnn.memory import half_life, has_cell, lines

SMALL = {
    "dataset.train": 8,
    "dataset.valid": 4,
    "dataset.test": 4,
    "dataset.steps": 10,
    "encoder.cell.hidden": 3,
    "encoder.cell.start": {"use": "indrnn/constant", "value": 0.5},
    "train.epochs": 1,
    "train.batch": 4,
}


def test_after_a_half_life_half_is_left():
    assert half_life(0.5) == pytest.approx(1.0)
    assert (-0.9) ** (2 * half_life(-0.9) // 2 * 2) == pytest.approx(0.25, rel=0.2)
    assert (half_life(0.0), half_life(1.0), half_life(-1.5)) == (0.0, math.inf, math.inf)


def test_the_cell_is_found_wherever_it_stands():
    assert has_cell({"encoder": {"head": [{"cell": {"use": "indrnn/indrnn"}}]}})
    assert has_cell({"encoder": {"cell": "indrnn/indrnn"}})
    assert not has_cell({"encoder": {"cell": {"use": "standard/gru", "hidden": 3}}})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def test_a_run_keeps_how_long_its_units_remember(store):
    run = dovetail.train(dovetail.registry().system("indrnn/two-sequences", SMALL), store=store)
    kept = json.loads((run.folder.path / "memory.json").read_text())
    assert [*kept] == ["encoder.cell"]
    assert kept["encoder.cell"] == pytest.approx([1.0] * 3, rel=0.1)
    assert lines(run.folder.path) == ["encoder.cell: 3 units, half-life 1.0 steps in the middle, 0 never forget"]


def test_a_run_of_another_cell_keeps_nothing_and_is_refused_by_the_command(store):
    changes = {**SMALL, "encoder.cell": {"use": "standard/gru", "hidden": 3}}
    del changes["encoder.cell.hidden"], changes["encoder.cell.start"]
    run = dovetail.train(dovetail.registry().system("indrnn/two-sequences", changes), store=store)
    assert not (run.folder.path / "memory.json").exists()
    with pytest.raises(dovetail.Mistake, match="must be a run of a system with the cell indrnn/indrnn, but has none"):
        lines(run.folder.path)
