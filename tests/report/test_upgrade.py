"""Two answers about a plugin, compared without its code; and where a plugin is looked for."""

import pytest

from dovetail.bench import Store
from dovetail.bench.files import write_json
from dovetail.errors import Mistake
from dovetail.report.inventory import inventory
from dovetail.report.sources import find_source
from dovetail.report.upgrade import Change, Fate, compare


def side(**what):
    """An answer of the inventory: nothing but the plugin, and `what` else."""
    nothing = {"components": {}, "kinds": {}, "spaces": {}, "unread": "", "grids": {}, "systems": {}, "runs": {}}
    about = {"toy": {"distribution": "toy", "version": "1"}}
    return {"plugins": about, **nothing, "declared": {"system": [], "grid": []}, **what}


def grid(**arms):
    """A grid by arm: its key, the version that it was made with, and its seeds."""
    return {
        "arms": {
            arm: {
                "system": "s",
                "made_of": {"version of cell toy/c": version},
                "values": {"cell.size": key},
                "seeds": {str(seed): [f"{key}{seed}".ljust(12, "0"), f"{key}{version}{seed}"] for seed in seeds},
            }
            for arm, (key, version, *seeds) in arms.items()
        }
    }


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def finish(store, key, seed, version):
    """A stored run, as far as its state needs."""
    folder = store.folder("s", seed, f"{key}{seed}".ljust(12, "0"))
    folder.path.mkdir(parents=True)
    made_of = {"version of cell toy/c": version}
    about = {"name": "s", "seed": seed, "identity": f"{key}{version}{seed}", "made_of": made_of, "system": []}
    write_json(folder.file("run.json"), about)
    for name in ("spaces.json", "model.safetensors"):
        folder.file(name).touch()
    needed = ("metrics", "measured", "seconds", "epochs", "steps", "validation", "device")
    write_json(folder.file("result.json"), dict.fromkeys(needed))


def fates(store, before, after):
    changed = compare(side(grids={"g": before}), side(grids={"g": after}), store).grids
    return [(each.kept, each.fates) for each in changed]


def test_runs_are_told_by_their_state_with_either_side(store):
    finish(store, "a", 0, 1)
    finish(store, "b", 0, 1)
    before = grid(one=("a", 1, 0, 1), two=("b", 1, 0), three=("c", 1, 0))
    after = grid(one=("a", 2, 0, 1), two=("d", 1, 0), three=("c", 1, 0))
    version = ("version of cell toy/c: 1 → 2",)
    assert fates(store, before, after) == [
        (
            1,
            (
                Fate("finished", "stale", version, {"one": [0]}),
                Fate("missing", "missing", version, {"one": [1]}),
                Fate("finished", "missing", ("cell.size: b → d",), {"two": [0]}),
            ),
        )
    ]


def test_going_back_makes_stale_runs_fresh_and_what_is_stored_of_both_stays(store):
    finish(store, "a", 0, 1)
    finish(store, "b", 0, 1)
    finish(store, "d", 0, 1)
    assert fates(store, grid(one=("a", 2, 0)), grid(one=("a", 1, 0))) == [
        (0, (Fate("stale", "finished", ("version of cell toy/c: 2 → 1",), {"one": [0]}),))
    ]
    assert fates(store, grid(two=("b", 1, 0)), grid(two=("d", 1, 0))) == []
    assert fates(store, grid(one=("a", 2, 0)), grid(one=("a", 3, 0))) == []


def test_an_arm_that_is_gone_is_told_where_it_is_stored(store):
    finish(store, "a", 0, 1)
    before, after = grid(one=("a", 1, 0), two=("b", 1, 0)), grid(three=("c", 1, 0))
    assert fates(store, before, after) == [(0, (Fate("finished", "not in the grid", (), {"one": [0]}),))]


def test_a_grid_that_one_side_cannot_read_says_why(store):
    wrong, right = {"error": "cell: no such cell"}, grid(one=("a", 1, 0))
    old = {"a": right, "b": wrong, "c": wrong, "d": right}
    found = compare(side(grids=old), side(grids={"a": wrong, "b": right, "c": wrong, "d": right}), store)
    assert [(each.name, each.unread) for each in found.grids] == [
        ("grid a", "cannot be read with the new plugin: cell: no such cell"),
        ("grid b", "could not be read with the old plugin: cell: no such cell"),
    ]
    assert (found.unread, found.same) == (("grid c",), ("grid d",))


def test_a_systems_runs_are_told_where_they_are_stored_and_of_no_grid(store):
    finish(store, "a", 0, 1)
    finish(store, "b", 0, 1)
    one, two, newer = grid(base=("a", 1, 0)), grid(base=("b", 1, 0, 1)), grid(base=("b", 2, 0, 1))
    old = side(grids={"g": one}, systems={"s": one, "t": two})
    new = side(grids={"g": one}, systems={"s": grid(base=("a", 2, 0)), "t": newer})
    (found,) = compare(old, new, store).grids
    assert (found.name, found.kept) == ("system t", 0)
    assert [fate.runs for fate in found.fates] == [{"base": [0]}]


def test_a_workspace_that_one_side_cannot_read_is_said_and_the_plugins_are_compared(store):
    component = {"version": 1, "deprecated": "", "takes": {}, "fields": {}}
    new = side(unread="aliases.cell.c: no such cell", grids={"g": grid(one=("a", 1, 0))})
    found = compare(side(components={"cell toy/c": component}), new, store)
    assert found.changes == (Change("cell toy/c", "removed"),)
    assert (found.workspace, found.grids) == ("with the new plugin: aliases.cell.c: no such cell", ())


def test_kinds_spaces_and_fields_are_compared(store):
    field = {"type": "an integer", "default": "", "range": "", "counts": "always"}
    more = {**field, "type": "a number", "default": "0.5", "range": "[0, 1]"}
    old = side(kinds={"noise": {"build": "(self) -> Noise", "fields": {}}}, spaces={"map": {"fields": {"size": field}}})
    new = side(
        kinds={"noise": {"build": "(self, *, input: Space) -> Noise", "fields": {}}},
        spaces={"map": {"fields": {"size": more, "depth": field}}},
        declared={"system": [], "grid": ["toy/g"]},
    )
    assert [(change.subject, change.text) for change in compare(old, new, store).changes] == [
        ("kind noise", "build(self) -> Noise → build(self, *, input: Space) -> Noise"),
        ("space map", "`depth` added: an integer, required; counts always"),
        ("space map", "`size` type: an integer → a number"),
        ("space map", "`size` range: any → [0, 1]"),
        ("space map", "`size` default: required → 0.5"),
        ("grid toy/g", "added"),
    ]


def test_different_plugins_and_a_plugin_of_one_side_only(store):
    mine = {"mine": {"distribution": "mine", "version": "3"}}
    with pytest.raises(Mistake, match="these are different plugins: toy and mine"):
        compare(side(), side(plugins=mine), store)
    both = {**mine, "toy": {"distribution": "toys", "version": "2"}}
    assert compare(side(), side(plugins=both), store).plugins == {
        "mine": "mine 3, only in the new",
        "toy": "toy 1 → toys 2",
    }


def test_a_plugin_that_is_not_installed_has_no_inventory(tmp_path):
    with pytest.raises(Mistake, match="the plugin toy is not installed"):
        inventory("", ["toy"], None, [], str(tmp_path))


def test_a_distribution_of_another_name_is_hidden_where_its_plugin_is_looked_at(tmp_path, monkeypatch):
    def describe(folder, name):
        about = folder / f"{name}-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (about / "entry_points.txt").write_text("[dovetail]\ntoy = toy_cells.plugin\n")

    for name in ("toy_before", "toy_now"):
        describe(tmp_path / "site", name)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    folder, scratch = tmp_path / "source", tmp_path / "scratch"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "toy_cells.py").touch()
    points = 'entry-points.dovetail = { toy = "toy_cells:hooks" }'
    (folder / "pyproject.toml").write_text(f'[project]\nname = "toy-now"\ndynamic = ["version"]\n{points}\n')
    source = find_source(str(folder), scratch)
    assert (source.distribution, source.paths) == ("toy-now", (scratch, folder / "lib"))
    assert sorted(each.name for each in scratch.iterdir()) == ["toy_before-0.dist-info", "toy_now-dynamic.dist-info"]
    assert (scratch / "toy_before-0.dist-info" / "entry_points.txt").read_text() == "[dovetail]\n"
    assert find_source("toy", scratch).plugins == ("toy",)
