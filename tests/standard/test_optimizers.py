"""PyTorch's optimizers as components."""

import pytest
import torch

from dovetail.errors import Mistake
from dovetail_standard.optimizers import AdamSpec, AdamWSpec, RmspropSpec, SgdSpec
from dovetail_standard.schedules import LinearSpec


def after_one_step(spec, start: float, gradient: float) -> float:
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = spec.build(parameters=[weight])
    weight.grad = torch.tensor(gradient)
    optimizer.step()
    return weight.item()


def test_each_takes_the_first_step_that_its_rule_says():
    assert after_one_step(SgdSpec(lr=0.1, weight_decay=0.5), 2.0, 3.0) == pytest.approx(2 - 0.1 * (3 + 0.5 * 2))
    assert after_one_step(AdamSpec(lr=0.1), 2.0, 3.0) == pytest.approx(2 - 0.1)
    assert after_one_step(AdamWSpec(lr=0.1, weight_decay=0.5), 2.0, 3.0) == pytest.approx(2 * (1 - 0.1 * 0.5) - 0.1)
    assert after_one_step(RmspropSpec(lr=0.1, decay=0.75), 2.0, 3.0) == pytest.approx(2 - 0.1 / 0.25**0.5)


def test_every_field_reaches_the_optimizer():
    weights = [torch.nn.Parameter(torch.zeros(3))]
    sgd = SgdSpec(lr=0.2, momentum=0.8, nesterov=True).build(parameters=weights).defaults
    assert (sgd["lr"], sgd["momentum"], sgd["nesterov"]) == (0.2, 0.8, True)
    for spec in (AdamSpec, AdamWSpec):
        adam = spec(lr=0.2, beta1=0.5, beta2=0.7, epsilon=0.1, weight_decay=0.3).build(parameters=weights).defaults
        assert (adam["lr"], adam["betas"], adam["eps"], adam["weight_decay"]) == (0.2, (0.5, 0.7), 0.1, 0.3)
    spec = RmspropSpec(lr=0.2, decay=0.6, momentum=0.1, centered=True, epsilon=0.1, weight_decay=0.3)
    rms = spec.build(parameters=weights).defaults
    assert (rms["alpha"], rms["momentum"], rms["centered"], rms["eps"], rms["weight_decay"]) == (
        0.6,
        0.1,
        True,
        0.1,
        0.3,
    )


def test_a_scheduled_learning_rate_starts_at_its_first_value():
    spec = AdamSpec(lr=LinearSpec(start=0.3, end=0.0, finish=10))
    assert spec.build(parameters=[torch.nn.Parameter(torch.zeros(3))]).defaults["lr"] == 0.3


def test_nesterov_without_momentum_is_a_mistake():
    with pytest.raises(Mistake, match="`momentum` must be above 0 where `nesterov` is true, but is 0"):
        SgdSpec(nesterov=True).build(parameters=[torch.nn.Parameter(torch.zeros(3))])


def test_a_negative_learning_rate_is_refused():
    with pytest.raises(ValueError, match=r"`lr` must be in \[0, inf\), but is -0.1"):
        SgdSpec(lr=-0.1)
