from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from toy_parts import LinearSpec, PairSpec, WideSpec

from dovetail import CellSpec, EncoderSpec, Mistake, ScheduleSpec, interfaces
from dovetail.config import FromRun, Share, alternatives, hints, slot_base, spell
from dovetail.errors import Faults
from dovetail.systems import load_system
from dovetail.tables import overrides, put_all

PAIR = """
dataset = "toy/numbers"
objective = "toy/fit"
[encoder]
use = "toy/pair"
{}
"""


def pair(*lines):
    return PAIR.format("\n".join(lines))


# ------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("value", ['"7"', "7.9", "7.0", "true", "[7]", "{ a = 7 }", "1979-05-27"])
def test_only_an_integer_is_an_integer(bench, value):
    fault = bench.fault(pair(f"first = {{ use = 'toy/linear', width = {value} }}"))
    assert fault.startswith("6: encoder.first.width: must be an integer, but is ")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rate", '"0.5"', "must be a number, but is '0.5'"),
        ("rate", "true", "must be a number, but is True"),
        ("deep", "1", "must be true or false, but is 1"),
        ("deep", '"true"', "must be true or false, but is 'true'"),
        ("title", "3", "must be a string, but is 3"),
        ("scales", "[1, true]", ".1: must be a number, but is True"),
        ("scales", "1.0", "must be a list, each a number, but is 1.0"),
        ("corner", "[1]", "must have 2 elements, but has 1"),
        ("corner", "[1, 2.0]", ".1: must be an integer, but is 2.0"),
        ("corner", "1", "must be a list of 2, but is 1"),
        ("names", "{ a = 1.5 }", ".a: must be an integer, but is 1.5"),
        ("names", "[1]", "must be a table, each an integer, but is [1]"),
        ("form", "3", 'must be "round" or "square", but is 3'),
        ("width", "65", "`width` must be in [1, 64], but is 65"),
        ("rate", "1.0", "`rate` must be in [0, 1), but is 1.0"),
        ("rate", "nan", "`rate` must be in [0, 1), but is nan"),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_a_fault_at_its_path(bench, key, value, message):
    fault = bench.fault(pair(f"first = {{ use = 'toy/linear', {key} = {value} }}"))
    assert fault.replace(": .", ".").startswith(f"6: encoder.first.{key}{'' if message[0] == '.' else ': '}{message}")


def test_values_of_every_type_are_read(bench):
    spec = bench.stage(
        pair('second = { use = "toy/linear", width = 3, rate = 0, form = "square", scales = [1, 2.5], '
             'corner = [5, 6], names = { a = 1 }, deep = true, title = "t" }')
    ).parts["encoder"].second  # fmt: skip
    assert spec == LinearSpec(
        width=3, rate=0.0, form="square", scales=(1.0, 2.5), corner=(5, 6), names={"a": 1}, deep=True, title="t"
    )
    assert type(spec.rate) is float
    assert type(spec.scales[0]) is float
    assert hash(spec) == hash(spec)


def test_a_choice_that_is_close_is_suggested(bench):
    fault = bench.fault(pair("first = { use = 'toy/linear', form = 'sqare' }"))
    assert fault == '6: encoder.first.form: must be "round" or "square", but is \'sqare\' | did you mean `square`?'


def test_a_file_must_exist_and_is_relative_to_the_file_that_names_it(bench, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "data.txt").write_text("x")
    text = 'dataset = { use = "toy/numbers", place = "deep/data.txt" }\nobjective = "toy/fit"\nencoder = "toy/linear"'
    assert bench.stage(text).dataset.place == tmp_path / "deep" / "data.txt"
    fault = bench.fault(text.replace("data.txt", "gone.txt"))
    assert fault == f"1: dataset.place: there is no file or folder `{tmp_path / 'deep' / 'gone.txt'}` | "


def test_an_override_is_relative_to_the_current_folder(bench, tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd" / "x.txt").write_text("x")
    monkeypatch.chdir(tmp_path / "cwd")
    text = 'dataset = "toy/numbers"\nobjective = "toy/fit"\nencoder = "toy/linear"'
    assert bench.stage(text, "dataset.place=x.txt").dataset.place == tmp_path / "cwd" / "x.txt"


def test_types_in_words():
    spelled = {
        int: "an integer", int | None: "an integer", float | ScheduleSpec: "a number or a schedule",
        EncoderSpec: "an encoder", EncoderSpec | None: "an encoder or core/none", Path: "a path",
        tuple[int, ...]: "a list, each an integer", tuple[int, int]: "a list of 2",
        Mapping[str, float]: "a table, each a number", Literal["a", "b"]: '"a" or "b"',
        tuple[CellSpec, ...]: "a list, each a cell",
    }  # fmt: skip
    assert {hint: spell(hint) for hint in spelled} == spelled


def test_a_slots_base_is_found_in_a_union():
    assert slot_base(float | ScheduleSpec) is ScheduleSpec
    assert slot_base(float | None) is None
    assert alternatives(int | None) == (int, type(None))
    assert list(hints(PairSpec)) == ["first", "second", "same"]


# -------------------------------------------------------------------------------------------------------------- slots


def test_a_slot_with_a_default_takes_values_without_a_name(bench):
    assert bench.stage(pair("first = { rate = 0.25 }")).parts["encoder"].first == LinearSpec(width=7, rate=0.25)


@pytest.mark.parametrize("spelled", ['"toy/linear"', '{ use = "toy/linear" }'])
def test_a_name_means_the_components_own_defaults(bench, spelled):
    assert bench.stage(pair(f"first = {spelled}")).parts["encoder"].first == LinearSpec(width=4)


def test_a_table_without_a_name_needs_a_default(bench):
    fault = bench.fault(pair("second = { width = 3 }"))
    assert fault.startswith("6: encoder.second: a table here needs `use`, the name of a component | the encoders are ")


def test_a_slot_takes_no_number(bench):
    assert bench.fault(pair("first = 3")) == "6: encoder.first: must be an encoder, but is 3 | "
    assert bench.fault('dataset = 3\nobjective = "toy/fit"\nencoder = "toy/linear"').startswith(
        "1: dataset: must be the name of a dataset or a table, but is 3"
    )


def test_no_part_is_the_empty_value_of_an_optional_slot_and_refused_elsewhere(bench):
    assert bench.stage(pair("second = 'core/none'")).parts["encoder"].second is None
    assert bench.stage(pair("second = { use = 'core/none' }")).parts["encoder"].second is None
    assert bench.fault(pair("first = 'core/none'")).startswith(
        "6: encoder.first: core/none is refused here: this encoder is needed | the encoders are toy/"
    )


def test_only_one_reserved_key_stands_in_a_table(bench):
    fault = bench.fault(pair("second = { use = 'toy/linear', share = 'encoder.first' }"))
    assert fault == "6: encoder.second: must have one of use, share, from_run, but has use and share | "


def test_tuples_and_mappings_of_slots(bench):
    spec = bench.stage(
        'dataset = "toy/numbers"\nobjective = "toy/fit"\n'
        'encoder = { use = "toy/many", items = ["toy/linear", { use = "toy/wide" }], named = { a = "toy/linear" } }',
        "encoder.items.1.width=5",
    ).parts["encoder"]  # fmt: skip
    assert spec.items == (LinearSpec(), WideSpec(width=5))
    assert spec.named == {"a": LinearSpec()}


def test_a_component_that_is_not_what_its_registry_says_is_named(bench):
    assert bench.faults(pair("first = { use = 'toy/liar' }")) == [
        "6: encoder.first: encoder toy/liar: `toy_parts:FlatSpec` is no spec of the kind encoder | "
    ]
    assert "cannot be loaded: AttributeError" in bench.fault(pair("first = 'toy/gone'"))


# ------------------------------------------------------------------------------------------------------- the one rule


def swap_of(bench, text, *changes):
    system = bench.load(text, *changes)
    (swap,) = system.swaps
    return system.stages[0].parts["encoder"], swap


def test_a_swap_keeps_what_has_the_same_name_and_type_and_says_the_rest(bench):
    text = pair().replace('use = "toy/pair"', 'use = "toy/linear"\nwidth = 8\nrate = 0.25\ntitle = "x"')
    spec, swap = swap_of(bench, text, "encoder=toy/wide")
    assert spec == WideSpec(width=8)
    assert (swap.kept, swap.dropped, swap.defaulted) == (("width",), ("rate", "title"), ("rate", "depth"))
    assert str(swap) == ("encoder: toy/linear → toy/wide: kept width; dropped rate, title; at its default rate, depth")


def test_what_the_swap_gives_is_not_kept(bench):
    spec, swap = swap_of(
        bench, pair("first = { use = 'toy/linear', width = 8 }"), "encoder.first={use='toy/wide', width=2}"
    )
    assert spec.first == WideSpec(width=2)
    assert (swap.kept, swap.dropped, swap.defaulted) == ((), (), ("rate", "depth"))


def test_values_are_kept_through_several_swaps(bench):
    tables = bench.tables(pair("first = { use = 'toy/linear', width = 8 }"))
    for name in ("toy/wide", "toy/linear"):
        tables = put_all(tables, overrides([f"encoder.first={name}"]))
    assert load_system(bench.registry, "s", tables).stages[0].parts["encoder"].first == LinearSpec(width=8)


def test_a_slot_inside_is_kept_and_changed_by_the_same_rule(bench):
    text = pair("second = { use = 'toy/pair', first = { use = 'toy/linear', width = 8, rate = 0.25 } }")
    assert bench.stage(text, "encoder.second={ use = 'toy/pair', first = { rate = 0.125 } }").parts[
        "encoder"
    ].second.first == LinearSpec(width=8, rate=0.125)
    assert bench.stage(text, "encoder.second={ use = 'toy/pair', first = 'toy/wide' }").parts[
        "encoder"
    ].second.first == WideSpec(width=8)


def test_naming_the_component_that_stands_there_keeps_all_and_is_no_swap(bench):
    system = bench.load(pair("first = { use = 'toy/linear', width = 8 }"), "encoder.first=toy/linear")
    assert system.stages[0].parts["encoder"].first == LinearSpec(width=8)
    assert system.swaps == ()


def test_nothing_is_kept_of_a_share_of_no_part_or_of_what_was_wrong(bench):
    for stood in ("{ share = 'encoder.first' }", "'core/none'", "{ use = 'toy/misspelt', width = 3 }"):
        system = bench.load(pair(f"second = {stood}"), "encoder.second=toy/wide")
        assert system.stages[0].parts["encoder"].second == WideSpec()
        assert system.swaps == ()


def test_a_kept_value_out_of_the_new_range_is_a_fault_where_it_was_written(bench):
    text = pair("first = { use = 'toy/wide', width = 99 }")
    assert bench.fault(text, "encoder.first=toy/linear").startswith(
        "6: encoder.first.width: `width` must be in [1, 64]"
    )


# --------------------------------------------------------------------------------------------------------- references


def test_a_share_names_a_slot(bench):
    spec = bench.stage(pair("second = { share = 'encoder.first' }")).parts["encoder"]
    assert spec.second == Share("encoder.first")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["second = { share = 'encoder.frist' }"], "there is no slot `encoder.frist`; did you mean `encoder.first`?"),
        (["second = { share = 3 }"], "must be the path of a slot, but is 3"),
        (["second = { share = 'encoder.first', width = 3 }"], "a shared slot takes no parameters"),
        (
            ["second = { share = 'objective.optimizer' }"],
            "`objective.optimizer` is an optimizer, but an encoder is wanted",
        ),
        (["first = { share = 'encoder.second' }", "second = 'core/none'"], "`encoder.second` is empty (core/none)"),
        (
            ["second = { share = 'encoder.first' }", "first = { share = 'encoder.second' }"],
            "`encoder.second` is itself a share; share `encoder.first` instead",
        ),
    ],
)
def test_a_share_of_what_cannot_be_shared_is_a_fault(bench, lines, message):
    faults = bench.faults(pair(*lines))
    assert any(message in fault for fault in faults), faults


class Runs:
    identity = "abc"

    def __call__(self, name):
        if name != "run":
            raise Mistake(f"there is no run `{name}`")
        return self


def test_a_part_comes_from_an_earlier_run_known_by_its_identity(bench):
    part = bench.stage(pair("second = { from_run = 'run', part = 'encoder' }"), runs=Runs()).parts["encoder"].second
    assert part == FromRun("run", "encoder", True, "abc")
    assert part.kind == "encoder"
    thawed = bench.stage(pair("second = { from_run = 'run', part = 'encoder', frozen = false }"), runs=Runs())
    assert not thawed.parts["encoder"].second.frozen


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("{ from_run = 'run' }", "encoder.second.part: is missing; it must be a string"),
        ("{ from_run = 'run', part = 3 }", "encoder.second.part: must be a string, but is 3"),
        ("{ from_run = 'run', part = 'x', frosen = 1 }", "encoder.second.frosen: unknown key; did you mean `frozen`?"),
        ("{ from_run = 'run', part = 'x', frozen = 1 }", "encoder.second.frozen: must be true or false, but is 1"),
        ("{ from_run = 'gone', part = 'x' }", "encoder.second: there is no run `gone`"),
        ("{ from_run = 'run', part = 'x', identity = 'y' }", "encoder.second.identity: unknown key"),
    ],
)
def test_a_wrong_reference_to_a_run_is_a_fault(bench, table, message):
    assert bench.fault(pair(f"second = {table}"), runs=Runs()).startswith(f"6: {message}")


# ------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["os:system", "toy_parts:LinearSpec", "dovetail_standard.cells:LstmSpec"])
def test_an_import_path_is_refused_and_nothing_is_imported(bench, name, monkeypatch):
    imported = []
    monkeypatch.setattr("dovetail.registries.import_module", lambda name: imported.append(name) or interfaces)
    (fault,) = [fault for fault in bench.faults(f'encoder = "{name}"') if "encoder" in fault.split(":")[1]]
    assert imported == ["dovetail.interfaces"]
    assert "is no component's name; an import path is refused here, since a system is data" in fault


def test_a_class_path_in_a_systems_file_is_no_key(bench):
    assert bench.fault(pair('spec = "os:system"')).startswith("6: encoder.spec: unknown key")


EIGHT = """
[dataset]
use = "toy/numbers"
place = "gone.txt"

[objective]
use = "toy/fit"
stepz = 3
steps = 3.0

[encoder]
use = "toy/pair"
first = { use = "toy/linaer" }
second = { use = "core/none", width = 3 }

[other_encoder]
use = "toy/linear"
width = 99

[metrics]
right = "toy/fit"
bleu = "hacap/bleu"
"""


def test_eight_faults_of_different_sorts_are_in_one_answer(bench, tmp_path):
    with pytest.raises(Faults, match=r"^system s: 8 faults\n") as error:
        bench.load(EIGHT)
    file = tmp_path / "system.toml"
    assert {str(fault).removeprefix(f"{file}:").replace("\n   ", "") for fault in error.value.faults} == {
        f"4: dataset.place: there is no file or folder `{tmp_path / 'gone.txt'}`",
        "8: objective.stepz: unknown key; did you mean `steps`? the keys are optimizer, steps",
        "9: objective.steps: must be an integer, but is 3.0",
        "13: encoder.first: there is no encoder `toy/linaer`; did you mean `toy/linear`?",
        "14: encoder.second.width: core/none takes no parameters, but `width` is given",
        "18: other_encoder.width: `width` must be in [1, 64], but is 99",
        "21: metrics.right: `toy/fit` is an objective, but a metric is wanted: toy/picky, toy/right",
        "22: metrics.bleu: `hacap/bleu`: the plugin `hacap` is not installed; the plugins are core, toy",
    }


def test_the_answer_counts_the_faults_and_says_what_was_not_checked(bench):
    with pytest.raises(Faults, match=r"(?s)^system s: 1 fault\n.*\ndata and spaces not checked: mend the above first$"):
        bench.load("", "dataset=toy/numbers", "objective=toy/fit")
