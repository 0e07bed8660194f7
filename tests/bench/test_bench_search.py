import pytest
from bench_searching import HEAD, SEARCH, SYSTEMS, N, X, load, text

from dovetail.bench.grids import check_grid
from dovetail.errors import Faults, Mistake


def faults(workplace, written, *changes):
    """Each fault, and that it says its file and line."""
    workplace.add(written)
    with pytest.raises(Faults) as error:
        load(workplace, *changes)
    for fault in error.value.faults:
        assert fault.where.line is not None or fault.where.source.startswith("override ")
    return [f"{fault.path}: {fault.message}" for fault in error.value.faults]


def fault(workplace, written, *changes):
    (one,) = faults(workplace, written, *changes)
    return one


def test_a_search_is_read_with_its_defaults(workplace):
    workplace.add(text(X + N))
    grid = load(workplace)
    assert [arm.name for arm in grid.arms] == ["base"]
    assert (grid.search.trials, grid.search.optimise, grid.search.sampler_seed) == (5, "value.valid", 0)
    assert list(grid.search.seeds) == [1000, 1001, 1002, 1003, 1004]
    assert [str(each) for each in grid.search.ranges] == ["0.01 to 1.0, log", "2 to 7, linear"]


def test_whether_a_range_is_of_integers_is_decided_by_the_field(workplace):
    workplace.add(text('"objective.x" = { low = 0, high = 1 }\n' + N))
    assert [(each.path, each.integer) for each in load(workplace).base.ranges] == [
        ("objective.x", False),
        ("objective.n", True),
    ]


def test_beside_a_search_alone_all_combinations_are_arms(workplace):
    axis = 'axes.name = { path = "objective.name", values = ["a", "b"] }\n'
    workplace.add(text(head=axis))
    assert [arm.name for arm in load(workplace).arms] == ["name=a", "name=b"]


def test_the_other_designs_say_which_arms_are_searched(workplace):
    axis = 'axes.name = { path = "objective.name", values = ["a", "b", "c"] }\n'
    arms = '[[grids.g.designs]]\nkind = "list"\narms = [{ name = "c" }]\n'
    workplace.add(text(head=axis, designs=arms + SEARCH))
    assert [arm.name for arm in load(workplace).arms] == ["base", "name=c"]


def test_a_range_applies_in_the_arms_where_its_path_exists(workplace):
    workplace.add("[systems.fit]\nextends = 'tiny'\nmetrics = { value = 'toys/mean' }\n")
    axis = 'axes.model = { systems = { quad = "quad", fit = "fit" } }\n'
    workplace.add(text(X + '"objective.optimizer.lr" = { low = 1e-3, high = 1 }\n', head=axis))
    grid = load(workplace)
    assert [[each.path for each in arm.ranges] for arm in grid.arms] == [
        ["objective.x", "objective.optimizer.lr"], ["objective.optimizer.lr"],
    ]  # fmt: skip
    assert grid.notes == ("objective.x is searched in model=quad",)


def test_a_path_of_the_objective_is_one_of_the_last_stages(workplace):
    """What an earlier stage's own objective has is not at the system's path, and is not set there."""
    stages = """
[systems.turns]
extends = "tiny"
metrics = { value = "toys/mean" }
objective = "standard/classify"
stages = [{ name = "fit", objective = { use = "toys/fit", repeat = 2 } }, { name = "classify" }]
"""
    axis = 'axes.model = { systems = { quad = "quad", turns = "turns" } }\n'
    workplace.add(stages + text('"objective.repeat" = { low = 1, high = 3 }\n' + X, head=axis))
    with pytest.raises(Faults, match=r"`objective.repeat` exists in no arm"):
        load(workplace)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{ low = 1.0, high = 0.5 }", ": `low` must be below `high`, but they are 1.0 and 0.5"),
        ("{ low = 1.0, high = 1.0 }", ": `low` must be below `high`"),
        ("{ low = 0.0, high = 1.0, scale = 'log' }", ": `low` must be above 0 on a log scale, but is 0.0"),
        ("{ low = nan, high = 1.0 }", ".low: `low` must be in (-inf, inf), but is nan"),
        ("{ low = 0.1, high = inf }", ".high: `high` must be in (-inf, inf), but is inf"),
        ("{ low = '0.1', high = 1.0 }", ".low: must be an integer or a number, but is '0.1'"),
        ("{ low = true, high = 1.0 }", ".low: must be an integer or a number, but is True"),
        ("{ low = 0.1 }", ".high: is missing; it must be an integer or a number"),
        ("{ low = 0.1, high = 1.0, scale = 'logg' }", '.scale: must be "linear" or "log", but is \'logg\''),
        ("{ low = 0.1, high = 1.0, step = 2 }", ".step: unknown key"),
        ("{ values = [0.1], low = 0.1 }", ".low: unknown key"),
        ("{ values = 0.1 }", ".values: must be a list"),
        ("{ values = [] }", ": must have at least two values, all of them different"),
        ("{ values = [0.1, 0.1] }", ": must have at least two values, all of them different"),
        ("0.1", ": must be a table with `low` and `high`, or with `values`, but is 0.1"),
    ],
)
def test_a_range_that_is_wrong_is_a_fault(workplace, entry, message):
    assert fault(workplace, text(f'"objective.x" = {entry}\n')).startswith(f"designs.0.ranges.objective.x{message}")


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ('"objective.y" = { low = 1, high = 2 }\n', "designs.0.ranges.objective.y: `objective.y` exists in no arm"),
        ("objective.x = { low = 1, high = 2 }\n", "designs.0.ranges.objective.x: unknown key"),
        ('"objective.x" = { low = 1.5, high = 2.5 }\n', "objective.x: `x` must be in [0, 2], but is 2.5"),
        ('"objective.n" = { low = 1, high = 2.5 }\n', "objective.n: must be an integer, but is 2.5"),
        ('"objective.name" = { low = 1, high = 2 }\n', "objective.name: must be a string, but is 1"),
        ('"objective" = { low = 1, high = 2 }\n', "objective: must be the name of an objective or a table, but is 1"),
        ('"objective.name" = { values = ["b", 3] }\n', "objective.name: must be a string, but is 3"),
        (
            '"objective.sleep" = { low = 0.0, high = 0.1 }\n',
            "designs.0.ranges.objective.sleep: makes no difference to the runs of base",
        ),
        (
            '"objective.optimizer" = { values = ["standard/adam", "standard/sgd"] }\n'
            '"objective.optimizer.lr" = { low = 0.1, high = 1 }\n',
            "designs.0.ranges.objective.optimizer.lr: lies inside the range `objective.optimizer`",
        ),
        ("", "designs.0.ranges: must have at least one range"),
    ],
)
def test_ranges_that_fit_no_field_are_faults(workplace, ranges, message):
    assert any(each.startswith(message) for each in faults(workplace, text(ranges)))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("trials = 0", "designs.0.trials: `trials` must be in [1, inf), but is 0"),
        ("trials = 2.0", "designs.0.trials: must be an integer, but is 2.0"),
        ("optimise = 'valu.valid'", "designs.0.optimise: there is no metric `valu`"),
        ("optimise = 'value'", "designs.0.optimise: `value` must end with a split"),
        ("first_seed = -1", "designs.0.first_seed: `first_seed` must be in [0, inf), but is -1"),
        (
            "first_seed = 1",
            "designs.0.first_seed: the trials have the seeds 1 to 5, and the grid's `seeds` have 1, too",
        ),
        ("sampler_seed = 'a'", "designs.0.sampler_seed: must be an integer, but is 'a'"),
        ("trails = 3", "designs.0.trails: unknown key; did you mean `trials`?"),
    ],
)
def test_a_search_that_is_wrong_is_a_fault(workplace, key, message):
    name = key.partition(" ")[0]
    lines = [line for line in SEARCH.splitlines(keepends=True) if not line.startswith(f"{name} ")]
    assert fault(workplace, text(designs="".join(lines), search=f"{key}\n")).startswith(message)


@pytest.mark.parametrize("name", ["trials", "optimise"])
def test_what_a_search_lacks_is_a_fault(workplace, name):
    lines = [line for line in SEARCH.splitlines(keepends=True) if not line.startswith(f"{name} ")]
    assert fault(workplace, text(designs="".join(lines))).startswith(f"designs.0.{name}: is missing")


def test_a_search_without_ranges_is_a_fault(workplace):
    assert fault(workplace, SYSTEMS + HEAD + SEARCH).startswith("designs.0.ranges: is missing")


def test_two_searches_are_a_fault(workplace):
    more = f"{SEARCH}ranges = {{ 'objective.n' = {{ low = 2, high = 7 }} }}\n"
    assert fault(workplace, text() + more) == "designs.1: is a second search; a grid has one"


def test_a_metric_that_an_arm_lacks_is_a_fault_that_names_the_arm(workplace):
    axis = 'axes.model = { systems = { quad = "quad", tiny = "tiny" } }\n'
    found = fault(workplace, text(head=axis))
    assert found == "model=tiny: designs.0.optimise: there is no metric `value`; the metrics are right"


def test_a_range_and_an_axis_that_set_the_same_are_a_fault(workplace):
    axis = 'axes.x = { path = "objective.x", values = [0.1, 0.2] }\n'
    rule = "designs.0.ranges.objective.x: sets `objective.x`, which the axis `x` sets"
    assert fault(workplace, text(head=axis)) == rule


def test_a_range_that_holds_an_axis_is_a_fault(workplace):
    axis = 'axes.lr = { path = "objective.optimizer.lr", values = [0.1, 0.2] }\n'
    ranges = '"objective.optimizer" = { values = ["standard/adam", "standard/sgd"] }\n'
    assert fault(workplace, text(ranges, head=axis)).endswith("sets `objective.optimizer.lr`, which the axis `lr` sets")


def test_a_range_and_an_option_that_set_the_same_are_a_fault(workplace):
    axis = 'axes.o = { path = "objective", options = { low = { use = "toys/quadratic", x = 0.1 } } }\n'
    assert fault(workplace, text(head=axis)).endswith("sets what the option `low` of the axis `o` sets")


def test_what_is_searched_can_be_set_nowhere_else(workplace):
    rule = "objective.x: is searched: a range sets it, so it can be set nowhere else"
    assert fault(workplace, text(), "objective.x=0.5") == rule
    workplace.file.write_text(
        workplace.file.read_text().replace("seeds = 2\n", "seeds = 2\nset = { 'objective.x' = 1 }\n")
    )
    with pytest.raises(Faults, match="is searched"):
        load(workplace)


def test_choices_are_assembled_before_any_trial_is_trained(workplace):
    ranges = '"encoder" = { values = ["toys/net", "standard/embedding"] }\n'
    workplace.add(text(ranges).replace('base = "quad"', 'base = "tiny"').replace("value.valid", "right.valid"))
    grid = load(workplace)
    with pytest.raises(Mistake) as error:
        check_grid(grid, workplace.bench.checker)
    lines = str(error.value).splitlines()
    assert lines[0] == "grid g: 1 of 3 arms, and arms at the ends of a range, cannot be assembled"
    assert lines[1].startswith("base with encoder=standard/embedding: ")


def test_a_choice_of_tables_is_labelled_by_all_of_each(workplace):
    ranges = '"objective.optimizer" = { values = [{ use = "standard/adam", lr = 0.1 }, { use = "standard/adam" }] }\n'
    workplace.add(text(ranges))
    (each,) = load(workplace).base.ranges
    assert list(each.options) == ["{'use': 'standard/adam', 'lr': 0.1}", "{'use': 'standard/adam'}"]
