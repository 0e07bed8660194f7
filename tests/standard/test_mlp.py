import pytest
import torch
from torch import nn

from dovetail import Image, Regions, Vector
from dovetail_standard.mlp import Mlp, MlpSpec, flat_size


def test_one_layer_is_the_activation_of_a_linear_map():
    mlp = Mlp(input=Vector(3), hidden=(2,), activation="relu")
    _, linear, _ = mlp.layers
    linear.weight.data = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 1.0]])
    linear.bias.data = torch.tensor([0.5, 0.0])
    assert mlp(torch.tensor([[1.0, 1.0, 0.0]])).tolist() == [[3.5, 0.0]]


def test_the_head_is_linear_and_says_the_output():
    mlp = MlpSpec(hidden=(7, 4), activation="tanh", head=3).build(input=Vector(5))
    x = torch.randn(2, 5)
    first, second, head = (layer for layer in mlp.layers if isinstance(layer, nn.Linear))
    expected = head(torch.tanh(second(torch.tanh(first(x)))))
    torch.testing.assert_close(mlp(x), expected)
    assert mlp.output == Vector(3)


@pytest.mark.parametrize(("space", "size"), [(Vector(5), 5), (Regions(3, 5), 15), (Image(2, 3, 5), 30)])
def test_every_space_is_laid_out_as_one_vector(space, size):
    mlp = MlpSpec(hidden=(4,)).build(input=space)
    assert flat_size(space) == size
    assert mlp.layers[1].in_features == size
    mlp.output.check(mlp(space.fake(2)))


@pytest.mark.parametrize("name", ["relu", "leaky-relu", "elu", "gelu", "tanh", "sigmoid"])
def test_every_activation_is_pytorchs(name):
    mlp = MlpSpec(hidden=(4,), activation=name).build(input=Vector(5))
    function = getattr(nn.functional, {"leaky-relu": "leaky_relu"}.get(name, name))
    x = torch.randn(2, 5)
    torch.testing.assert_close(mlp(x), function(mlp.layers[1](x)))


def test_dropout_works_in_training_only():
    mlp = MlpSpec(hidden=(400,), activation="sigmoid", dropout=0.25).build(input=Vector(5))
    x = torch.randn(2, 5)
    assert 0.15 < (mlp(x) == 0).float().mean() < 0.35
    assert (mlp.eval()(x) > 0).all()


def test_without_layers_the_input_comes_out_flat():
    mlp = MlpSpec(hidden=()).build(input=Regions(3, 5))
    x = torch.randn(2, 3, 5)
    assert torch.equal(mlp(x), x.reshape(2, 15))
    assert mlp.output == Vector(15)


def test_it_can_be_built_on_the_meta_device():
    with torch.device("meta"):
        assert MlpSpec().build(input=Image(1, 8, 8)).output == Vector(256)


def test_widths_and_rates_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`hidden` must be in \[1, inf\), but is 0"):
        MlpSpec(hidden=(3, 0))
    with pytest.raises(ValueError, match=r"`dropout` must be in \[0, 1\), but is 1.0"):
        MlpSpec(dropout=1.0)
    with pytest.raises(ValueError, match=r"`head` must be in \[1, inf\), but is 0"):
        MlpSpec(head=0)
