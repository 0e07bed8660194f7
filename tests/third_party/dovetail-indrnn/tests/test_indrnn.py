"""The cell indrnn/indrnn by hand. Sizes are small and different: a swapped axis fails."""

import dovetail
import pytest
import torch

from dovetail_indrnn.indrnn import IndrnnSpec
from dovetail_indrnn.initialiser import ConstantSpec


@pytest.mark.parametrize(("activation", "apply"), [("relu", lambda v: max(v, 0.0)), ("tanh", torch.tanh)])
def test_it_computes_its_equation(activation, apply):
    cell = IndrnnSpec(hidden=4, activation=activation).build(input=dovetail.Vector(5))
    xs = torch.randn(2, 3, 5)
    ys, (last,) = cell(xs)
    for example in range(2):
        for unit in range(4):
            h = torch.tensor(0.0)
            for time in range(3):
                driven = cell.input.weight[unit] @ xs[example, time] + cell.input.bias[unit]
                h = torch.as_tensor(apply(driven + cell.u[unit] * h))
                assert ys[example, time, unit].item() == pytest.approx(h.item(), abs=1e-5)
            assert last[example, unit].item() == pytest.approx(h.item(), abs=1e-5)


def test_a_unit_reads_no_other_units_state():
    cell = IndrnnSpec(hidden=4, activation="tanh").build(input=dovetail.Vector(5))
    x, state = torch.randn(1, 5), torch.randn(1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda h: cell.step(x, (h,))[0], state)[0, :, 0]
    assert torch.equal(jacobian, jacobian.diagonal().diag())


def test_over_t_steps_the_gradient_grows_by_the_weight_to_the_power_of_t():
    """The claim behind the bounds of the recurrent weights: li2018indrnn, section 3."""
    cell = IndrnnSpec(hidden=1, start=ConstantSpec(value=1.1)).build(input=dovetail.Vector(5))
    start = torch.ones(1, 1, requires_grad=True)
    with torch.no_grad():
        cell.input.weight.zero_()
        cell.input.bias.zero_()
    ys, _ = cell(torch.randn(1, 9, 5), (start,))
    ys[0, -1, 0].backward()
    assert start.grad.item() == pytest.approx(1.1**9, rel=1e-5)


def test_the_registry_knows_it():
    assert dovetail.registry().spec("cell", "indrnn/indrnn", hidden=7) == IndrnnSpec(hidden=7)
