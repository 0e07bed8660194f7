"""The kind `initialiser` and its components by hand."""

import dovetail
import pytest
import torch

from dovetail_indrnn.indrnn import IndrnnSpec
from dovetail_indrnn.initialiser import ConstantSpec, UniformSpec


def test_uniform_weights_keep_a_gradient_within_its_bounds():
    torch.manual_seed(0)
    growth = UniformSpec(steps=20, least=0.25, most=2.0).build()(1000) ** 20
    assert 0.25 - 1e-4 <= growth.min() < 0.3
    assert 1.9 < growth.max() <= 2.0 + 1e-4


def test_a_constant_is_every_units_weight():
    assert ConstantSpec(value=-0.5).build()(3).tolist() == [-0.5] * 3


def test_a_cell_takes_any_of_them_in_its_slot():
    spec = dovetail.registry().spec("cell", "indrnn/indrnn", start={"use": "indrnn/constant", "value": 0.5})
    assert spec == IndrnnSpec(start=ConstantSpec(value=0.5))
    assert spec.build(input=dovetail.Vector(5)).u.unique().tolist() == [0.5]


def test_bounds_outside_their_ranges_are_refused_with_their_place():
    with pytest.raises(dovetail.Mistake, match=r"most.*\[1, inf\)"):
        dovetail.registry().spec("cell", "indrnn/indrnn", start={"use": "indrnn/uniform", "most": 0.5})
