import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.rnn import RnnSpec
from dovetail_recurrent_dropout.zoneout import ZoneoutSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3


def make(cell, /, **options):
    torch.manual_seed(0)
    module = cell(hidden=HIDDEN, dropout=ZoneoutSpec(**options), init=0.9).build(input=Vector(INPUT)).double()
    return module, torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)


def loop(cell, xs, stay_h, stay_c):
    """Zoneout of Krueger et al. over PyTorch's cell. Shape: stays (time, batch, hidden)."""
    peer = torch.nn.LSTMCell(INPUT, HIDDEN).double()
    peer.load_state_dict(cell.weights.state_dict())
    h = c = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    ys = []
    for x, d_h, d_c in zip(xs.unbind(1), stay_h, stay_c, strict=True):
        new_h, new_c = peer(x, (h, c))
        h, c = d_h * h + (1 - d_h) * new_h, d_c * c + (1 - d_c) * new_c
        ys.append(h)
    return torch.stack(ys, 1), c


def test_in_training_an_lstms_units_keep_their_values_each_memory_at_its_own_rate():
    cell, xs = make(LstmSpec, hidden=0.3, cell=0.6)
    torch.manual_seed(5)
    ys, (_, c) = cell(xs)
    torch.manual_seed(5)
    stays = [[bernoulli(1, (BATCH, HIDDEN), rate, xs)[0] for rate in (0.3, 0.6)] for _ in range(TIME)]
    expected, c_expected = loop(cell, xs, *zip(*stays, strict=True))
    torch.testing.assert_close(ys, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(c, c_expected, rtol=0, atol=1e-12)


def test_at_test_time_the_masks_are_what_they_are_in_the_mean():
    cell, xs = make(LstmSpec, hidden=0.3, cell=0.6)
    expected, c_expected = loop(cell, xs, [0.3] * TIME, [0.6] * TIME)
    ys, (_, c) = cell.eval()(xs)
    torch.testing.assert_close(ys, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(c, c_expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("hidden", "cell"), [(0.0, 0.5), (0.5, 0.0)])
def test_a_memory_whose_rate_is_zero_always_moves(hidden, cell):
    module, xs = make(LstmSpec, hidden=hidden, cell=cell)
    state = (torch.full((BATCH, HIDDEN), 7.0, dtype=torch.float64),) * 2
    stayed = [False, False]
    for _ in range(10):
        _, after = module.step(xs[:, 0], state)
        stayed = [was or bool((part == 7.0).any()) for was, part in zip(stayed, after, strict=True)]
    assert stayed == [hidden > 0, cell > 0]


@pytest.mark.parametrize("cell", [RnnSpec, GruSpec])
def test_a_cell_with_one_memory_does_not_read_the_rate_of_c(cell):
    module, xs = make(cell, hidden=0.3, cell=0.6)
    other, _ = make(cell, hidden=0.3, cell=0.1)
    torch.manual_seed(3)
    first = module(xs)[0]
    torch.manual_seed(3)
    assert torch.equal(first, other(xs)[0])


@pytest.mark.parametrize("cell", [RnnSpec, LstmSpec, GruSpec])
def test_with_one_mask_a_sequence_a_unit_that_stays_stays_throughout(cell):
    module, xs = make(cell, hidden=0.5, cell=0.5, sampling="sequence")
    ys, state = module(xs, module.initial_state(BATCH))
    stays = state[2 if cell is LstmSpec else 1] == 1
    assert 0 < stays.sum() < stays.numel()
    assert torch.equal((ys == 0).all(1), stays)
