"""The kit itself: what it makes of results, and how they are shown."""

import re
from pathlib import Path

import pytest
import torch

import dovetail
from dovetail import Mistake
from dovetail.cli.main import main
from dovetail.plugins import Plugin
from dovetail.registries import Registry
from dovetail.spaces import Padded
from dovetail.tables import read
from dovetail.testing import check, check_component, checks_of, every_component, examine
from dovetail.testing.kit import Nonconformance, spell
from dovetail.testing.pytest_cases import Case
from dovetail.testing.values import aligned, difference, identical, total, trimmed

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def names():
    core = Path(dovetail.__file__).with_name("registry.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield Registry(
            [
                Plugin("core", "dovetail", "1.0", tables=read(core)),
                Plugin("toys", "toys", "1.0", tables=read(HERE / "kit_toys.toml")),
            ]
        )


@pytest.fixture
def results(names):
    """The results of a component's checks by name."""

    def of(component, only=None):
        kind, _, short = component.partition("/")
        return {result.check.name: result for result in examine(names.find(kind, f"toys/{short}"), names, only)}

    return of


def test_a_component_without_fault_passes_what_can_be_asked_of_it(results):
    found = results("encoder/right")
    assert {result.status for result in found.values()} == {"passed", "absent"}
    assert found["padding-does-not-matter"].detail == "asked where there is an input of varying length"


def test_what_comes_after_a_fault_is_not_judged_and_says_so(results):
    found = results("encoder/noisy")
    assert [name for name, result in found.items() if result.status == "failed"] == ["evaluation"]
    assert found["evaluation"].detail == "example 1: evaluation depends on random numbers"
    blocked = [name for name, result in found.items() if result.status == "blocked"]
    assert {"examples-apart", "state", "double"} <= set(blocked)
    assert found["examples-apart"].detail.startswith("not judged, since ")
    assert not found["examples-apart"].good
    assert found["gradients"].status == "passed"


def test_a_failure_that_is_expected_is_good_and_keeps_its_reason(results):
    found = results("encoder/spare")["gradients"]
    assert (found.status, found.good) == ("expected", True)
    assert found.detail == "the parameter is kept for files of an older version"


def test_an_expected_failure_that_does_not_happen_is_red(results):
    found = results("encoder/mended")["gradients"]
    assert (found.status, found.good) == ("mended", False)


def test_an_expected_failure_of_another_kinds_check_is_a_mistake(results):
    with pytest.raises(Mistake, match="a failure of `causality` is expected, which is no check of the kind"):
        results("encoder/misdeclared")


@pytest.mark.parametrize(("component", "count"), [("encoder/lonely", 1), ("encoder/forgotten", 0)])
def test_too_few_examples_are_red_and_nothing_else_is_judged(results, component, count):
    found = results(component)
    assert found["examples"].status == "failed"
    assert f"but has {count}" in found["examples"].detail
    assert {result.status for name, result in found.items() if name != "examples"} == {"blocked"}


def test_a_kind_without_a_subject_has_the_checks_of_every_kind(results, names):
    found = results("ornament/star")
    assert {"examples", "toml", "frozen", "same-seed", "documented"} <= found.keys()
    assert {result.status for result in found.values()} == {"passed"}
    assert found.keys() == {check.name for check in checks_of("ornament")}


def test_a_plugins_kind_has_the_subject_and_the_checks_that_it_brings(results, names):
    assert "time-passes" in {check.name for check in checks_of("clock", names)}
    assert "time-passes" not in {check.name for check in checks_of("encoder", names)}
    assert results("clock/ticking")["time-passes"].status == "passed"
    found = results("clock/stopped")["time-passes"]
    assert (found.status, found.detail) == ("failed", "example 1: stands still at 0")


def test_a_result_in_words_has_what_why_and_who_says_so(results):
    assert spell(results("clock/stopped")["time-passes"]) == (
        "clock toys/stopped: time-passes failed: example 1: stands still at 0\n"
        "    why: time does not stand still (newton1687)"
    )


def test_one_check_is_asked_alone_but_after_those_before_it(results):
    assert [*results("encoder/right", only="double")] == ["double"]
    assert results("encoder/noisy", only="double")["double"].status == "blocked"
    assert results("encoder/right", only="causality") == {}


def test_an_unknown_check_is_a_mistake_with_a_suggestion(results):
    with pytest.raises(Mistake, match=r"there is no check `gradient`; .*`gradients`"):
        results("encoder/right", only="gradient")


def test_two_modules_may_not_have_a_check_of_one_name(names):
    checks_of("clock", names)

    def gradients(subject):
        raise AssertionError

    with pytest.raises(Mistake, match=f"check `gradients` of {__name__} is also one of dovetail.testing.modules"):
        check("clock", reason="none", source="none")(gradients)


def test_examples_that_cannot_be_imported_are_a_mistake(names, tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text(
        (HERE / "kit_toys.toml").read_text().replace('examples = "kit_toys"', 'examples = "no_such_module"')
    )
    broken = Registry([names.plugins[0], Plugin("toys", "toys", "1.0", tables=read(file))])
    with pytest.raises(Mistake, match="plugin toys: `examples` no_such_module cannot be imported: ModuleNotFoundError"):
        examine(broken.find("encoder", "toys/right"), broken)


# ---------------------------------------------------------------------------------------------------- tests and command


def case(names, component, name):
    kind, _, short = component.partition("/")
    (asked,) = (check for check in checks_of(kind, names) if check.name == name)
    return Case(names.find(kind, f"toys/{short}"), asked, names)


def test_a_case_passes_fails_or_is_expected_to(names):
    case(names, "clock/ticking", "time-passes")()
    case(names, "encoder/right", "padding-does-not-matter")()
    with pytest.raises(pytest.fail.Exception, match="clock toys/stopped: time-passes failed"):
        case(names, "clock/stopped", "time-passes")()
    with pytest.raises(pytest.xfail.Exception, match="kept for files of an older version"):
        case(names, "encoder/spare", "gradients")()
    with pytest.raises(pytest.fail.Exception, match="gradients mended: it had one once"):
        case(names, "encoder/mended", "gradients")()
    assert str(case(names, "clock/ticking", "time-passes")) == "clock-ticking::time-passes"


def test_every_component_makes_a_test_of_each_check_of_each_component():
    @every_component("recurrent-dropout")
    def test(check):
        check()

    (mark,) = test.pytestmark
    cases = {str(case): str(case.component) for case in mark.args[1]}
    assert {"cell-lstm::causality", "dropout-gal::expected-masks", "metric-span-f1::merging"} <= cases.keys()
    scopes = {name.rsplit("::", 1)[0]: component for name, component in cases.items()}  # of xdist's `loadscope`
    assert all(scopes[name.rsplit("::", 1)[0]] == component for name, component in cases.items())
    assert len(scopes) == len(set(cases.values()))


def test_every_component_of_an_unknown_plugin_is_a_mistake():
    with pytest.raises(Mistake, match="recurrent-dropout"):
        every_component("recurrent-dropuot")


def test_check_component_hands_back_the_results_or_raises_all_faults(gallery):
    assert all(result.good for result in check_component("encoder", "gallery/dense"))
    with pytest.raises(Nonconformance, match=r"evaluation failed: .*\n    why: dropout that stays on(.|\n)*blocked"):
        check_component("cell", "gallery/dropout-on")


@pytest.fixture
def prove(gallery, capsys, tmp_path, monkeypatch):
    """`prove("gallery", "dense")`: the exit status, and what was printed to either."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["test-plugin", *words])
        return end.value.code, *capsys.readouterr()

    return run


def test_the_command_counts_what_passed(prove):
    status, out, _ = prove("gallery", "groups")
    assert status == 0
    assert out.startswith("✓ encoder gallery/groups  ")
    assert re.search(r"gallery: 1 components?, \d+ checks: \d+ passed", out)
    assert " failed" not in out


def test_the_command_names_each_fault_with_its_reason_and_ends_with_one(prove):
    status, out, err = prove("gallery", "dropout-on")
    assert status == 1
    assert "✗ cell gallery/dropout-on  " in out
    assert "    evaluation failed: example 1: evaluation depends on random numbers" in out
    assert "        why: dropout that stays on in evaluation makes every measurement a random one (Dove" in out
    assert "    not judged, since others failed: " in out
    assert "checks are not passed" in err


def test_the_command_shows_every_check_where_it_is_asked_to(prove):
    _, brief, _ = prove("gallery", "groups")
    _, out, _ = prove("gallery", "groups", "--verbose")
    assert "    toml passed" in out
    assert "    toml passed" not in brief


def test_the_command_runs_one_check(prove):
    status, out, _ = prove("gallery", "groups", "--only", "toml")
    assert status == 0
    assert re.search(r"1 components?, 1 checks?: 1 passed", out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("gallerie",), "gallery"),
        (("gallery", "dens"), "dense"),
        (("gallery", "dense", "--only", "gradient"), "there is no check `gradient`; did you mean `gradients`"),
    ],
)
def test_a_name_that_is_not_known_ends_with_two_and_a_suggestion(prove, words, says):
    status, _, err = prove(*words)
    assert status == 2
    assert says in err


# --------------------------------------------------------------------------------------------------------------- values


def test_fields_of_one_length_are_as_long_in_each_example():
    one, other = Padded(torch.ones(2, 3), torch.tensor([3, 1])), Padded(torch.ones(2, 3), torch.tensor([2, 3]))
    apart = Padded(torch.ones(2, 4), torch.tensor([4, 2]))
    batch = aligned({"one": one, "other": other, "apart": apart, "label": torch.zeros(2)})
    assert batch["other"].lengths.tolist() == batch["one"].lengths.tolist() == [3, 1]
    assert batch["apart"].lengths.tolist() == [4, 2]


def test_padding_that_companions_need_is_trimmed_wherever_it_is():
    batch = Padded(torch.zeros(2, 5, 3), torch.tensor([2, 4]))
    made = trimmed({"texts": (batch, batch), "image": torch.zeros(2, 7)})
    assert [part.data.shape[1] for part in made["texts"]] == [4, 4]
    assert made["image"].shape == (2, 7)


def test_a_total_of_no_real_values_is_zero():
    assert total({"tokens": torch.tensor([1, 2])}).item() == 0


def test_a_difference_counts_in_what_is_tolerated_and_shapes_differ_infinitely():
    assert difference(torch.tensor([1.0]), torch.tensor([1.0 + 5e-5])) < 1
    assert difference(torch.tensor([1.0]), torch.tensor([1.001])) > 1
    assert difference(torch.zeros(2), torch.zeros(3)) == float("inf")
    assert difference(torch.tensor([1]), torch.tensor([2])) == float("inf")
    assert identical(torch.tensor([float("nan")]), torch.tensor([float("nan")]))
