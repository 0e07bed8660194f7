"""The systems and grids of the thesis's section 3.4: they can be checked, and have every number that it prints."""

import pytest

from dovetail.bench.grids import check_grid, load_grid
from dovetail.fitting import Checker
from dovetail.interfaces import Progress
from dovetail.registries import registry
from dovetail.tables import overrides

WORDS = "the cat sat on the mat and the dog ran\n" * 90
STAND_INS = {
    "table-3-1": [],
    "table-3-2": ["dataset.path=PATH"],
    "table-3-3": ["dataset.path=PATH"],
    "table-3-4": ["dataset=recurrent-dropout/conll-stand-in", "dataset.train=40"],
    "table-3-5": ["dataset=recurrent-dropout/tweets-stand-in", "dataset.size=40", "dataset.held_out=9"],
    "temporal-order-small": [],
    "austen-small": ["dataset.path=PATH"],
    "austen": ["dataset.path=PATH"],
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A grid by its name, on a stand-in or a short text, read once."""
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text(WORDS)
    checker = Checker(registry())
    grids = {}

    def load(name):
        if name not in grids:
            changes = overrides([change.replace("PATH", str(file)) for change in STAND_INS[name]])
            grids[name] = load_grid(checker.registry, f"recurrent-dropout/{name}", checker, changes)
        return grids[name]

    load.checker = checker
    return load


@pytest.mark.parametrize("name", STAND_INS)
def test_every_arm_of_every_grid_fits(name, loaded):
    check_grid(loaded(name), loaded.checker)


@pytest.mark.parametrize(
    ("name", "arms", "numbers"),
    [("table-3-1", 12, 24), ("table-3-2", 26, 52), ("table-3-3", 26, 52), ("table-3-4", 26, 52), ("table-3-5", 6, 36)],
)
def test_every_arm_has_its_published_numbers_once(name, arms, numbers, loaded):
    grid = loaded(name)
    assert len(grid.arms) == arms
    for arm in grid.arms:
        found = [entry for entry in grid.published if all(arm.labels[axis] == x for axis, x in entry.labels.items())]
        assert len(found) == 1, arm.name
    assert sum(len(entry.values) for entry in grid.published) == numbers
    assert {metric for entry in grid.published for metric in entry.values} == set(grid.show)


@pytest.mark.parametrize(
    ("name", "labels", "metric", "value"),
    [
        ("table-3-1", {"length": "medium", "scheme": "moon", "sampling": "step"}, "masked_accuracy.valid", 0.25),
        ("table-3-2", {"forward": "none", "scheme": "none"}, "perplexity.test", 125.2),
        (
            "table-3-2",
            {"forward": "both", "scheme": "update", "rate": "0.25", "sampling": "step"},
            "perplexity.test",
            87.0,
        ),
        ("table-3-3", {"forward": "none", "scheme": "update", "rate": "0.25", "sampling": "step"}, "bpc.test", 1.301),
        (
            "table-3-4",
            {"forward": "both", "scheme": "moon", "rate": "0.25", "sampling": "sequence"},
            "f1.test",
            0.8732,
        ),
        ("table-3-5", {"cell": "gru", "rate": "0.25"}, "f1_source.livejournal14.test", 0.7210),
    ],
)
def test_numbers_stand_where_the_thesis_prints_them(name, labels, metric, value, loaded):
    grid = loaded(name)
    [entry] = [entry for entry in grid.published if dict(entry.labels) == labels]
    assert entry.values[metric] == value


def test_the_learning_rates_are_those_of_the_thesis(loaded):
    grid = loaded("table-3-4")
    rate = grid.base.system.stages[0].objective.optimizer.lr
    values = [rate.at(Progress(0, epoch)) for epoch in (0, 9, 10, 11)]
    assert values == pytest.approx([1e-3, 1e-3, 0.95e-3, 0.95**2 * 1e-3])
    grid = loaded("table-3-2")
    rate = grid.base.system.stages[0].objective.optimizer.lr
    assert rate.at(Progress(0, 4, (9.0, 8.0, 8.5, 7.0))) == pytest.approx(1 / 1.5)


def test_sentiment_is_pretrained_on_weak_labels_and_then_trained_on_the_real_ones(loaded):
    grid = loaded("table-3-5")
    assert [(stage.name, stage.dataset.train) for stage in grid.base.system.stages] == [
        ("pretrain", "weak"),
        ("train", "train"),
    ]
