"""The plugin's systems and grids: every arm fits, and the ablation is what its page says."""

import dovetail
from dovetail.bench.grids import check_grid, load_grid
from dovetail.fitting import Checker
from dovetail.tables import overrides
from dovetail_standard.example_files import write_flickr8k

SMALL = ["dataset.train=8", "dataset.valid=4", "dataset.test=4"]


def checked(name, changes):
    registry = dovetail.registry()
    checker = Checker(registry)
    grid = load_grid(registry, name, checker, overrides(changes))
    check_grid(grid, checker)
    return grid


def labels(grid):
    return [{axis: label for axis, label in arm.labels.items() if label != "–"} for arm in grid.arms]


def test_the_ablation_is_a_product_and_one_part_left_out_at_a_time():
    grid = checked("hacap/hacap-ablation", SMALL)
    assert len(grid.arms) == 3 * 2 * 3 + 6
    assert len(grid.seeds) == 3


def test_the_ablation_on_flickr8k_has_the_same_arms(tmp_path, monkeypatch):
    monkeypatch.setenv("DOVETAIL_FEATURES", str(tmp_path / "features"))
    write_flickr8k(tmp_path, 6)
    changes = [f"dataset.dataset.path={tmp_path}", "dataset.encoder.weights=none", "dataset.encoder.depth=18"]
    grid = checked("hacap/hacap-ablation-flickr8k", changes)
    assert labels(grid) == labels(checked("hacap/hacap-ablation", SMALL))
    assert not (tmp_path / "features").exists()  # a check computes nothing
