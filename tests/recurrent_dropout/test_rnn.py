import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.moon import MoonSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.rnn import RnnSpec
from dovetail_recurrent_dropout.update import UpdateSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
SCHEMES = [UpdateSpec, MoonSpec, GalSpec]


def make(dropout=None, activation="tanh"):
    torch.manual_seed(0)
    cell = RnnSpec(hidden=HIDDEN, dropout=dropout, init=0.9, activation=activation).build(input=Vector(INPUT)).double()
    xs = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64, requires_grad=True)
    return cell, xs, torch.randn(BATCH, HIDDEN, dtype=torch.float64)


def gradients(ys, xs, module):
    target = torch.linspace(-1, 1, ys.numel(), dtype=ys.dtype).view_as(ys)
    return torch.autograd.grad(((ys - target) ** 2).sum(), [xs, *module.parameters()])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("dropout", [None, UpdateSpec(rate=0.0), MoonSpec(rate=0.0), GalSpec(rate=0.0)])
def test_without_dropout_it_is_pytorchs_rnn(dropout, activation):
    cell, xs, h = make(dropout, activation)
    peer = torch.nn.RNN(INPUT, HIDDEN, nonlinearity=activation, batch_first=True).double()
    peer.load_state_dict({f"{name}_l0": value for name, value in cell.weights.state_dict().items()})
    ours, (h_ours,) = cell(xs, (h,))
    theirs, h_theirs = peer(xs, h[None])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    torch.testing.assert_close(h_ours, h_theirs[0], rtol=0, atol=1e-10)
    for mine, other in zip(gradients(ours, xs, cell), gradients(theirs, xs, peer), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sampling", ["step", "sequence"])
def test_every_scheme_drops_the_previous_hidden_state(scheme, sampling):
    """Eq. 3.3.4, with masks drawn in the test."""
    cell, xs, h = make(scheme(rate=0.4, sampling=sampling))
    torch.manual_seed(5)
    ys, (after, *_) = cell(xs, (h,))
    torch.manual_seed(5)
    masks = bernoulli(TIME if sampling == "step" else 1, (BATCH, HIDDEN), 0.6, xs).expand(TIME, BATCH, HIDDEN)
    weights = cell.weights
    for time in range(TIME):
        recurrent = (masks[time] * h) @ weights.weight_hh.T + weights.bias_hh
        h = torch.tanh(xs[:, time] @ weights.weight_ih.T + weights.bias_ih + recurrent)
        torch.testing.assert_close(ys[:, time], h, rtol=0, atol=1e-12)
    torch.testing.assert_close(after, h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_evaluation_scales_the_previous_hidden_state(scheme):
    cell, xs, h = make(scheme(rate=0.4))
    plain, _, _ = make()
    with torch.no_grad():
        plain.weights.weight_hh.mul_(0.6)
    torch.testing.assert_close(cell.eval()(xs, (h,)), plain(xs, (h,)), rtol=0, atol=1e-12)
