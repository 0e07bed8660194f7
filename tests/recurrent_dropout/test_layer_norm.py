import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.layer_norm import LayerNorm
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.rnn import RnnSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3


def normal(x, scale, shift):
    """Eq. 2.2.10–2.2.13."""
    mu = x.mean(1, keepdim=True)
    variance = ((x - mu) ** 2).mean(1, keepdim=True)
    return scale * (x - mu) / torch.sqrt(variance + 1e-5) + shift


def make(cell, **options):
    torch.manual_seed(0)
    module = cell(hidden=HIDDEN, layer_norm=True, init=0.9, **options).build(input=Vector(INPUT)).double()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, LayerNorm):
                part.scale.uniform_(0.5, 2)
                part.shift.uniform_(-1, 1)
    return module, torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)


def normals(norm):
    """The normalisations of the gates, one by one."""
    pairs = zip(norm.scale.split(HIDDEN), norm.shift.split(HIDDEN), strict=True)
    return [lambda x, scale=scale, shift=shift: normal(x, scale, shift) for scale, shift in pairs]


def parts(cell, gates):
    w = cell.weights
    return zip(
        w.weight_ih.chunk(gates), w.weight_hh.chunk(gates), w.bias_ih.chunk(gates), w.bias_hh.chunk(gates), strict=True
    )


def test_a_row_worked_by_hand():
    norm = LayerNorm(gates=2, hidden=2)
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([1.0, 1, 2, 2]))
        norm.shift.copy_(torch.tensor([0.0, 0, 0, 5]))
    sums = torch.tensor([[1.0, 3, 10, -10]])
    torch.testing.assert_close(norm(sums), torch.tensor([[-1.0, 1, 2, 3]]), rtol=0, atol=1e-4)


def test_it_is_pytorchs_for_one_gate():
    norm, peer = LayerNorm(gates=1, hidden=7), torch.nn.LayerNorm(7)
    x = torch.randn(3, 7)
    torch.testing.assert_close(norm(x), peer(x))


def test_an_rnn_normalises_its_sum():
    cell, xs = make(RnnSpec)
    ((w, u, b, d),) = parts(cell, 1)
    (norm,) = normals(cell.norm)
    h = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    for time, y in enumerate(cell(xs)[0].unbind(1)):
        h = torch.tanh(norm(xs[:, time] @ w.T + b + h @ u.T + d))
        torch.testing.assert_close(y, h, rtol=0, atol=1e-12)


def test_an_lstm_normalises_each_gates_sum_and_what_it_puts_out():
    cell, xs = make(LstmSpec)
    (norm_c,) = normals(cell.norm_memory)
    h = c = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    for time, y in enumerate(cell(xs)[0].unbind(1)):
        i, f, g, o = (
            norm(xs[:, time] @ w.T + b + h @ u.T + d)
            for norm, (w, u, b, d) in zip(normals(cell.norm), parts(cell, 4), strict=True)
        )
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * norm_c(c).tanh()
        torch.testing.assert_close(y, h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_gru_normalises_each_gates_sum(reset):
    cell, xs = make(GruSpec, reset=reset)
    norms = [*normals(cell.norm_gates), *normals(cell.norm_candidate)]
    h = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
    for time, y in enumerate(cell(xs)[0].unbind(1)):
        x = xs[:, time]
        (w0, u0, b0, d0), (w1, u1, b1, d1), (w2, u2, b2, d2) = parts(cell, 3)
        r = norms[0](x @ w0.T + b0 + h @ u0.T + d0).sigmoid()
        z = norms[1](x @ w1.T + b1 + h @ u1.T + d1).sigmoid()
        recurrent = (r * h) @ u2.T + d2 if reset == "before" else r * (h @ u2.T + d2)
        h = (1 - z) * norms[2](x @ w2.T + b2 + recurrent).tanh() + z * h
        torch.testing.assert_close(y, h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", [RnnSpec, LstmSpec, GruSpec])
def test_the_outputs_do_not_change_with_the_scale_of_the_weights(cell):
    """Layer normalisation's claim: sums of weights twice as large are the same sums."""
    module, xs = make(cell)
    before = module(xs)[0]
    with torch.no_grad():
        for parameter in module.weights.parameters():
            parameter.mul_(2)
    torch.testing.assert_close(module(xs)[0], before, rtol=0, atol=1e-3)


@pytest.mark.parametrize("cell", [RnnSpec, LstmSpec, GruSpec])
def test_gradients_are_those_of_finite_differences(cell):
    module, xs = make(cell)
    names, parameters = zip(*module.named_parameters(), strict=True)

    def run(xs, *values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (xs,))[0]

    assert torch.autograd.gradcheck(run, (xs.requires_grad_(), *parameters))


@pytest.mark.parametrize("cell", [RnnSpec, LstmSpec, GruSpec])
def test_scales_start_at_one_and_shifts_at_zero_whatever_the_init(cell):
    module = cell(hidden=HIDDEN, layer_norm=True, init=0.05).build(input=Vector(INPUT))
    norms = [part for part in module.modules() if isinstance(part, LayerNorm)]
    assert norms
    assert all((norm.scale == 1).all() and (norm.shift == 0).all() for norm in norms)
