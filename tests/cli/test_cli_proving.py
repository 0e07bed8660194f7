import re

import pytest


def test_a_component_has_its_scorecard(dovetail, workspace):
    found = dovetail("test-plugin", "standard", "cosine")
    assert found.status == 0
    assert found.out.startswith("✓ schedule standard/cosine  ")
    assert "standard: 1 component, " in found.out


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
        ((), "which plugin? `dovetail plugins` names them"),
        (("--list", "--only", "pur"), "there is no check `pur`; did you mean `pure`?"),
        (("standard", "cosine", "--list", "--only", "causality"), "there is no check `causality`"),
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


def test_the_checks_that_ran_are_named_by_kind(dovetail, workspace):
    found = dovetail("test-plugin", "standard", "cosine")
    (line,) = (line for line in found.out.splitlines() if line.startswith("asked of a schedule: "))
    assert {"toml", "documented", "pure"} <= {*line.partition(": ")[2].split(", ")}
    assert "meta" not in line


def test_what_is_asked_can_be_read_without_running_it(dovetail, workspace):
    everything = dovetail("test-plugin", "--list")
    assert everything.status == 0
    headings = [line for line in everything.out.splitlines() if not line.startswith(" ")]
    assert headings[:3] == ["of every component", "of a plugin as a whole", "of an encoder"]
    assert re.search(r"^  causality +No output depends on later inputs", everything.out, re.MULTILINE)
    one = dovetail("test-plugin", "standard", "cosine", "--list", "--only", "pure", "--verbose").out
    assert one == (
        "of a schedule\n  pure: Its value is a finite number, which depends on the progress alone.\n"
        "      why: a resumed run asks again for the value at a step"
        ' (Dovetail\'s documentation, "Architecture", section "Kinds")\n'
    )
