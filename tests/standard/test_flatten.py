import pytest
import torch

from dovetail import Image, Regions, Vector
from dovetail_standard.flatten import FlattenSpec


@pytest.mark.parametrize(("space", "size"), [(Image(2, 3, 5), 30), (Regions(3, 5), 15), (Vector(5), 5)])
def test_every_number_of_a_value_keeps_its_place(space, size):
    encoder, x = FlattenSpec().build(input=space), space.fake(4)
    assert encoder.output == Vector(size)
    assert torch.equal(encoder(x), x.reshape(4, size))
