import pytest


def test_a_component_has_its_scorecard(dovetail, workspace):
    found = dovetail("test-plugin", "standard", "cosine")
    assert found.status == 0
    assert found.out.startswith("✓ schedule standard/cosine  ")
    assert "standard: 1 components, " in found.out


def test_the_package_has_a_scorecard_of_its_own(dovetail, workspace):
    found = dovetail("test-plugin", "standard", "--only", "interface", "--verbose")
    assert found.status == 0
    assert found.out.startswith("✓ plugin standard  1/1\n    interface passed\n        why: a plugin for another")


def test_one_check_is_asked_of_those_that_it_is_for(dovetail, workspace):
    found = dovetail("test-plugin", "standard", "--only", "pure")
    assert found.status == 0
    *cards, _ = found.out.splitlines()
    assert {line.split()[1] for line in cards} == {"schedule"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("standart",), "there is no plugin `standart`; did you mean `standard`?"),
        (("standard", "cosin"), "there is no component `cosin`; did you mean `cosine`?"),
        (("standard", "--only", "pur"), "there is no check `pur`; did you mean `pure`?"),
        (("standard", "cosine", "--only", "causality"), "the check `causality` is asked of nothing here"),
    ],
)
def test_what_is_not_there_is_a_mistake(dovetail, workspace, words, message):
    found = dovetail("test-plugin", *words)
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith(message)
