import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from dovetail.report.statistics import Difference, Summary, difference, summarise

VALUES = {0: 0.93, 1: 0.95, 2: 0.90, 4: 0.97, 5: 0.94}
BASE = {0: 0.91, 1: 0.96, 2: 0.88, 3: 0.99, 5: 0.90}


def test_mean_and_sample_deviation_are_as_worked_by_hand():
    found = summarise({0: 1.0, 1: 2.0, 2: 6.0}, 5)
    assert found == Summary(3, 5, 3.0, pytest.approx(7**0.5))


def test_one_value_has_no_deviation_and_none_has_no_mean():
    assert summarise({3: 2.0}, 2) == Summary(1, 2, 2.0, None)
    assert summarise({}, 2) == Summary(0, 2, None, None)


def test_the_interval_is_scipys_of_the_seeds_that_both_have():
    shared = [0, 1, 2, 5]
    expected = ttest_rel([VALUES[s] for s in shared], [BASE[s] for s in shared]).confidence_interval(0.95)
    found = difference(VALUES, BASE)
    assert found.n == 4
    assert found.mean == pytest.approx((0.02 - 0.01 + 0.02 + 0.04) / 4)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-100, 100).map(lambda x: round(x, 3))] * 2), min_size=2, max_size=9))
def test_the_interval_is_scipys_for_any_pairs(pairs):
    ours = difference(dict(enumerate(a for a, _ in pairs)), dict(enumerate(b for _, b in pairs)))
    differences = [a - b for a, b in pairs]
    if max(differences) - min(differences) < 1e-6:
        assert ours.high - ours.low == pytest.approx(0, abs=1e-6)
        return
    expected = ttest_rel(*zip(*pairs, strict=True)).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx(tuple(expected), abs=1e-8)


def test_a_difference_needs_a_pair_and_its_interval_two():
    assert difference({0: 1.0}, {1: 2.0}) is None
    assert difference({0: 1.0, 1: 5.0}, {1: 2.0}) == Difference(1, 3.0, None, None)
