import pytest
from toy_parts import FitSpec, FlatSpec, LinearSpec, NumbersSpec, PlainSpec, RightSpec, WideSpec
from toy_systems import SYSTEM

from dovetail.errors import Faults, Where
from dovetail.registries import Registry
from dovetail.systems import Train, load_saved
from dovetail.tables import read


def test_a_system_is_its_parts_with_every_value_filled_in(bench):
    stage = bench.stage(SYSTEM + "train = { epochs = 2, clip = 1 }")
    assert (stage.name, stage.dataset, stage.objective) == ("train", NumbersSpec(), FitSpec())
    assert stage.parts == {"encoder": LinearSpec(width=8), "other_encoder": None}
    assert stage.metrics == {"right": RightSpec()}
    assert stage.train == Train(epochs=2, clip=1.0)
    assert list(stage.slots()) == ["dataset", "objective", "encoder", "other_encoder", "metrics.right"]


def test_what_a_system_needs_and_has_not_is_a_fault(bench):
    assert bench.faults("") == [
        "1: dataset: is missing; a system needs a dataset | the datasets are toy/numbers",
        "1: objective: is missing; a system needs an objective | the objectives are toy/fit",
    ]
    (fault,) = bench.faults('dataset = "toy/numbers"\nobjective = "toy/fit"')
    assert fault.startswith("1: encoder: is missing; objective toy/fit asks for an encoder | the encoders are toy/")


def test_a_table_that_no_objective_asks_for_is_unknown(bench):
    fault = bench.fault(SYSTEM + "trian = { epochs = 2 }")
    assert fault.startswith("6: trian: unknown key; did you mean `train`? | the keys are summary, dataset, objective")
    assert "other_encoder" in bench.fault(SYSTEM + 'othre_encoder = "toy/linear"')


def test_parts_are_checked_by_their_names_where_the_objective_is_unknown(bench):
    text = """
dataset = "toy/numbers"
objective = "toy/fti"
encoder = { use = "toy/linear", widht = 3 }
image_encoder = "toy/linaer"
other_encoder = "core/none"
widget = { a = 1 }
trian = { epochs = 2 }
"""
    assert [fault.split(" |")[0] for fault in bench.faults(text)] == [
        "3: objective: there is no objective `toy/fti`; did you mean `toy/fit`?",
        "4: encoder.widht: unknown key; did you mean `width`?",
        "5: image_encoder: there is no encoder `toy/linaer`; did you mean `toy/linear`?",
        "8: trian: unknown key; did you mean `train`?",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train = 3", "train: must be a table, but is 3"),
        ("train = { epochs = -1 }", "train.epochs: `epochs` must be in [0, inf), but is -1"),
        ("train = { epcohs = 1 }", "train.epcohs: unknown key; did you mean `epochs`?"),
        ("train = { watch = 'rihgt' }", "train.watch: there is no metric `rihgt`; did you mean `right`?"),
        ("train = { patience = 3 }", "train.patience: needs `watch`, the metric that must get better"),
        (
            "train = { device = 'gpu' }",
            "train.device: `device` must be `auto`, `cpu`, `cuda`, `cuda:1` … or `mps`, but is 'gpu'",
        ),
        ("train = { target = 0.9 }", "train.target: needs `watch`, the metric that must get better"),
        ("train = { select = 'bets', watch = 'right' }", 'train.select: must be "best" or "last", but is \'bets\''),
    ],
)
def test_a_wrong_training_setting_is_a_fault(bench, line, message):
    assert bench.fault(SYSTEM + line).startswith(f"6: {message}")


def test_a_watched_metric_that_is_none_is_a_fault_beside_the_others(bench):
    told = "\n".join(map(str, bench.faults(SYSTEM + "train = { watch = 'rihgt', epochs = -1 }")))
    assert "train.watch: there is no metric `rihgt`; did you mean `right`?" in told
    assert "train.epochs: `epochs` must be in [0, inf), but is -1" in told


def test_metrics_must_be_a_table(bench):
    text = 'dataset = "toy/numbers"\nobjective = "toy/fit"\nencoder = "toy/linear"\nmetrics = ["toy/right"]'
    assert bench.fault(text).startswith("4: metrics: must be a table, each a metric or core/none, but is ['toy/right']")


def test_a_metric_that_is_none_is_left_out(bench):
    text = SYSTEM.replace("metrics = {", 'metrics = { other = "core/none",')
    assert list(bench.stage(text).metrics) == ["right"]
    assert "there is no metric `other`" in bench.fault(text + "train = { watch = 'other' }")


def test_a_number_in_a_metrics_table_is_watched_by_its_name(bench):
    assert bench.stage(SYSTEM + "train = { watch = 'right.4', patience = 2 }").train.watch == "right.4"


# -------------------------------------------------------------------------------------------------------------- stages

STAGES = """
[[stages]]
name = "first"
epochs = 3
set = { "encoder.width" = 5, encoder = "toy/wide" }

[[stages]]
objective = { steps = 9 }
repeat = 2
reset = ["encoder"]
"""


def test_each_stage_changes_the_system_and_repeats(bench):
    stages = bench.load(SYSTEM + STAGES).stages
    assert [stage.name for stage in stages] == ["first", "stage-2.1", "stage-2.2"]
    assert stages[0].parts["encoder"] == WideSpec(width=5)
    assert [stage.train.epochs for stage in stages] == [3, 1, 1]
    assert stages[1].parts["encoder"] == LinearSpec(width=8)
    assert [stage.objective.steps for stage in stages] == [3, 9, 9]
    assert [stage.reset for stage in stages] == [(), ("encoder",), ("encoder",)]


def test_an_override_changes_one_stage(bench):
    stages = bench.load(SYSTEM + STAGES, "stages.0.epochs=7", "encoder.width=6").stages
    assert [stage.train.epochs for stage in stages] == [7, 1, 1]
    assert stages[2].parts["encoder"].width == 6


def test_a_swap_says_in_which_stages_it_is_unless_it_is_in_all(bench):
    text = SYSTEM + 'other_encoder = "toy/linear"' + STAGES
    told = [str(swap) for swap in bench.load(text, "other_encoder=toy/wide").swaps]
    assert told == [
        "encoder in stage first: toy/linear → toy/wide: at its default rate, depth",
        "other_encoder: toy/linear → toy/wide: at its default width, rate, depth",
    ]
    twice = SYSTEM + "[[stages]]\n[[stages]]\nrepeat = 2\nset = { encoder = 'toy/wide' }"
    assert bench.load(twice).swaps[0].stage == "stage-2.1, stage-2.2"


def test_an_override_that_every_stage_overrides_is_a_fault_that_says_what_to_write(bench):
    own = SYSTEM + "train = { epochs = 9 }\n[[stages]]\nepochs = 2\n[[stages]]\nepochs = 3\nrepeat = 2"
    assert [stage.train.epochs for stage in bench.load(own).stages] == [2, 3, 3]
    instead = "write stages.0.epochs=1 stages.1.epochs=1"
    assert bench.fault(own, "train.epochs=1") == f": train.epochs: changes nothing: each stage has its own | {instead}"
    assert [stage.train.epochs for stage in bench.load(SYSTEM + STAGES, "train.epochs=4").stages] == [3, 4, 4]


def test_an_override_of_a_stage_where_there_is_none_says_so(bench):
    assert bench.fault(SYSTEM, "stages.0.epochs=1").startswith(": stages: the system has no stages: its training is")


@pytest.mark.parametrize("key", ["first", "2"])
def test_an_override_of_a_stage_that_is_none_of_the_numbers_says_which_there_are(bench, key):
    message = f": stages: must be changed by number, of 0 (`first`), 1, but are by `{key}` | "
    assert bench.fault(SYSTEM + STAGES, f"stages.{key}.epochs=1") == message


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("repeat = 0", "stages.0.repeat: `repeat` must be in [1, inf), but is 0"),
        ("repaet = 2", "stages.0.repaet: unknown key; did you mean `repeat`?"),
        ("epochs = 1.5", "train.epochs: must be an integer, but is 1.5"),
        ("set = 3", "stages.0.set: must be a table"),
        ("reset = ['encodre']", "reset: there is no slot `encodre`; did you mean `encoder`?"),
        ("reset = 'encoder'", "reset: must be a list, each a string, but is 'encoder'"),
        ("set = { 'encoder.widht' = 3 }", "encoder.widht: unknown key; did you mean `width`?"),
        ("name = 3", "stages.0.name: must be a string, but is 3"),
    ],
)
def test_a_wrong_stage_is_a_fault(bench, stage, message):
    assert bench.fault(SYSTEM + f"[[stages]]\n{stage}").startswith(f"7: {message}")


def test_stages_must_be_a_list_with_different_names(bench):
    assert bench.fault(SYSTEM + "stages = []").startswith("6: stages: must have at least one stage")
    assert bench.fault(SYSTEM + "stages = [3]").startswith("6: stages.0: must be a table, but is 3")
    twice = bench.fault(SYSTEM + "[[stages]]\nname = 'a'\n[[stages]]\nname = 'a'")
    assert twice.startswith("8: stages.1.name: `a` is the name of a stage before")


def test_a_fault_that_every_stage_has_is_said_once(bench):
    assert len(bench.faults(SYSTEM.replace("width = 8", "width = 99") + STAGES.replace("set = {", "# {"))) == 1


# ------------------------------------------------------------------------------------------------------------- extends


def with_systems(bench, tmp_path, text):
    bench.file.write_text(text)
    registry = Registry(bench.registry.plugins)
    registry.take_workspace(read(bench.file))
    return registry


def test_a_system_extends_another_and_a_plugins(bench, tmp_path):
    registry = with_systems(
        bench,
        tmp_path,
        """
[systems.a]
extends = "toy/ready"
encoder = { width = 5 }
[systems.b]
extends = "a"
encoder = "toy/wide"
train = { epochs = 4 }
""",
    )
    (stage,) = registry.system("b").stages
    assert stage.parts["encoder"] == WideSpec(width=5)
    assert stage.train.epochs == 4
    assert registry.system("b", {"encoder.width": 6, "encoder": "toy/linear"}).stages[0].parts["encoder"].width == 6
    assert registry.system("ready").name == "ready"


def test_extending_in_a_circle_and_what_is_not_there_are_faults(bench, tmp_path):
    registry = with_systems(
        bench, tmp_path, '[systems]\na = { extends = "b" }\nb = { extends = "a" }\nc = { extends = "reday" }'
    )
    with pytest.raises(Faults, match=r"system\.toml:3: extends: goes in a circle: a → b → a"):
        registry.system("a")
    with pytest.raises(
        Faults, match=r"system\.toml:4: extends: there is no system `reday`; did you mean `toy/ready`\?"
    ):
        registry.system("c")


# --------------------------------------------------------------------------------------------------------------- saved


def test_a_saved_system_needs_none_of_its_files(bench, tmp_path):
    saved = {
        "name": "one", "dataset": {"use": "toy/numbers", "place": str(tmp_path / "gone")}, "train": {"epochs": 2},
        "objective": {"use": "toy/fit", "optimizer": {"use": "toy/plain", "lr": {"use": "toy/flat"}}},
        "parts": {"encoder": {"use": "toy/linear"}, "other_encoder": "core/none"}, "metrics": {}, "reset": ["encoder"],
    }  # fmt: skip
    (stage,) = load_saved(bench.registry, "s", [saved], Where("run.json")).stages
    assert (stage.name, stage.reset, stage.parts["other_encoder"]) == ("one", ("encoder",), None)
    assert stage.objective == FitSpec(optimizer=PlainSpec(lr=FlatSpec()))
    with pytest.raises(Faults, match=r"run\.json: encoder\.x: unknown key"):
        load_saved(
            bench.registry, "s", [{**saved, "parts": {"encoder": {"use": "toy/linear", "x": 1}}}], Where("run.json")
        )
