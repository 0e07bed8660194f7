import pytest

from dovetail.errors import (
    DovetailError,
    Failure,
    Fault,
    Faults,
    Misfit,
    Mistake,
    Where,
    a,
    close,
    listed,
    unknown,
    unknown_key,
)


def test_a_mistake_and_a_failure_have_their_exit_statuses():
    assert (DovetailError.status, Failure.status, Mistake.status, Misfit.status, Faults.status) == (1, 1, 2, 2, 2)


def test_faults_are_one_answer():
    faults = [Fault(Where("f.toml", 3), "a.b", "must be x", "the x are y"), Fault(Where("override `c=1`"), "c", "no")]
    assert str(Faults("system s", faults, "not checked")) == (
        "system s: 2 faults\nf.toml:3: a.b: must be x\n    the x are y\noverride `c=1`: c: no\nnot checked"
    )
    assert str(Faults("s", faults[1:])).startswith("s: 1 fault\n")


def test_a_misfit_says_what_must_be():
    error = Misfit("input", "a Vector", "Label(classes=3)")
    assert str(error) == "`input` must be a Vector, but is Label(classes=3)"
    assert (error.argument, error.rule, error.value) == ("input", "a Vector", "Label(classes=3)")


@pytest.mark.parametrize(
    ("name", "known", "guess"),
    [
        ("hiden", ["hidden", "rate"], "did you mean `hidden`?"),
        ("zzz", ["hidden"], ""),
        ("lstn", ["standard/lstm", "standard/gru"], "did you mean `standard/lstm`?"),
        ("x", [], ""),
    ],
)
def test_a_close_name_is_suggested(name, known, guess):
    assert close(name, known) == guess


def test_names_are_listed_in_order_up_to_a_number():
    assert listed(["b", "a"]) == "a, b"
    assert listed([]) == "none"
    assert listed("abcd", most=2) == "a, b, … (2 more)"


def test_what_is_not_there():
    assert unknown("slot", "celll", ["cell"]) == "there is no slot `celll`; did you mean `cell`?"
    assert unknown("slot", "zzz", ["cell", "a"]) == "there is no slot `zzz`; the slots are a, cell"
    fault = unknown_key(Where("f", 1), "p.x", "x", iter(["width", "a"]))
    assert str(fault) == "f:1: p.x: unknown key\n    the keys are width, a"
    assert [a("cell"), a("encoder")] == ["a cell", "an encoder"]
