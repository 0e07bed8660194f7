"""What the schemes have in common, and that a cell takes one that it does not know."""

import inspect
from itertools import product
from pathlib import Path
from typing import final

import attrs
import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.dropout import Dropout, Masks
from dovetail_recurrent_dropout.forward import ForwardSpec
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.gru import GruCell, GruSpec
from dovetail_recurrent_dropout.lstm import LstmCell, LstmSpec
from dovetail_recurrent_dropout.moon import MoonSpec
from dovetail_recurrent_dropout.noise import Noise
from dovetail_recurrent_dropout.rnn import RnnCell, RnnSpec
from dovetail_recurrent_dropout.several import SeveralSpec
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_recurrent_dropout.zoneout import ZoneoutSpec

SCHEMES = (UpdateSpec, MoonSpec, GalSpec)
CELLS = (RnnSpec, LstmSpec, GruSpec)
BATCH, TIME, INPUT, HIDDEN = 2, 3, 5, 7


def zoneout(*, rate, sampling="step", scale="test"):
    return ZoneoutSpec(hidden=rate, cell=rate, sampling=sampling)


def forward(*, rate, **options):
    return ForwardSpec(input=rate, output=rate, **options)


def several(*, rate, **options):
    schemes = [make(rate=rate, **options) for make in (UpdateSpec, GalSpec, forward, zoneout, UpdateSpec)]
    return SeveralSpec(schemes=(*schemes, GalSpec(rate=rate, masks="untied", **options)))


def build(cell, scheme, **hyperparameters):
    torch.manual_seed(1)
    dropout = scheme(rate=0.5, **hyperparameters)
    return cell(hidden=HIDDEN, dropout=dropout, init=1.0).build(input=Vector(INPUT)).double()


def memories(cell):
    return 2 if cell is LstmSpec else 1


def inputs():
    return torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)


each = pytest.mark.parametrize(("cell", "scheme"), list(product(CELLS, (*SCHEMES, zoneout, forward, several))))


@each
@pytest.mark.parametrize("sampling", ["step", "sequence"])
@pytest.mark.parametrize("scale", ["training", "test"])
@pytest.mark.parametrize("training", [True, False])
def test_forward_equals_repeated_step(cell, scheme, sampling, scale, training):
    module = build(cell, scheme, sampling=sampling, scale=scale).train(training)
    xs, state = inputs(), module.initial_state(BATCH)
    torch.manual_seed(2)
    together, after = module(xs, state)
    torch.manual_seed(2)
    for time in range(TIME):
        y, state = module.step(xs[:, time], state)
        torch.testing.assert_close(y, together[:, time], rtol=0, atol=1e-12)
    for ours, theirs in zip(state, after, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@each
@pytest.mark.parametrize("sampling", ["step", "sequence"])
def test_gradients_are_those_of_finite_differences(cell, scheme, sampling):
    module = build(cell, scheme, sampling=sampling)
    names, parameters = zip(*module.named_parameters(), strict=True)

    def run(xs, *values):
        torch.manual_seed(3)
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (xs,))[0]

    assert torch.autograd.gradcheck(run, (inputs().requires_grad_(), *parameters))


@each
def test_evaluation_is_deterministic_and_draws_nothing(cell, scheme):
    module, xs = build(cell, scheme), inputs()
    first, again = (module.eval()(xs)[0] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(module.train()(xs)[0], first)


@pytest.mark.parametrize(("cell", "scheme"), list(product(CELLS, (*SCHEMES, forward))))
def test_training_scaling_leaves_evaluation_as_it_is_without_dropout(cell, scheme):
    with_scheme, xs = build(cell, scheme, scale="training").eval(), inputs()
    without = cell(hidden=HIDDEN).build(input=Vector(INPUT)).double()
    without.load_state_dict(with_scheme.state_dict())
    assert torch.equal(with_scheme(xs)[0], without(xs)[0])


@each
def test_renewing_keeps_the_memory_and_draws_the_masks_of_a_window_anew(cell, scheme):
    module = build(cell, scheme, sampling="sequence")
    count = memories(cell)
    _, state = module(inputs(), module.initial_state(BATCH))
    renewed = module.renew(state)
    assert all(torch.equal(old, new) for old, new in zip(state[:count], renewed[:count], strict=True))
    assert not any(torch.equal(old, new) for old, new in zip(state[count:], renewed[count:], strict=True))
    assert len(module.renew(state[:count])) == len(state) > count


@each
def test_a_state_without_masks_gets_them_in_training_and_one_with_masks_passes_evaluation(cell, scheme):
    module, xs = build(cell, scheme, sampling="sequence"), inputs()
    bare = module.eval().initial_state(BATCH)
    _, state = module.train()(xs, bare)
    assert len(state) > len(bare) == memories(cell)
    from_bare, _ = module.eval()(xs, bare)
    from_masked, after = module(xs, (*bare, *state[len(bare) :]))
    assert torch.equal(from_bare, from_masked)
    assert all(torch.equal(mask, kept) for mask, kept in zip(after[len(bare) :], state[len(bare) :], strict=True))


@each
def test_a_state_can_be_indexed_by_example(cell, scheme):
    module, xs = build(cell, scheme, sampling="sequence"), inputs()
    state = module.initial_state(BATCH)
    turned, order = module(xs, state)[0], torch.tensor([1, 0])
    again, _ = module(xs[order], tuple(part[order] for part in state))
    torch.testing.assert_close(again, turned[order])


@each
def test_building_works_on_the_meta_device(cell, scheme):
    with torch.device("meta"):
        module = cell(hidden=HIDDEN, dropout=scheme(rate=0.5), layer_norm=True).build(input=Vector(INPUT))
    assert module.output == Vector(HIDDEN)
    assert all(parameter.is_meta for parameter in module.parameters())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_rate_of_one_is_refused(scheme):
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\), but is 1.0"):
        scheme(rate=1.0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_with_no_units_or_no_range_of_weights_is_refused(cell):
    with pytest.raises(ValueError, match=r"`hidden` must be in \[1, inf\), but is 0"):
        cell(hidden=0)
    with pytest.raises(ValueError, match=r"`init` must be in \(0, inf\), but is 0.0"):
        cell(init=0.0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("init", "bound"), [(None, HIDDEN**-0.5), (0.05, 0.05)])
def test_weights_and_biases_start_in_their_range(cell, init, bound):
    for parameter in cell(hidden=HIDDEN, init=init).build(input=Vector(INPUT)).parameters():
        assert 0 < parameter.abs().max() <= bound


@final
class Inertia(Dropout):
    """A scheme that no cell here was written for: memories that stay as they were."""

    def __init__(self, rate):
        super().__init__()
        self.noise = Noise(success=rate, sampling="step", expected=rate)

    def carries(self, site):
        return self.noise.carries

    def carried(self, site, memory):
        return self.noise.carried(memory, (site.memories,))

    def forward(self, site, memory, steps, carried):
        return Masks(stay=self.noise(memory, steps, carried, (site.memories,)))


@pytest.mark.parametrize(("cell", "memories"), [(RnnCell, 1), (LstmCell, 2), (GruCell, 1)])
def test_a_third_partys_scheme_works_in_every_cell(cell, memories):
    torch.manual_seed(0)
    module = cell(input=INPUT, hidden=HIDDEN, dropout=Inertia(0.5), init=1.0)
    plain = cell(input=INPUT, hidden=HIDDEN)
    plain.load_state_dict(module.state_dict())
    state = tuple(torch.randn(BATCH, HIDDEN) for _ in range(memories))
    x = torch.randn(BATCH, INPUT)
    _, moved = plain.step(x, state)
    _, zoned = module.step(x, state)
    _, mean = module.eval().step(x, state)
    patterns = set()
    for old, new, ours, between in zip(state, moved, zoned, mean, strict=True):
        stays = torch.isclose(ours, old)
        assert 0 < stays.sum() < stays.numel()
        torch.testing.assert_close(ours[~stays], new[~stays])
        torch.testing.assert_close(between, (old + new) / 2)
        patterns.add(tuple(stays.flatten().tolist()))
    assert len(patterns) == memories  # each memory has a mask of its own


@pytest.mark.parametrize("spec", [*SCHEMES, ForwardSpec, SeveralSpec, ZoneoutSpec, *CELLS])
def test_every_hyperparameter_is_explained(spec):
    source = Path(inspect.getsourcefile(spec)).read_text(encoding="utf-8").splitlines()
    for attribute in attrs.fields(spec):
        line = next(n for n, text in enumerate(source) if text.startswith(f"    {attribute.name}:"))
        assert source[line + 1].startswith('    """'), attribute.name
