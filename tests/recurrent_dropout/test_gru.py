import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.moon import MoonDropout, MoonSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.update import UpdateDropout, UpdateSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
ONE = torch.ones(TIME, BATCH, 1, HIDDEN, dtype=torch.float64)
NONE = [None, UpdateSpec(rate=0.0), MoonSpec(rate=0.0), GalSpec(rate=0.0)]


def by_hand(cell, xs, h, *, hidden=ONE, candidate=ONE, memory=ONE, reset="before", f=torch.tanh):
    """Eq. 2.2.7–2.2.9, with the thesis's z. Shape: masks (time, batch, 1 or 3, hidden)."""
    w, u = cell.weights.weight_ih.chunk(3), cell.weights.weight_hh.chunk(3)
    b, d = cell.weights.bias_ih.chunk(3), cell.weights.bias_hh.chunk(3)
    ys = []
    for x, over_h, over_g, over_m in zip(xs.unbind(1), hidden, candidate, memory, strict=True):
        dropped = [h * over_h[:, gate if over_h.shape[1] > 1 else 0] for gate in range(3)]
        r = torch.sigmoid(x @ w[0].T + b[0] + dropped[0] @ u[0].T + d[0])
        z = torch.sigmoid(-(x @ w[1].T + b[1] + dropped[1] @ u[1].T + d[1]))
        if reset == "before":
            g = f(x @ w[2].T + b[2] + (r * dropped[2]) @ u[2].T + d[2])
        else:
            g = f(x @ w[2].T + b[2] + r * (dropped[2] @ u[2].T + d[2]))
        h = over_m[:, 0] * ((1 - z) * h + z * (over_g[:, 0] * g))
        ys.append(h)
    return torch.stack(ys, 1), (h,)


def make(dropout=None, **hyperparameters):
    torch.manual_seed(0)
    cell = GruSpec(hidden=HIDDEN, dropout=dropout, init=0.9, **hyperparameters).build(input=Vector(INPUT)).double()
    xs = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64, requires_grad=True)
    return cell, xs, torch.randn(BATCH, HIDDEN, dtype=torch.float64)


def gradients(ys, xs, module):
    target = torch.linspace(-1, 1, ys.numel(), dtype=ys.dtype).view_as(ys)
    return torch.autograd.grad(((ys - target) ** 2).sum(), [xs, *module.parameters()])


@pytest.mark.parametrize("dropout", NONE)
def test_without_dropout_and_with_a_late_reset_it_is_pytorchs_gru(dropout):
    cell, xs, h = make(dropout, reset="after")
    peer = torch.nn.GRU(INPUT, HIDDEN, batch_first=True).double()
    peer.load_state_dict({f"{name}_l0": value for name, value in cell.weights.state_dict().items()})
    ours, (h_ours,) = cell(xs, (h,))
    theirs, h_theirs = peer(xs, h[None])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    torch.testing.assert_close(h_ours, h_theirs[0], rtol=0, atol=1e-10)
    for mine, other in zip(gradients(ours, xs, cell), gradients(theirs, xs, peer), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("dropout", NONE)
def test_without_dropout_and_with_an_early_reset_it_is_the_thesis_loop(dropout, activation):
    cell, xs, h = make(dropout, activation=activation)
    ours, theirs = cell(xs, (h,)), by_hand(cell, xs, h, f=getattr(torch, activation))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for mine, other in zip(gradients(ours[0], xs, cell), gradients(theirs[0], xs, cell), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("sampling", ["step", "sequence"])
@pytest.mark.parametrize(
    ("place", "scheme", "options", "places"),
    [
        ("candidate", UpdateSpec, {}, 1),
        ("memory", MoonSpec, {}, 1),
        ("hidden", GalSpec, {"masks": "tied"}, 1),
        ("hidden", GalSpec, {"masks": "untied"}, 3),
    ],
)
def test_masks_act_at_the_schemes_place(*, place, scheme, options, places, sampling, reset):
    cell, xs, h = make(scheme(rate=0.4, sampling=sampling, **options), reset=reset)
    torch.manual_seed(5)
    ys, (after, *_) = cell(xs, (h,))
    torch.manual_seed(5)
    drawn = bernoulli(TIME if sampling == "step" else 1, (BATCH, places, HIDDEN), 0.6, xs)
    masks = drawn.expand(TIME, BATCH, places, HIDDEN)
    expected, (h_expected,) = by_hand(cell, xs, h, reset=reset, **{place: masks})
    torch.testing.assert_close(ys, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(after, h_expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dropout", "decay"), [(MoonDropout, 0.75**6), (UpdateDropout, 1.0)])
def test_with_a_closed_update_gate_only_moons_memory_decays(dropout, decay):
    """The GRU's copy of section 3.3.4's argument: h_t = h_{t-1} where z is zero."""
    cell = GruSpec(hidden=HIDDEN).build(input=Vector(1))
    cell.dropout = dropout(rate=0.25, sampling="step", scale="test")
    with torch.no_grad():
        cell.weights.bias_ih[HIDDEN : 2 * HIDDEN] = 1e3
    ys, _ = cell.eval()(torch.zeros(BATCH, 6, 1), (torch.full((BATCH, HIDDEN), 5.0),))
    torch.testing.assert_close(ys[:, -1], torch.full((BATCH, HIDDEN), 5.0 * decay))
