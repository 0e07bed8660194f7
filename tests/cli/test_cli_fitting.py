"""What `fits` says is what assembles: every candidate of every slot, assembled for real and one by one."""

from pathlib import Path

import pytest

from dovetail import Mistake, assemble, registry
from dovetail.fitting import Checker
from dovetail.systems import load_system
from dovetail.tables import overrides, put_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped():
    return registry(ROOT / "registry.toml")


@pytest.fixture(scope="module")
def novel(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "novel.txt"
    file.write_text("It is a truth universally acknowledged, that a single man is in want of a wife.\n" * 40)
    return file


QUICKSTART = {
    "dataset", "objective", "objective.optimizer", "encoder", "encoder.cell", "encoder.cell.dropout",
    "encoder.embedding", "encoder.head", "metrics.accuracy",
}  # fmt: skip


def test_every_slot_of_the_quickstart_is_found(shipped):
    assert set(Checker(shipped).slots("quickstart-base", shipped.tables("quickstart-base"))) == QUICKSTART


def assembles(shipped, system, tables, data):
    """Whether a system assembles on its own; a dataset that is open already is not opened anew."""
    try:
        loaded = load_system(shipped, system, tables)
        spec = loaded.stages[0].dataset
        data.setdefault(spec, spec.build())
        assemble(loaded, dataset=data[spec])
    except Mistake:
        return False
    return True


@pytest.mark.parametrize("system", ["quickstart-base", "char-lm", "digits-dcgan"])
def test_exactly_what_fits_assembles(shipped, novel, system):
    given = {"dataset.path": str(novel), "generator.cell.hidden": 5} if system == "char-lm" else {}
    tables = shipped.tables(system, overrides(f"{path}={value}" for path, value in given.items()))
    checker, data = Checker(shipped), {}
    slots = checker.slots(system, tables)
    assert len(slots) >= 7
    for path, (base, optional) in slots.items():
        candidates = [c.name for c in shipped.of_kind(base.kind)] + (["core/none"] if optional else [])
        swapped = {name: put_all(tables, overrides([f"{path}={name}"])) for name in candidates}
        independent = {name for name in candidates if assembles(shipped, system, swapped[name], data)}
        assert set(checker.fits(system, tables, path)) == independent, path
        assert independent, path
