import pytest
import torch

from dovetail import notes
from dovetail.notes import collect


def test_losses_of_one_name_are_added_up_and_keep_their_gradient():
    weight = torch.tensor(2.0, requires_grad=True)
    with collect() as noted:
        notes.loss("kl", weight * 3)
        notes.loss("kl", weight)
        notes.loss("cover", torch.tensor(1.0))
    assert {name: value.item() for name, value in noted.losses.items()} == {"kl": 8.0, "cover": 1.0}
    noted.losses["kl"].backward()
    assert weight.grad == 4.0


def test_nothing_happens_where_nobody_listens():
    notes.loss("kl", torch.tensor(1.0))
    notes.exhibit("weights", torch.zeros(2))
    with collect(exhibits=True) as later:
        pass
    assert (later.losses, later.exhibits) == ({}, {})


def test_exhibits_are_kept_in_order_and_detached_only_when_asked_for():
    with collect(exhibits=True) as asked:
        notes.exhibit("w", torch.ones(1, requires_grad=True))
        notes.exhibit("w", torch.zeros(1))
    with collect() as not_asked:
        notes.exhibit("w", torch.ones(1))
    assert [float(value) for value in asked.exhibits["w"]] == [1.0, 0.0]
    assert not asked.exhibits["w"][0].requires_grad
    assert not_asked.exhibits == {}


def test_the_innermost_collect_takes_a_note_and_the_outer_goes_on_afterwards():
    with collect() as outer:
        with collect() as inner:
            notes.loss("a", torch.tensor(1.0))
        notes.loss("b", torch.tensor(2.0))
    assert (set(inner.losses), set(outer.losses)) == ({"a"}, {"b"})


def test_collecting_ends_with_an_error_too():
    with pytest.raises(KeyError), collect() as noted:
        raise KeyError
    notes.loss("a", torch.tensor(1.0))
    assert noted.losses == {}
