import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.lstm import LstmCell, LstmSpec
from dovetail_recurrent_dropout.moon import MoonDropout, MoonSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.update import UpdateDropout, UpdateSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
ONE = torch.ones(TIME, BATCH, 1, HIDDEN, dtype=torch.float64)


def by_hand(cell, xs, h, c, *, hidden=ONE, candidate=ONE, memory=ONE, f=torch.tanh):
    """Eq. 3.3.5–3.3.10, gate by gate. Shape: masks (time, batch, 1 or 4, hidden)."""
    weights = cell.weights
    ys = []
    for x, over_h, over_g, over_c in zip(xs.unbind(1), hidden, candidate, memory, strict=True):
        sums = []
        for gate in range(4):
            rows = slice(gate * HIDDEN, (gate + 1) * HIDDEN)
            dropped = h * over_h[:, gate if over_h.shape[1] > 1 else 0]
            bias = weights.bias_ih[rows] + weights.bias_hh[rows]
            sums.append(x @ weights.weight_ih[rows].T + dropped @ weights.weight_hh[rows].T + bias)
        i, forget, g, o = torch.sigmoid(sums[0]), torch.sigmoid(sums[1]), f(sums[2]), torch.sigmoid(sums[3])
        c = over_c[:, 0] * (forget * c + i * (over_g[:, 0] * g))
        h = o * f(c)
        ys.append(h)
    return torch.stack(ys, 1), h, c


def make(dropout=None, **hyperparameters):
    torch.manual_seed(0)
    cell = LstmSpec(hidden=HIDDEN, dropout=dropout, init=0.9, **hyperparameters).build(input=Vector(INPUT)).double()
    xs = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64, requires_grad=True)
    return cell, xs, *torch.randn(2, BATCH, HIDDEN, dtype=torch.float64)


def gradients(ys, xs, module):
    target = torch.linspace(-1, 1, ys.numel(), dtype=ys.dtype).view_as(ys)
    return torch.autograd.grad(((ys - target) ** 2).sum(), [xs, *module.parameters()])


@pytest.mark.parametrize("dropout", [None, UpdateSpec(rate=0.0), GalSpec(rate=0.0), MoonSpec(rate=0.0)])
def test_without_dropout_it_is_pytorchs_lstm(dropout):
    cell, xs, h, c = make(dropout)
    peer = torch.nn.LSTM(INPUT, HIDDEN, batch_first=True).double()
    peer.load_state_dict({f"{name}_l0": value for name, value in cell.weights.state_dict().items()})
    ours, (h_ours, c_ours) = cell(xs, (h, c))
    theirs, (h_theirs, c_theirs) = peer(xs, (h[None], c[None]))
    for mine, other in [(ours, theirs), (h_ours, h_theirs[0]), (c_ours, c_theirs[0])]:
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    for mine, other in zip(gradients(ours, xs, cell), gradients(theirs, xs, peer), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


def test_the_weights_of_pytorchs_cell_load_by_name():
    cell, xs, h, c = make()
    peer = torch.nn.LSTMCell(INPUT, HIDDEN).double()
    cell.weights.load_state_dict(peer.state_dict())
    torch.testing.assert_close(cell.step(xs[:, 0], (h, c))[1], peer(xs[:, 0], (h, c)), rtol=0, atol=1e-10)


def test_it_starts_from_zeros():
    cell, xs, _, _ = make()
    zeros = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    torch.testing.assert_close(cell(xs)[0], by_hand(cell, xs, zeros, zeros)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_nonlinearity_acts_on_candidate_and_memory(activation):
    cell, xs, h, c = make(activation=activation)
    expected, _, _ = by_hand(cell, xs, h, c, f=getattr(torch, activation))
    torch.testing.assert_close(cell(xs, (h, c))[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("place", "dropout"),
    [
        ("candidate", UpdateSpec(rate=0.4, sampling="sequence")),
        ("memory", MoonSpec(rate=0.4)),
        ("hidden", GalSpec(rate=0.4)),
        ("hidden", GalSpec(rate=0.4, masks="untied")),
    ],
)
def test_masks_of_a_sequence_act_as_in_equations_3_3_8_to_3_3_10(place, dropout):
    cell, xs, h, c = make(dropout)
    *_, mask = cell.initial_state(BATCH)
    masks = mask.view(1, BATCH, -1, HIDDEN).expand(TIME, BATCH, -1, HIDDEN)
    assert masks.shape[2] == (4 if getattr(dropout, "masks", "") == "untied" else 1)
    ys, (h_after, c_after, kept) = cell(xs, (h, c, mask))
    for ours, expected in zip((ys, h_after, c_after), by_hand(cell, xs, h, c, **{place: masks}), strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    assert torch.equal(kept, mask)


@pytest.mark.parametrize(
    ("place", "dropout", "places"),
    [
        ("candidate", UpdateSpec(rate=0.4, scale="training"), 1),
        ("memory", MoonSpec(rate=0.4, sampling="step", scale="training"), 1),
        ("hidden", GalSpec(rate=0.4, masks="untied", sampling="step", scale="training"), 4),
    ],
)
def test_masks_of_a_step_act_as_in_equations_3_3_8_to_3_3_10(place, dropout, places):
    cell, xs, h, c = make(dropout)
    torch.manual_seed(5)
    ys, _ = cell(xs, (h, c))
    torch.manual_seed(5)
    masks = bernoulli(TIME, (BATCH, places, HIDDEN), 0.6, xs) / 0.6
    expected, _, _ = by_hand(cell, xs, h, c, **{place: masks})
    torch.testing.assert_close(ys, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("place", "scheme"), [("candidate", UpdateSpec), ("memory", MoonSpec), ("hidden", GalSpec)])
def test_evaluation_scales_by_what_is_kept(place, scheme):
    cell, xs, h, c = make(scheme(rate=0.4))
    expected, _, _ = by_hand(cell, xs, h, c, **{place: 0.6 * ONE})
    torch.testing.assert_close(cell.eval()(xs, (h, c))[0], expected, rtol=0, atol=1e-12)


def open_gates(dropout, units):
    """A cell whose gates are all one, so that c_t = c_{t-1} + g with g = tanh(0.3)."""
    cell = LstmCell(input=1, hidden=units, dropout=dropout).double()
    with torch.no_grad():
        for parameter in cell.weights.parameters():
            parameter.zero_()
        cell.weights.bias_ih.fill_(1e3)
        cell.weights.bias_ih[2 * units : 3 * units] = 0.3
    return cell


@pytest.mark.parametrize("sampling", ["step", "sequence"])
def test_with_open_gates_moons_memory_decays_and_ours_does_not(sampling):
    steps, rate, start, g = 6, 0.25, 5.0, torch.tanh(torch.tensor(0.3)).item()
    keep = 1 - rate
    decayed = keep**steps * start + sum(keep ** (steps - i) * g for i in range(steps))  # Eq. 3.3.14
    held = start + keep * steps * g  # Eq. 3.3.16 with h_0 as it was
    xs = torch.zeros(1, steps, 1, dtype=torch.float64)
    for dropout, expected in [(MoonDropout, decayed), (UpdateDropout, held)]:
        cell = open_gates(dropout(rate=rate, sampling=sampling, scale="test"), units=2)
        state = torch.full((2, 1, 2), start, dtype=torch.float64)
        _, (_, c, *_) = cell.eval()(xs, tuple(state))
        torch.testing.assert_close(c, torch.full_like(c, expected), rtol=1e-6, atol=0)


def test_with_open_gates_the_mean_over_training_masks_is_the_papers():
    steps, start, units, batch = 5, 5.0, 20, 4000
    g = torch.tanh(torch.tensor(0.3)).item()
    xs = torch.zeros(batch, steps, 1, dtype=torch.float64)
    state = tuple(torch.full((2, batch, units), start, dtype=torch.float64))
    expected = {
        (MoonDropout, "step"): 0.5**steps * start + sum(0.5 ** (steps - i) * g for i in range(steps)),
        (MoonDropout, "sequence"): 0.5
        * (start + steps * g),  # half the units keep all, which Eq. 3.3.14 misses at test
        (UpdateDropout, "step"): start + 0.5 * steps * g,
        (UpdateDropout, "sequence"): start + 0.5 * steps * g,
    }
    for (dropout, sampling), mean in expected.items():
        torch.manual_seed(0)
        cell = open_gates(dropout(rate=0.5, sampling=sampling, scale="test"), units)
        with torch.no_grad():
            _, (_, c, *_) = cell(xs, state)
        assert c.mean().item() == pytest.approx(mean, rel=0.02)
