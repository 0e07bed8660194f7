import math

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from dovetail.ranges import within


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("[0, 1]", [0, 1, 0.5], [-0.1, 1.1]),
        ("(0, 1)", [0.5], [0, 1]),
        ("[0, 1)", [0], [1]),
        ("(0, 1]", [1], [0]),
        ("[1, inf)", [1, 1e300], [0, math.inf]),
        ("(-inf, 0]", [-5, 0], [1, -math.inf]),
        ("[-1.5,2e3]", [-1.5, 2000], [2001]),
    ],
)
def test_an_interval_holds_what_mathematics_says(interval, inside, outside):
    assert [value for value in inside + outside if within(interval).holds(value)] == inside


@given(st.floats(), st.floats(), st.floats())
def test_nothing_is_in_an_interval_that_is_not_between_its_ends(low, high, value):
    if within(f"[{low}, {high}]").holds(value):
        assert low <= value <= high


@frozen
class Sample:
    rate: object = field(default=0.5, validator=within("[0, 1)"))


def test_a_value_outside_is_refused_and_what_is_no_number_passes():
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\), but is 1\.0"):
        Sample(rate=1.0)
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\), but is 2"):
        Sample(rate=(0.5, 2))
    with pytest.raises(ValueError, match=r"but is nan"):
        Sample(rate=math.nan)
    assert Sample(rate=None).rate is None
    assert Sample(rate=(0.5, 0)).rate == (0.5, 0)


@pytest.mark.parametrize("interval", ["0, 1", "[0 1]", "[0, 1", "[0]", ""])
def test_what_is_no_interval_is_refused(interval):
    with pytest.raises(ValueError, match=r"`interval` must be like '\[0, 1\)', but is "):
        within(interval)
