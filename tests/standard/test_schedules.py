"""Schedules as pure functions of the progress of training."""

import pytest

from dovetail.errors import Mistake
from dovetail.interfaces import Progress
from dovetail_standard.schedules import (
    ConstantSpec,
    CosineSpec,
    ExponentialSpec,
    LinearSpec,
    PiecewiseSpec,
    PlateauSpec,
)


def at_steps(spec, *steps: int) -> list[float]:
    return [spec.at(Progress(step=step, epoch=0)) for step in steps]


def at_epochs(spec, *epochs: int) -> list[float]:
    return [spec.at(Progress(step=0, epoch=epoch)) for epoch in epochs]


def after(spec, *validation: float, higher: bool = False) -> float:
    return spec.at(Progress(step=0, epoch=0, validation=validation, higher=higher))


def test_a_constant_stays():
    assert at_steps(ConstantSpec(value=0.3), 0, 10**6) == [0.3, 0.3]


def test_a_line_is_flat_before_and_after():
    spec = LinearSpec(start=0.001, end=1.0, begin=1000, finish=8000)
    assert at_steps(spec, 0, 1000, 4500, 8000, 10**6) == pytest.approx([0.001, 0.001, 0.5005, 1.0, 1.0])
    assert at_epochs(LinearSpec(finish=4, by="epoch"), 0, 1, 4) == pytest.approx([0.0, 0.25, 1.0])


def test_a_line_of_no_length_is_a_step():
    assert at_steps(LinearSpec(begin=5, finish=5), 4, 5, 6) == [0.0, 0.0, 1.0]


def test_a_cosine_passes_its_middle_half_way():
    spec = CosineSpec(start=1.0, end=0.2, begin=10, finish=20)
    assert at_steps(spec, 0, 10, 15, 20, 99) == pytest.approx([1.0, 1.0, 0.6, 0.2, 0.2])


def test_an_exponential_begins_after_the_epoch_that_is_named():
    spec = ExponentialSpec(start=0.001, factor=0.97, begin=10)
    assert at_epochs(spec, 0, 9, 10, 12) == pytest.approx([0.001, 0.001, 0.00097, 0.001 * 0.97**3])
    assert at_steps(ExponentialSpec(start=1.0, factor=0.5, by="step"), 0, 1, 2) == [1.0, 0.5, 0.25]


def test_a_plateau_divides_whenever_the_best_so_far_is_not_beaten():
    spec = PlateauSpec(start=1.0)
    assert after(spec) == 1.0
    assert after(spec, 5.0, 4.0, 3.0) == 1.0
    assert after(spec, 5.0, 4.0, 4.0) == pytest.approx(1 / 1.5)
    assert after(spec, 5.0, 4.0, 4.5, 4.2, 3.0) == pytest.approx(1 / 1.5**2)
    assert after(spec, 0.5, 0.4, 0.6, higher=True) == pytest.approx(1 / 1.5)
    assert after(spec, float("nan"), 3.0) == pytest.approx(1 / 1.5)


def test_a_plateau_waits_as_long_as_its_patience_and_stops_at_the_smallest():
    spec = PlateauSpec(start=1.0, divisor=10.0, patience=2, smallest=0.05)
    assert [after(spec, *[1.0] * count) for count in range(1, 7)] == [1.0, 1.0, 0.1, 0.1, 0.05, 0.05]


def test_pieces_change_at_their_boundaries():
    spec = PiecewiseSpec(values=(1.0, 0.1, 0.01), boundaries=(3, 5))
    assert at_epochs(spec, 0, 2, 3, 4, 5, 9) == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]


def test_pieces_that_do_not_match_are_mistakes():
    with pytest.raises(Mistake, match="`values` must be one more than `boundaries`, but are 2 and 2"):
        at_epochs(PiecewiseSpec(values=(1.0, 0.1), boundaries=(3, 5)), 0)
    with pytest.raises(Mistake, match=r"`boundaries` must rise, but are \(5, 3\)"):
        at_epochs(PiecewiseSpec(values=(1.0, 0.1, 0.01), boundaries=(5, 3)), 0)
