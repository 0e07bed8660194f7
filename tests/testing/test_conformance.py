"""Every component of this tree passes the conformance kit, each check a test."""

import tomllib
from pathlib import Path

import pytest

import dovetail
from dovetail.testing import checks_of, every_component
from dovetail.testing.kit import examples_of

ROOT = Path(__file__).parents[2]


@every_component("standard")
def test_a_standard_component_passes_its_kinds_checks(check):
    check()


@every_component("recurrent-dropout")
def test_a_component_of_recurrent_dropout_passes_its_kinds_checks(check):
    check()


@every_component("text-gan")
def test_a_component_of_text_gan_passes_its_kinds_checks(check):
    check()


@every_component("hacap")
def test_a_component_of_hacap_passes_its_kinds_checks(check):
    check()


def _plugins_in_tree() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["dovetail"])


def _cases(test) -> set[tuple[str, str]]:
    (mark,) = (mark for mark in test.pytestmark if mark.name == "parametrize")
    return {(str(case.component), case.check.name) for case in mark.args[1]}


def test_no_plugin_component_or_check_is_forgotten():
    names = dovetail.registry()
    tests = (
        test_a_standard_component_passes_its_kinds_checks,
        test_a_component_of_recurrent_dropout_passes_its_kinds_checks,
        test_a_component_of_text_gan_passes_its_kinds_checks,
        test_a_component_of_hacap_passes_its_kinds_checks,
    )
    asked = {case for test in tests for case in _cases(test)}
    in_tree = [component for component in names.components.values() if component.plugin in _plugins_in_tree()]
    assert {component.plugin for component in in_tree} == _plugins_in_tree()
    assert asked == {
        (str(component), check.name) for component in in_tree for check in checks_of(component.kind, names)
    }


@pytest.mark.parametrize("plugin", sorted(_plugins_in_tree()))
def test_examples_and_expected_failures_are_of_components_there_are(plugin):
    names = dovetail.registry()
    module = __import__(next(p for p in names.plugins if p.name == plugin).about("examples"), fromlist=["EXAMPLES"])
    there = {f"{c.kind}/{c.short}" for c in names.components.values() if c.plugin == plugin}
    assert set(module.EXAMPLES) == there
    assert set(getattr(module, "EXPECTED_FAILURES", {})) <= there


def test_expected_failures_are_few_and_have_reasons():
    names = dovetail.registry()
    expected = {
        (str(component), check): reason
        for component in names.components.values()
        for check, reason in examples_of(names, component)[1].items()
    }
    assert expected.keys() == {
        ("metric standard/perplexity", "batch-size"),
        ("objective text-gan/policy-gradient", "outcome-gets-better"),
        ("objective hacap/adversarial", "outcome-gets-better"),
        ("dataset text-gan/topics", "splits-apart"),
    }
    assert all(len(reason.split()) > 5 for reason in expected.values())
