import pytest

from dovetail.bench.axes import ABSENT, exists
from dovetail.bench.grids import check_grid, load_grid, published_for, single
from dovetail.bench.identity import arm_key
from dovetail.errors import Faults, Mistake
from dovetail.tables import overrides

BASE = """
[grids.g]
base = "tiny"
"""
AXES = """
[grids.g.axes.critic]
path = "critic"
options = { none = "core/none", net = "toys/net" }
[grids.g.axes.width]
path = "critic.width"
values = [2, 3]
"""


def load(workplace, text, *changes):
    workplace.add(text)
    return load_grid(workplace.registry, "g", workplace.bench.checker, overrides(changes))


def faults(workplace, text, *changes):
    """Each fault as `line: path: message | possible`."""
    with pytest.raises(Faults) as error:
        load(workplace, text, *changes)
    return [f"{fault.path}: {fault.message} | {fault.possible}" for fault in error.value.faults]


def fault(workplace, text, *changes):
    (one,) = faults(workplace, text, *changes)
    return one


def names(grid):
    return [arm.name for arm in grid.arms]


def test_a_grid_without_axes_is_its_base(workplace):
    grid = load(workplace, BASE)
    assert names(grid) == ["base"]
    assert grid.seeds == (0,)
    assert list(grid.runs()) == [(grid.base, 0)]


@pytest.mark.parametrize(("seeds", "expected"), [("3", (0, 1, 2)), ("[4, 2]", (4, 2))])
def test_seeds_are_a_count_or_a_list(workplace, seeds, expected):
    assert load(workplace, f"{BASE}seeds = {seeds}\n").seeds == expected


@pytest.mark.parametrize("seeds", ["0", "-1", "[]", "[1, 1]", "[-1]"])
def test_seeds_that_are_none_or_twice_the_same_are_a_fault(workplace, seeds):
    assert fault(workplace, f"{BASE}seeds = {seeds}\n").startswith("seeds: must be a count of at least 1, or a list")


def test_all_arms_with_the_first_seed_come_first(workplace):
    text = f"{BASE}seeds = 2\n[grids.g.axes.width]\npath = 'encoder.width'\nvalues = [4, 5]\n"
    grid = load(workplace, text)
    assert [(arm.name, seed) for arm, seed in grid.runs()] == [
        ("width=4", 0), ("width=5", 0), ("width=4", 1), ("width=5", 1),
    ]  # fmt: skip


def test_the_base_is_among_the_arms_with_the_labels_of_the_one_that_it_equals(workplace):
    grid = load(workplace, f"{BASE}[grids.g.axes.width]\npath = 'encoder.width'\nvalues = [7, 4]\n")
    assert grid.base.labels == {"width": "4"}
    assert names(grid) == ["width=4", "width=7"]


def test_a_base_that_no_combination_equals_is_an_arm_of_its_own(workplace):
    grid = load(workplace, f"{BASE}[grids.g.axes.width]\npath = 'encoder.width'\nvalues = [7, 8]\n")
    assert grid.base.labels == {"width": ABSENT}
    assert names(grid) == ["base", "width=7", "width=8"]


def test_equal_arms_are_merged_and_that_is_said(workplace):
    text = f"{BASE}[grids.g.axes.net]\npath = 'encoder'\n"
    text += "options = { as-is = 'toys/net', same = { use = 'toys/net', width = 4 }, wide = { width = 9 } }\n"
    grid = load(workplace, text)
    assert names(grid) == ["net=as-is", "net=wide"]
    assert grid.notes == ("net=as-is and net=same are one arm: net=as-is",)


def test_an_axis_that_does_not_apply_becomes_one_arm_and_that_is_said(workplace):
    grid = load(workplace, BASE + AXES)
    assert names(grid) == ["critic=none", "critic=net width=2", "critic=net width=3"]
    assert grid.arms[0].labels == {"critic": "none", "width": ABSENT}
    assert grid.notes == ("critic=none width=2 and critic=none width=3 are one arm: critic=none",)
    assert grid.arms[2].system.stages[0].parts["critic"].width == 3


def test_slots_are_set_before_what_lies_inside_them_in_any_order_of_writing(workplace):
    axes = AXES.strip().split("\n[grids.g.axes.width]")
    text = f"{BASE}[grids.g.axes.width]{axes[1]}\n{axes[0]}\n"
    grid = load(workplace, text)
    assert sorted(names(grid)) == ["critic=none", "width=2 critic=net", "width=3 critic=net"]


def test_a_path_under_no_option_is_a_fault(workplace):
    text = BASE + AXES.replace("critic.width", "critic.widht")
    assert "axes.width.path: `critic.widht` exists under no option of the other axes" in fault(workplace, text)


def test_two_axes_of_one_path_are_a_fault(workplace):
    text = f"{BASE}axes.a = {{ path = 'encoder.width', values = [1] }}\n"
    text += "axes.b = { path = 'encoder.width', values = [2] }\n"
    assert fault(workplace, text).startswith("axes.b: has the path `encoder.width`, which the axis `a` has already")


def test_an_option_that_sets_what_another_axis_sets_is_a_fault(workplace):
    text = BASE + "axes.width = { path = 'encoder.width', values = [2, 3] }\n"
    text += (
        "axes.net = { path = 'encoder', options = { wide = { use = 'toys/net', width = 9 }, plain = 'toys/net' } }\n"
    )
    assert fault(workplace, text).startswith("axes.net.options.wide: sets `width`, which the axis `width` sets")


SYSTEMS = """
[systems.slow]
extends = "staged"
encoder = { use = "toys/net", width = 9 }
critic = "toys/net"
[grids.g]
base = "tiny"
axes.model = { systems = { tiny = "tiny", slow = "slow" } }
"""


def test_an_axis_over_whole_systems_starts_each_arm_from_its_own(workplace):
    grid = load(workplace, f"{SYSTEMS}set = {{ 'train.batch' = 6 }}\n", "encoder.rate=0.25")
    assert names(grid) == ["model=tiny", "model=slow"]
    assert grid.base is grid.arms[0]
    assert [arm.system.name for arm in grid.arms] == ["tiny", "slow"]
    assert [len(arm.system.stages) for arm in grid.arms] == [1, 3]
    assert [arm.system.stages[0].parts["encoder"].width for arm in grid.arms] == [4, 9]
    for arm in grid.arms:
        assert arm.system.stages[0].train.batch == 6
        assert arm.system.stages[0].parts["encoder"].rate == 0.25


def test_a_whole_system_is_the_one_that_is_trained_under_its_own_name(workplace):
    grid = load(workplace, SYSTEMS)
    assert grid.arms[1].key == arm_key(workplace.system("slow"))


def test_other_axes_apply_on_top_of_a_whole_system_where_their_path_exists(workplace):
    text = f"{SYSTEMS}axes.width = {{ path = 'critic.width', values = [2, 3] }}\n"
    grid = load(workplace, text)
    assert names(grid) == ["model=tiny", "model=slow width=2", "model=slow width=3"]
    assert grid.notes == ("model=tiny width=2 and model=tiny width=3 are one arm: model=tiny",)
    assert [arm.system.stages[0].parts["critic"].width for arm in grid.arms[1:]] == [2, 3]


def test_published_values_and_exclusions_name_a_whole_system_by_its_label(workplace):
    text = f"{SYSTEMS}axes.count = {{ path = 'dataset.count', values = [13, 14] }}\n"
    text += "[[grids.g.exclude]]\nwhere = { model = 'slow', count = 14 }\nreason = 'too slow'\n"
    text += "[[grids.g.published]]\nwhere = { model = 'tiny', count = 14 }\n"
    text += "values = { 'right.test' = 1 }\nsource = 'x'\n"
    grid = load(workplace, text)
    assert names(grid) == ["model=tiny count=13", "model=tiny count=14", "model=slow count=13"]
    assert [len(published_for(grid, arm)) for arm in grid.arms] == [0, 1, 0]


def test_two_axes_over_whole_systems_are_a_fault(workplace):
    text = f"{SYSTEMS}axes.other = {{ systems = {{ t = 'tiny' }} }}\n"
    assert fault(workplace, text).startswith("axes.other: has whole systems, which the axis `model` has already")


def test_a_fault_in_a_whole_system_says_in_which(workplace):
    workplace.add("[systems.flat]\nextends = 'tiny'\nencoder = 'standard/flatten'\n")
    text = SYSTEMS.replace('slow = "slow"', 'flat = "flat"') + "set = { 'encoder.rate' = 0.25 }\n"
    assert fault(workplace, text).startswith("model=flat: encoder.rate: unknown key")


def test_set_and_changes_go_into_the_base_and_changes_win(workplace):
    text = f"{BASE}set = {{ 'encoder.width' = 6, 'train.epochs' = 1 }}\n"
    grid = load(workplace, text, "train.epochs=2")
    assert grid.base.system.stages[0].parts["encoder"].width == 6
    assert grid.base.system.stages[0].train.epochs == 2


def test_excluded_arms_are_left_out_with_their_reason(workplace):
    text = f"{BASE}{AXES}[[grids.g.exclude]]\nwhere = {{ critic = 'net', width = 3 }}\nreason = 'too wide'\n"
    grid = load(workplace, text)
    assert names(grid) == ["critic=none", "critic=net width=2"]
    assert "excluded: critic=net width=3: too wide" in grid.notes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "where = { critic = 'none', width = 3 }\nreason = 'x'",
            "exclude: {'critic': 'none', 'width': 3} excludes nothing",
        ),
        ("where = {}\nreason = 'x'", "exclude: {} excludes nothing"),
        (
            "where = { critic = 'none' }\nreason = 'x'",
            "exclude: {'critic': 'none'} excludes the base, which every difference is taken",
        ),
        ("where = { critic = 'none' }", "exclude.0: must have where, reason, but lacks reason"),
        (
            "where = { critc = 'none' }\nreason = 'x'",
            "exclude.0.where.critc: there is no axis `critc`; did you mean `critic`?",
        ),
        (
            "where = { critic = 'nett' }\nreason = 'x'",
            "exclude.0.where.critic: there is no option `nett`; did you mean `net`?",
        ),
        ("where = 'net'\nreason = 'x'", "exclude.0.where: must be a table, but is 'net'"),
        ("where = { critic = 'net' }\nreason = 3", "exclude.0.reason: must be a string, but is 3"),
        (
            "where = { critic = 'net' }\nreason = 'x'\nreasn = 'y'",
            "exclude.0.reasn: unknown key; did you mean `reason`?",
        ),
    ],
)  # fmt: skip
def test_an_exclusion_that_is_wrong_is_a_fault(workplace, entry, message):
    assert fault(workplace, f"{BASE}{AXES}[[grids.g.exclude]]\n{entry}\n").startswith(message)


def test_published_values_stand_beside_the_arms_that_they_are_of(workplace):
    text = f"{BASE}{AXES}[[grids.g.published]]\nwhere = {{ critic = 'net', width = 3 }}\n"
    grid = load(workplace, text + "values = { 'right.test' = 0.5 }\nsource = 'someone, Table 1'\n")
    (entry,) = published_for(grid, grid.arms[2])
    assert (entry.values, entry.source) == ({"right.test": 0.5}, "someone, Table 1")
    assert published_for(grid, grid.arms[1]) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "where = { critic = 'none', width = 2 }\nvalues = {}\nsource = 'x'",
            "published: {'critic': 'none', 'width': 2} is of no arm of this grid",
        ),
        ("where = { critic = 'net' }\nvalues = {}", "published.0: must have where, values, source, but lacks source"),
        (
            "where = {}\nvalues = { 'right.test' = '1' }\nsource = 'x'",
            "published.0.values.right.test: must be a number",
        ),
        ("where = {}\nvalues = { 'wrong.test' = 1 }\nsource = 'x'", "published: there is no metric `wrong`"),
        ("where = {}\nvalues = { 'right' = 1 }\nsource = 'x'", "published: `right` must end with a split"),
        ("where = {}\nvalues = { 'right.test' = 1 }\nsource = 7", "published.0.source: must be a string, but is 7"),
    ],
)  # fmt: skip
def test_published_values_that_are_wrong_are_a_fault(workplace, entry, message):
    assert message in fault(workplace, f"{BASE}{AXES}[[grids.g.published]]\n{entry}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axis = {}", "axis: unknown key; did you mean `axes`?"),
        ("axes = 3", "axes: must be a table, but is 3"),
        ("axes.a = 3", "axes.a: must be a table with `path` and either `options` or `values`, or with `systems` alone"),
        ("axes.a = { path = '', values = [1] }", "axes.a.path: must be a path, but is empty"),
        ("axes.a = { path = 'x', systems = { t = 'tiny' } }", "axes.a: must be a table with `path` and either"),
        ("axes.a = { systems = ['tiny'] }", "axes.a.systems: must be a table, but is ['tiny']"),
        ("axes.a = { systems = {} }", "axes.a: must have at least one option"),
        ("axes.a = { systems = { t = 3 } }", "axes.a.systems.t: must be a string, but is 3"),
        ("axes.a = { systems = { t = 'tyny' } }", "axes.a.systems.t: there is no system `tyny`; did you mean `tiny`?"),
        ("axes.a = { path = 'x' }", "axes.a: must be a table with `path` and either"),
        ("axes.a = { path = 7, values = [1] }", "axes.a.path: must be a string, but is 7"),
        ("axes.a = { path = 'encoder.width', values = [] }", "axes.a: must have at least one option"),
        ("axes.a = { path = 'encoder.width', options = [2] }", "axes.a.options: must be a table, but is [2]"),
        ("axes.a = { path = 'encoder.width', values = { x = 2 } }", "axes.a.values: must be a list, but is {'x': 2}"),
        ("axes.a = { path = 'encoder.width', values = [2], vlues = 1 }", "axes.a.vlues: unknown key; did you mean"),
        ("seeds = 2.0", "seeds: must be an integer or a list"),
        ("seeds = true", "seeds: must be an integer or a list"),
        ("seeds = ['a']", "seeds.0: must be an integer"),
        ("set = ['train.epochs=2']", "set: must be a table"),
        ("exclude = { where = {}, reason = 'x' }", "exclude: must be a list, but is"),
        ("published = ['x']", "published.0: must be a table, but is 'x'"),
        ("show = 'right.test'", "show: must be a list"),
        ("show = ['wrong.test']", "show: there is no metric `wrong`; the metrics are right"),
        ("summary = 3", "summary: must be a string"),
    ],
)
def test_wrong_types_and_keys_are_faults(workplace, text, message):
    assert fault(workplace, f"{BASE}{text}\n").startswith(message)


def test_every_fault_of_a_grid_is_said_at_once_with_its_line(workplace):
    with pytest.raises(Faults) as error:
        load(workplace, f"{BASE}seeds = 0\naxis = 1\n[[grids.g.designs]]\nkind = 'produkt'\n")
    text = str(error.value)
    assert "grid g: 3 faults" in text
    assert text.count(f"{workplace.file}:") == 3
    assert "did you mean `product`?" in text
    assert "arms not checked: mend the above first" in text


def test_a_base_that_is_missing_or_unknown_is_a_fault_with_its_line(workplace):
    assert fault(workplace, "[grids.g]\nseeds = 1\n").startswith("base: is missing; the systems are ")
    workplace.add("[grids.h]\nbase = 'tyny'\n")
    with pytest.raises(Faults, match=r"registry\.toml:\d+: base: there is no system `tyny`; did you mean `tiny`"):
        load_grid(workplace.registry, "h", workplace.bench.checker)


def test_a_fault_in_an_option_is_said_once_and_alone(workplace):
    text = f"{BASE}axes.net = {{ path = 'encoder', options = {{ bad = {{ use = 'toys/net', width = 0 }} }} }}\n"
    text += "axes.epochs = { path = 'train.epochs', values = [1, 2] }\n"
    text += "[[grids.g.exclude]]\nwhere = { net = 'bad' }\nreason = 'x'\n"
    assert "width" in fault(workplace, text)


def test_an_unknown_grid_has_a_did_you_mean(workplace):
    workplace.add(BASE)
    with pytest.raises(Mistake, match="there is no grid `gg`; did you mean `g`"):
        load_grid(workplace.registry, "gg", workplace.bench.checker)


def test_every_arm_is_checked_before_any_is_trained(workplace):
    options = "ok = 'toys/net', seq = 'standard/sequence', emb = 'standard/embedding'"
    workplace.add(f"{BASE}axes.out = {{ path = 'encoder', options = {{ {options} }} }}\n")
    grid = load_grid(workplace.registry, "g", workplace.bench.checker)
    with pytest.raises(Mistake) as error:
        check_grid(grid, workplace.bench.checker)
    lines = str(error.value).splitlines()
    assert lines[0] == "grid g: 2 of 3 arms cannot be assembled"
    assert lines[1].startswith("out=seq: ")
    assert any(line.startswith("out=emb: ") for line in lines)
    status, _, errors = workplace.command("grid", "g")
    assert status == 2
    assert "out=seq" in errors
    assert not list(workplace.store.path.glob("*/run.json"))


def test_a_system_alone_is_a_grid_of_one_arm(workplace):
    grid = single("tiny", workplace.system(), (3, 4))
    assert [(arm.name, seed) for arm, seed in grid.runs()] == [("base", 3), ("base", 4)]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("encoder", True), ("encoder.width", True), ("encoder.wdth", False), ("critic", True), ("critic.width", False),
        ("objective.optimizer.lr", True), ("objective.optimizer.lr.start", False), ("dataset.count", True),
        ("train.epochs", True), ("metrics.right.values", True), ("metrics.new", True), ("metrics.new.values", False),
        ("metrics.right.values.3", False), ("moon", False),
    ],
)  # fmt: skip
def test_a_path_is_there_or_not(workplace, path, there):
    assert exists(workplace.system(), path) is there
