"""PyTorch's recurrences as cells."""

import pytest
import torch
from torch import nn

from dovetail.spaces import Vector
from dovetail_standard.cells import FusedCell, GruSpec, LstmSpec, RnnSpec

SPECS = [RnnSpec(hidden=7), RnnSpec(hidden=7, activation="relu"), LstmSpec(hidden=7), GruSpec(hidden=7)]
DEEP = [RnnSpec(hidden=7, layers=4), LstmSpec(hidden=7, layers=4), GruSpec(hidden=7, layers=4)]


@pytest.mark.parametrize("spec", SPECS + DEEP)
def test_all_steps_at_once_equal_one_step_after_another(spec):
    cell = spec.build(input=Vector(5))
    xs = torch.randn(2, 3, 5)
    at_once, last = cell(xs)
    state, ys = cell.initial_state(2), []
    for x in xs.unbind(1):
        y, state = cell.step(x, state)
        ys.append(y)
    assert cell.output == Vector(7)
    torch.testing.assert_close(torch.stack(ys, dim=1), at_once)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("spec", DEEP)
def test_the_states_first_axis_is_the_batch(spec):
    cell = spec.build(input=Vector(5))
    xs = torch.randn(2, 3, 5)
    _, state = cell(xs)
    assert all(part.shape == (2, 4, 7) for part in state)
    swapped = tuple(part[[1, 0]] for part in state)
    more = torch.randn(2, 3, 5)
    torch.testing.assert_close(cell(more[[1, 0]], swapped)[0], cell(more, state)[0][[1, 0]])


def test_an_lstm_gives_what_pytorchs_lstm_gives():
    cell = LstmSpec(hidden=7, layers=2).build(input=Vector(5))
    reference = nn.LSTM(5, 7, 2, batch_first=True)
    reference.load_state_dict(cell.recurrence.state_dict())
    xs = torch.randn(2, 3, 5)
    ys, (h, c) = reference(xs)
    mine, state = cell(xs)
    torch.testing.assert_close(mine, ys)
    torch.testing.assert_close(state, (h.transpose(0, 1), c.transpose(0, 1)))


def test_an_elman_cell_by_hand():
    cell = RnnSpec(hidden=1).build(input=Vector(1))
    with torch.no_grad():
        for weight, value in zip(cell.parameters(), (2.0, 0.5, 0.1, 0.0), strict=True):
            weight.fill_(value)
    y, _ = cell.step(torch.tensor([[0.3]]), (torch.tensor([[[0.4]]]),))
    assert y.item() == pytest.approx(torch.tanh(torch.tensor(2 * 0.3 + 0.5 * 0.4 + 0.1)).item())


def test_the_initial_state_follows_the_parameters_type():
    cell = LstmSpec(hidden=7).build(input=Vector(5)).double()
    assert all(part.dtype == torch.float64 for part in cell.initial_state(2))
    assert cell(torch.randn(2, 3, 5, dtype=torch.float64))[0].dtype == torch.float64


def test_a_cell_of_two_directions_is_refused():
    with pytest.raises(ValueError, match="`recurrence` must be batch-first and of one direction"):
        FusedCell(recurrence=nn.GRU(5, 7, batch_first=True, bidirectional=True))


def test_a_cell_without_units_is_refused():
    with pytest.raises(ValueError, match=r"`hidden` must be in \[1, inf\), but is 0"):
        LstmSpec(hidden=0)
