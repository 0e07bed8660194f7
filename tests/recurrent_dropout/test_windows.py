"""The fused windows against the cells' plain steps, and against finite differences."""

import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout import gru, lstm, rnn
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.moon import MoonSpec
from dovetail_recurrent_dropout.rnn import RnnSpec
from dovetail_recurrent_dropout.several import SeveralSpec
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_recurrent_dropout.zoneout import ZoneoutSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
CELLS = {
    "rnn": (RnnSpec, {}),
    "lstm": (LstmSpec, {}),
    "gru-before": (GruSpec, {"reset": "before"}),
    "gru-after": (GruSpec, {"reset": "after"}),
}
COVERED = {
    "none": None,
    "update": UpdateSpec(rate=0.4, scale="training"),
    "gal": GalSpec(rate=0.4, sampling="step", scale="training"),
    "moon": MoonSpec(rate=0.4, scale="training"),
    "all three": SeveralSpec(schemes=(UpdateSpec(rate=0.4), GalSpec(rate=0.4), MoonSpec(rate=0.4))),
}
LEFT = {
    "untied": {"dropout": GalSpec(masks="untied")},
    "zoneout": {"dropout": ZoneoutSpec()},
    "norm": {"layer_norm": True},
}
each_cell = pytest.mark.parametrize("name", CELLS)
each_scheme = pytest.mark.parametrize("dropout", COVERED.values(), ids=COVERED)


def make(name, dtype=torch.float64, sizes=(INPUT, HIDDEN), **options):
    """A cell, inputs and a memory."""
    torch.manual_seed(0)
    spec, more = CELLS[name]
    features, hidden = sizes
    cell = spec(hidden=hidden, init=options.pop("init", 0.9), **more, **options).build(input=Vector(features)).to(dtype)
    xs = torch.randn(BATCH, TIME, features, dtype=dtype, requires_grad=True)
    memories = 2 if name == "lstm" else 1
    return cell, xs, [torch.randn(BATCH, hidden, dtype=dtype, requires_grad=True) for _ in range(memories)]


def plain(cell, name, **options):
    """The same cell without its window."""
    spec, more = CELLS[name]
    hidden = cell.output.size
    other = spec(hidden=hidden, fused=False, **more, **options).build(input=Vector(cell.site.input))
    other.load_state_dict(cell.state_dict())
    return other.to(cell.weights.weight_hh.dtype).train(cell.training)


def run(cell, xs, memory):
    """All outputs, and the gradients of all inputs and parameters for a loss that reads every output."""
    torch.manual_seed(4)
    ys, state = cell(xs, tuple(memory))
    outputs = [ys, *state[: len(memory)]]
    loss = sum((part * torch.linspace(-1, 1, part.numel(), dtype=xs.dtype).view_as(part)).sum() for part in outputs)
    return [*outputs, *torch.autograd.grad(loss, [xs, *memory, *cell.parameters()])]


@pytest.fixture
def windows(monkeypatch):
    """How often a window ran."""
    ran = []
    for module, window in ((rnn, "RnnWindow"), (lstm, "LstmWindow"), (gru, "GruWindow")):
        kind = getattr(module, window)

        class Counting(kind):
            @staticmethod
            def apply(*inputs, kind=kind):
                ran.append(kind)
                return kind.apply(*inputs)

        monkeypatch.setattr(module, window, Counting)
    return ran


@each_cell
@each_scheme
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("training", [True, False])
def test_a_window_has_the_outputs_and_gradients_of_plain_steps(name, dropout, activation, training, windows):
    cell, xs, memory = make(name, dropout=dropout, activation=activation)
    cell.train(training)
    ours = run(cell, xs, memory)
    assert len(windows) == 1
    theirs = run(plain(cell, name, dropout=dropout, activation=activation), xs, memory)
    assert len(windows) == 1
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


@each_cell
def test_in_single_precision_they_agree_to_five_digits(name):
    cell, xs, memory = make(name, torch.float32, sizes=(50, 70), dropout=UpdateSpec(), init=None)
    for mine, other in zip(
        run(cell, xs, memory), run(plain(cell, name, dropout=UpdateSpec()), xs, memory), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


@each_cell
@each_scheme
def test_a_window_equals_repeated_steps_gradients_included(name, dropout):
    cell, xs, memory = make(name, dropout=dropout)
    state = cell.renew(tuple(memory))
    target = torch.linspace(-1, 1, BATCH * TIME * HIDDEN, dtype=xs.dtype).view(BATCH, TIME, HIDDEN)
    wanted = [xs, *memory, *cell.parameters()]
    torch.manual_seed(4)
    together, _ = cell(xs, state)
    torch.manual_seed(4)
    ys = []
    for x in xs.unbind(1):
        y, state = cell.step(x, state)
        ys.append(y)
    in_turn = torch.stack(ys, 1)
    torch.testing.assert_close(together, in_turn, rtol=0, atol=1e-10)
    gradients = (torch.autograd.grad((out * target).sum(), wanted) for out in (together, in_turn))
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


@each_cell
@each_scheme
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_backward_pass_is_that_of_finite_differences(name, dropout, activation):
    cell, xs, memory = make(name, dropout=dropout, activation=activation)
    names, parameters = zip(*cell.named_parameters(), strict=True)

    def outputs(xs, *values):
        torch.manual_seed(3)
        start, values = values[: len(memory)], values[len(memory) :]
        ys, state = torch.func.functional_call(cell, dict(zip(names, values, strict=True)), (xs, start))
        return ys, *state[: len(memory)]

    assert torch.autograd.gradcheck(outputs, (xs, *memory, *parameters))


@each_cell
@pytest.mark.parametrize("options", LEFT.values(), ids=LEFT)
def test_what_a_window_does_not_cover_runs_step_by_step(name, options, windows):
    cell, xs, memory = make(name, **options)
    ours = run(cell, xs, memory)
    for mine, other in zip(ours, run(plain(cell, name, **options), xs, memory), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    assert len(windows) == (name == "rnn" and "untied" in str(options))  # one gate has one mask


@each_cell
def test_under_autocast_it_runs_step_by_step(name, windows):
    cell, xs, _ = make(name, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ys, _ = cell(xs)
    assert not windows
    torch.testing.assert_close(ys.float(), cell(xs)[0], rtol=0.1, atol=0.1)


@each_cell
def test_second_derivatives_are_refused_by_a_window_and_made_by_plain_steps(name):
    cell, xs, _ = make(name)
    with pytest.raises(RuntimeError, match=r"a fused window has first derivatives only, .* `fused = false`"):
        torch.autograd.grad(cell(xs)[0].sum(), xs, create_graph=True)
    (first,) = torch.autograd.grad(plain(cell, name)(xs)[0].sum(), xs, create_graph=True)
    first.square().sum().backward()
    assert xs.grad.abs().sum() > 0


@each_cell
def test_the_graph_can_be_walked_twice_and_an_output_changed_in_place_is_noticed(name):
    cell, xs, _ = make(name, dropout=UpdateSpec(sampling="sequence"))
    ys, _ = cell(xs, cell.initial_state(BATCH))
    first, again = (torch.autograd.grad(ys.sum(), xs, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, again)
    ys.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        ys.sum().backward()


@each_cell
def test_inputs_that_need_no_gradient_get_none(name):
    cell, xs, memory = make(name)
    cell(xs.detach(), tuple(part.detach() for part in memory))[0].sum().backward()
    assert xs.grad is None
    assert all(parameter.grad is not None for parameter in cell.parameters())
    with torch.no_grad():
        assert not cell(xs)[0].requires_grad


@each_cell
def test_the_order_of_the_batch_does_not_matter_to_a_window(name):
    cell, xs, memory = make(name)
    order = torch.tensor([1, 0])
    turned = cell(xs[order], tuple(part[order] for part in memory))[0]
    torch.testing.assert_close(turned, cell(xs, tuple(memory))[0][order], rtol=0, atol=1e-12)
