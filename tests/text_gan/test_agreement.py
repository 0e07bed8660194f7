import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import interval_distance

from dovetail_text_gan.agreement import alpha

EXAMPLE = """
1 2 3 3 2 1 4 1 2 * * *
1 2 3 3 2 2 4 1 2 5 * 3
* 3 3 3 2 3 4 2 2 5 1 *
1 2 3 3 2 4 4 1 2 5 1 *
"""
"""Four observers, twelve units: krippendorff2011alpha, section D."""
UNITS = [
    [int(value) for value in unit if value != "*"]
    for unit in zip(*(line.split() for line in EXAMPLE.split("\n") if line), strict=True)
]
units = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=12)


@pytest.mark.parametrize(("level", "published"), [("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example_is_reproduced(level, published):
    assert round(alpha(UNITS, level), 3) == published


def test_two_raters_who_differ_once_by_hand():
    # o: 1-1 twice, 2-2 twice, 1-3 and 3-1 once; n = 3, 2, 1; Σ o δ² = 8; Σ n n δ² = 2 (6·1 + 3·4 + 2·1) = 40
    assert alpha([[1, 1], [2, 2], [1, 3]], "interval") == pytest.approx(1 - 5 * 8 / 40)
    # mean ranks 1.5, 4, 5.5: Σ o δ² = 32; Σ n n δ² = 2 (6·6.25 + 3·16 + 2·2.25) = 180
    assert alpha([[1, 1], [2, 2], [1, 3]], "ordinal") == pytest.approx(1 - 5 * 32 / 180)


@given(units)
def test_interval_is_that_of_nltk(ratings):
    pairable = [unit for unit in ratings if len(unit) > 1]
    if len({value for unit in pairable for value in unit}) < 2:
        assert alpha(ratings, "interval") is None
        return
    triples = [(rater, unit, value) for unit, values in enumerate(pairable) for rater, value in enumerate(values)]
    assert alpha(ratings, "interval") == pytest.approx(AnnotationTask(triples, interval_distance).alpha())


@given(units)
def test_ordinal_adds_what_lies_between_as_the_definition_does(ratings):
    pairable = [unit for unit in ratings if len(unit) > 1]
    every = [value for unit in pairable for value in unit]
    if len(set(every)) < 2:
        assert alpha(ratings, "ordinal") is None
        return

    def squared(c, k):
        low, high = min(c, k), max(c, k)
        return (sum(low <= v <= high for v in every) - (every.count(c) + every.count(k)) / 2) ** 2

    observed = sum(sum(squared(c, k) for c, k in itertools.permutations(u, 2)) / (len(u) - 1) for u in pairable)
    expected = sum(squared(c, k) for c, k in itertools.permutations(every, 2)) / (len(every) - 1)
    assert alpha(ratings, "ordinal") == pytest.approx(1 - observed / expected)


def test_raters_who_agree_have_one_whoever_is_missing():
    assert alpha([[1, 1, 1], [4, 4], [2], [5, 5, 5]], "ordinal") == 1


@pytest.mark.parametrize("ratings", [[], [[3], [4]], [[3, 3], [3, 3], [1]]])
def test_it_is_not_defined_without_pairs_or_without_differences(ratings):
    assert alpha(ratings, "ordinal") is None
