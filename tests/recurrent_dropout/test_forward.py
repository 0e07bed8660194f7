import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.forward import ForwardSpec
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.noise import bernoulli
from dovetail_recurrent_dropout.rnn import RnnSpec

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
each = pytest.mark.parametrize("cell", [RnnSpec, LstmSpec, GruSpec])


def pair(cell, **options):
    """A cell with forward dropout, the same without, and inputs."""
    torch.manual_seed(0)
    with_dropout = cell(hidden=HIDDEN, dropout=ForwardSpec(**options)).build(input=Vector(INPUT)).double()
    without = cell(hidden=HIDDEN).build(input=Vector(INPUT)).double()
    without.load_state_dict(with_dropout.state_dict())
    return with_dropout, without, torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)


@each
def test_inputs_and_outputs_are_dropped_and_the_recurrence_is_not(cell):
    ours, plain, xs = pair(cell, input=0.2, output=0.5)
    torch.manual_seed(5)
    ys, state = ours(xs)
    torch.manual_seed(5)
    ends = [(bernoulli(1, (BATCH, INPUT), 0.8, xs), bernoulli(1, (BATCH, HIDDEN), 0.5, xs)) for _ in range(TIME)]
    on_inputs, on_outputs = (torch.cat(masks).transpose(0, 1) for masks in zip(*ends, strict=True))
    undropped, state_expected = plain(xs * on_inputs)
    torch.testing.assert_close(ys, undropped * on_outputs, rtol=0, atol=1e-12)
    torch.testing.assert_close(state[0], state_expected[0], rtol=0, atol=1e-12)


@each
@pytest.mark.parametrize("scale", ["training", "test"])
def test_evaluation_scales_both_ends_or_neither(cell, scale):
    ours, plain, xs = pair(cell, input=0.2, output=0.5, scale=scale)
    over_input, over_output = (0.8, 0.5) if scale == "test" else (1.0, 1.0)
    expected = over_output * plain(over_input * xs)[0]
    torch.testing.assert_close(ours.eval()(xs)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("options", "dropped"), [({"input": 0.0}, "output"), ({"output": 0.0}, "input")])
def test_a_rate_of_zero_leaves_its_end_alone(options, dropped):
    ours, plain, _ = pair(LstmSpec, **options)
    xs = torch.ones(50, 3, INPUT, dtype=torch.float64)
    ys, (h, _) = ours(xs)
    assert (ys == 0).any().item() == (dropped == "output")
    assert torch.equal(h, plain(xs)[1][0]) == (dropped == "output")


@each
def test_a_mask_a_sequence_is_the_same_at_every_step(cell):
    ours, plain, xs = pair(cell, sampling="sequence")
    state = ours.initial_state(BATCH)
    on_inputs, on_outputs = state[-2:]
    assert (on_inputs.shape, on_outputs.shape) == ((BATCH, INPUT), (BATCH, HIDDEN))
    expected = plain(xs * on_inputs[:, None])[0] * on_outputs[:, None]
    torch.testing.assert_close(ours(xs, state)[0], expected, rtol=0, atol=1e-12)
