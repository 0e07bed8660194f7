from itertools import permutations

import pytest
import torch

import dovetail
from dovetail import Vector
from dovetail_recurrent_dropout.dropout import Masks, Site
from dovetail_recurrent_dropout.forward import ForwardSpec
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.moon import MoonSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.several import SeveralSpec, joined
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_recurrent_dropout.zoneout import ZoneoutSpec

SITE = Site(input=5, gates=4, memories=2)
MEMORY = torch.zeros(2, 3, dtype=torch.float64)


def make(*schemes):
    return SeveralSpec(schemes=schemes).build()


def test_each_scheme_acts_at_its_place():
    dropout = make(UpdateSpec(), GalSpec(sampling="step"), MoonSpec(sampling="step"), ZoneoutSpec(), ForwardSpec())
    masks = dropout(SITE, MEMORY, 7, ())
    shapes = [tuple(mask.shape) for mask in masks]
    assert shapes == [(7, 2, 1, 3), (7, 2, 3), (7, 2, 3), (7, 2, 2, 3), (7, 2, 5), (7, 2, 3)]


def test_several_within_several_draw_the_same_in_a_window_as_step_by_step():
    inner = SeveralSpec(schemes=(UpdateSpec(), GalSpec(sampling="sequence")))
    dropout = make(inner, MoonSpec(sampling="step"))
    carried = dropout.carried(SITE, MEMORY)
    torch.manual_seed(0)
    window = dropout(SITE, MEMORY, 5, carried)
    torch.manual_seed(0)
    steps = [dropout(SITE, MEMORY, 1, carried) for _ in range(5)]
    for mask, each in zip(window[:3], zip(*steps, strict=True), strict=False):
        assert torch.equal(mask, torch.cat(each))


def test_masks_at_one_place_are_multiplied():
    torch.manual_seed(0)
    masks = make(UpdateSpec(rate=0.5), UpdateSpec(rate=0.25, sampling="sequence"))(
        SITE, MEMORY, 4, (torch.tensor([[1.0, 0, 1], [0, 0, 1]]),)
    )
    torch.manual_seed(0)
    first = bernoulli(4, (2, 3), 0.5, MEMORY)
    assert torch.equal(masks.candidate, first * torch.tensor([[1.0, 0, 1], [0, 0, 1]]))


def test_a_mask_for_all_gates_joins_masks_for_each():
    tied, untied = torch.tensor([1.0, 0]).view(1, 1, 1, 2), torch.arange(8.0).view(1, 1, 4, 2)
    assert torch.equal(joined(Masks(hidden=tied), Masks(hidden=untied)).hidden, tied * untied)


def test_a_memory_stays_where_either_lets_it_stay():
    a, b = torch.tensor([0.0, 0, 1, 1]), torch.tensor([0.0, 1, 0, 1])
    assert joined(Masks(stay=a), Masks(stay=b)).stay.tolist() == [0, 1, 1, 1]
    assert joined(Masks(stay=a), Masks()).stay is a


def test_in_the_mean_training_has_what_evaluation_has():
    torch.manual_seed(0)
    dropout = make(UpdateSpec(rate=0.5), UpdateSpec(rate=0.25), ZoneoutSpec(hidden=0.2, cell=0.4), ZoneoutSpec())
    drawn, stands = dropout(SITE, MEMORY, 20_000, ()), dropout.eval()(SITE, MEMORY, 1, ())
    torch.testing.assert_close(drawn.candidate.mean(0), stands.candidate[0], rtol=0, atol=0.02)
    torch.testing.assert_close(drawn.stay.mean(0), stands.stay[0], rtol=0, atol=0.02)


def test_each_scheme_gets_the_masks_that_it_drew_for_the_sequence():
    schemes = [GalSpec(masks="untied"), UpdateSpec(sampling="step"), MoonSpec(), UpdateSpec(rate=0.0)]
    for order in permutations(schemes):
        dropout = make(*order)
        carried = dropout.carried(SITE, MEMORY)
        masks = dropout(SITE, MEMORY, 3, carried)
        by_size = {part.ndim: part for part in carried}
        assert len(carried) == dropout.carries(SITE) == 2
        assert torch.equal(masks.hidden[1], by_size[3])
        assert torch.equal(masks.memory[2], by_size[2])


def test_one_scheme_in_it_is_the_scheme_and_none_is_no_dropout():
    xs = torch.randn(2, 4, 5)
    cells = []
    for dropout in (UpdateSpec(), SeveralSpec(schemes=(UpdateSpec(),)), SeveralSpec(), None):
        torch.manual_seed(0)
        cell = LstmSpec(hidden=3, dropout=dropout).build(input=Vector(5))
        torch.manual_seed(1)
        cells.append(cell(xs)[0])
    assert torch.equal(cells[0], cells[1])
    assert torch.equal(cells[2], cells[3])


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_the_rates_of_forward_dropout_and_zoneout_are_checked(rate):
    for spec, name in ((ForwardSpec, "input"), (ForwardSpec, "output"), (ZoneoutSpec, "hidden"), (ZoneoutSpec, "cell")):
        with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\), but is {rate}"):
            spec(**{name: rate})


def test_schemes_can_be_named_in_a_table():
    schemes = [{"use": "recurrent-dropout/gal", "rate": 0.5}, "recurrent-dropout/update"]
    dropout = {"use": "recurrent-dropout/several", "schemes": schemes}
    spec = dovetail.registry().spec("cell", "recurrent-dropout/lstm", dropout=dropout)
    assert spec.dropout == SeveralSpec(schemes=(GalSpec(rate=0.5), UpdateSpec()))
