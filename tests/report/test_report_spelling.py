import pytest

from dovetail.report.spelling import number, spell_difference, spell_seeds, spell_summary
from dovetail.report.statistics import Difference, Summary


@pytest.mark.parametrize(
    ("mean", "deviation", "spelt"),
    [
        (0.95562, 0.00384, "0.9556 ± 0.0038"),
        (0.9471, 0.0154, "0.947 ± 0.015"),
        (123.456, 17.2, "123 ± 17"),
        (12345.6, 789.1, "12346 ± 789"),
        (-1.5, 0.25, "−1.50 ± 0.25"),
        (2e-9, 3e-10, "2.00e-09 ± 3.00e-10"),
        (0.5, 0.0, "0.5000 ± 0"),
    ],
)
def test_a_mean_has_the_digits_of_its_deviation(mean, deviation, spelt):
    assert spell_summary(Summary(3, 3, mean, deviation)) == spelt


def test_one_seed_has_no_deviation_and_none_has_a_dash():
    assert spell_summary(Summary(1, 3, 0.95562, None)) == "0.9556"
    assert spell_summary(Summary(0, 3, None, None)) == "–"


@pytest.mark.parametrize(
    ("found", "spelt"),
    [
        (Difference(3, -0.0066667, -0.0149, 0.001614), "−0.0067 [−0.0149, +0.0016]"),
        (Difference(3, 0.01444, -0.00639, 0.03528), "+0.014 [−0.006, +0.035]"),
        (Difference(3, 0.0001, -0.02, 0.0202), "0.000 [−0.020, +0.020]"),
        (Difference(1, 0.25, None, None), "+0.2500"),
        (Difference(2, 0.25, 0.25, 0.25), "+0.2500 [+0.2500, +0.2500]"),
        (None, "–"),
    ],
)
def test_a_difference_has_the_digits_of_its_interval(found, spelt):
    assert spell_difference(found) == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (0.0, "0.000"),
        (0.95562, "0.9556"),
        (100.0, "100.0"),
        (12345.0, "12345"),
        (1e-5, "1.000e-05"),
        (2e7, "2.000e+07"),
    ],
)
def test_a_lone_number_has_four_significant_digits(value, spelt):
    assert number(value) == spelt


def test_seeds_are_listed():
    assert spell_seeds([3]) == "seed 3"
    assert spell_seeds((0, 1, 2)) == "seeds 0, 1, 2"
