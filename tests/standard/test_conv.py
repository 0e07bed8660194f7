import pytest
import torch
from torch import nn

from dovetail import Image, Regions, Vector
from dovetail_standard.conv import Conv, ConvSpec

INPUT = Image(2, 6, 9)


@pytest.mark.parametrize(
    ("form", "space"), [("flat", Vector(3 * 6)), ("mean", Vector(3)), ("regions", Regions(6, 3, (2, 3)))]
)
def test_the_output_is_what_it_says(form, space):
    conv = ConvSpec(channels=(4, 3), output=form).build(input=INPUT)
    assert conv.output == space
    space.check(conv(INPUT.fake(2)))


def test_the_three_forms_are_the_same_map():
    x = INPUT.fake(2)
    conv = Conv(input=INPUT, channels=(4, 3), normalisation="none")
    grid = conv.layers(x)
    conv.form = "regions"
    regions = conv(x)
    torch.testing.assert_close(regions[:, 1 * 3 + 2], grid[:, :, 1, 2])
    conv.form = "mean"
    torch.testing.assert_close(conv(x), regions.mean(1))
    conv.form = "flat"
    torch.testing.assert_close(conv(x), grid.flatten(1))


def test_one_layer_is_the_activation_of_a_convolution():
    conv = Conv(input=Image(1, 3, 3), channels=(1,), stride=1, normalisation="none", activation="relu")
    conv.layers[0].weight.data = torch.tensor([[[[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]]])
    conv.layers[0].bias.data.zero_()
    x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 1.0, 9.0]]]])
    assert conv(x).tolist() == [[0, 0, 0, 0, 0, 0, 0, 4, 0]]


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_size_is_known_for_any_kernel_and_stride(kernel, stride, size):
    image = Image(1, size, size + 1)
    conv = ConvSpec(channels=(2, 3), kernel=kernel, stride=stride, output="regions").build(input=image).eval()
    conv.output.check(conv(image.fake(2)))


@pytest.mark.parametrize("normalisation", ["none", "batch", "group"])
def test_a_normalised_map_does_not_depend_on_the_weights_scale(normalisation):
    conv = Conv(input=INPUT, channels=(4,), normalisation=normalisation)
    x = INPUT.fake(3)
    before = conv(x)
    with torch.no_grad():
        for parameter in conv.layers[0].parameters():
            parameter.mul_(8)
    close = torch.allclose(before, conv(x), rtol=0.01, atol=0.01)
    assert close == (normalisation != "none")
    assert (conv.layers[0].bias is None) == (normalisation != "none")


def test_it_learns_to_tell_two_textures_apart():
    torch.manual_seed(0)
    x = torch.randn(32, 1, 8, 8)
    label = torch.arange(32) % 2
    x[label == 1] += torch.tensor([1.0, -1.0]).repeat(4)
    conv = ConvSpec(channels=(4, 2), output="mean").build(input=Image(1, 8, 8))
    optimizer = torch.optim.Adam(conv.parameters(), lr=0.05)
    for _ in range(40):
        loss = nn.functional.cross_entropy(conv(x), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (conv(x).argmax(1) == label).float().mean() > 0.9


def test_it_can_be_built_on_the_meta_device():
    with torch.device("meta"):
        assert ConvSpec().build(input=Image(1, 28, 28)).output == Vector(64 * 7 * 7)


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`channels` must be in \[1, inf\), but is 0"):
        ConvSpec(channels=(0,))
    with pytest.raises(ValueError, match=r"`stride` must be in \[1, inf\), but is 0"):
        ConvSpec(stride=0)
