import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor

from dovetail import Image, Misfit, Mistake, Regions, Vector
from dovetail_standard.backbone import IMAGENET_DEVIATION, IMAGENET_MEAN, Backbone
from dovetail_standard.inception import InceptionSpec
from dovetail_standard.resnet import ResnetSpec
from dovetail_standard.vgg import VggSpec


@pytest.fixture
def resnet18(tmp_path):
    """torchvision's own network, with running statistics of its own, and its weights in a file."""
    network = get_model("resnet18")
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    path = tmp_path / "resnet18.safetensors"
    save_file(network.state_dict(), path)
    return network.eval(), path


def _imagenet(x: torch.Tensor) -> torch.Tensor:
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    return ((x + 1) / 2 - mean) / deviation


@pytest.mark.parametrize(
    ("spec", "size", "space"),
    [
        (ResnetSpec(layer="layer3"), 224, Regions(196, 1024, (14, 14))),
        (ResnetSpec(layer="layer3.0", depth=18), 64, Regions(16, 256, (4, 4))),
        (ResnetSpec(), 224, Vector(2048)),
        (ResnetSpec(layer="fc", depth=34), 224, Vector(1000)),
        (VggSpec(layer="features.28"), 224, Regions(196, 512, (14, 14))),
        (VggSpec(layer="features", depth=19), 224, Regions(49, 512, (7, 7))),
        (VggSpec(layer="flatten", depth=11, batch_norm=True), 32, Vector(25088)),
        (VggSpec(layer="classifier.3", depth=19), 224, Vector(4096)),
        (InceptionSpec(), 299, Vector(2048)),
        (InceptionSpec(layer="Mixed_7c"), 299, Regions(64, 2048, (8, 8))),
        (InceptionSpec(layer="fc"), 75, Vector(1000)),
    ],
)
def test_the_space_at_each_cut_is_known_on_the_meta_device(spec, size, space):
    with torch.device("meta"):
        backbone = spec.build(input=Image(3, size, size))
    assert backbone.output == space
    assert all(parameter.is_meta for parameter in backbone.parameters())


def test_a_map_that_is_not_square_has_its_rows_and_columns_in_order():
    image = Image(3, 40, 70)
    backbone = ResnetSpec(depth=18, layer="layer1").build(input=image).eval()
    x = image.fake(2)
    assert backbone.output == Regions(10 * 18, 64, (10, 18))
    backbone.output.check(backbone(x))
    grid = backbone.trunk(x * backbone.scale + backbone.shift)
    torch.testing.assert_close(backbone(x)[:, 3 * 18 + 5], grid[:, :, 3, 5])


@pytest.mark.parametrize("layer", ["layer2", "layer2.0", "avgpool", "fc"])
def test_it_gives_torchvisions_values_from_torchvisions_weights(resnet18, layer):
    network, path = resnet18
    x = Image(3, 32, 40).fake(2)
    with torch.no_grad():
        expected = _value_at(network, layer, x)
        value = ResnetSpec(depth=18, layer=layer, weights=str(path)).build(input=Image(3, 32, 40)).eval()(x)
    if layer.startswith("layer"):
        expected = expected.flatten(2).transpose(1, 2)
    torch.testing.assert_close(value, expected.reshape(value.shape), rtol=1e-4, atol=1e-5)


def _value_at(network: torch.nn.Module, layer: str, x: torch.Tensor) -> torch.Tensor:
    seen = []
    handle = network.get_submodule(layer).register_forward_hook(lambda _module, _inputs, value: seen.append(value))
    network(_imagenet(x))
    handle.remove()
    return seen[0]


def test_inception_equals_torchvisions_that_undoes_the_normalisation(tmp_path):
    network = get_model("inception_v3", init_weights=False, transform_input=True).eval()
    save_file(network.state_dict(), tmp_path / "inception.safetensors")
    x = Image(3, 75, 75).fake(1)
    encoder = InceptionSpec(layer="Mixed_5d", weights=str(tmp_path / "inception.safetensors")).build(
        input=Image(3, 75, 75)
    )
    with torch.no_grad():
        expected = create_feature_extractor(network, {"Mixed_5d": "y"}, suppress_diff_warning=True)(_imagenet(x))["y"]
        torch.testing.assert_close(encoder.eval()(x), expected.flatten(2).transpose(1, 2), rtol=1e-3, atol=1e-4)


def test_a_grey_image_counts_as_three_equal_channels(resnet18):
    _, path = resnet18
    grey = Image(1, 32, 32).fake(2)
    build = ResnetSpec(depth=18, weights=str(path), frozen=True).build
    torch.testing.assert_close(
        build(input=Image(1, 32, 32))(grey), build(input=Image(3, 32, 32))(grey.repeat(1, 3, 1, 1))
    )


def test_the_range_of_the_pixels_does_not_matter(resnet18):
    _, path = resnet18
    unit = Image(3, 32, 32, low=0.0, high=1.0)
    build = ResnetSpec(depth=18, weights=str(path), frozen=True).build
    x = unit.fake(2)
    torch.testing.assert_close(build(input=unit)(x), build(input=Image(3, 32, 32))(2 * x - 1), rtol=1e-4, atol=1e-5)


def test_a_frozen_network_stays_as_it_is_while_it_is_trained(resnet18):
    _, path = resnet18
    backbone = ResnetSpec(depth=18, layer="layer1", weights=str(path), frozen=True).build(input=Image(3, 32, 32))
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    x = Image(3, 32, 32).fake(2).requires_grad_()
    backbone.train()(x).sum().backward()
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert all(torch.equal(before[name], value) for name, value in backbone.state_dict().items())
    assert x.grad is not None


def test_a_network_that_is_not_frozen_trains():
    backbone = ResnetSpec(depth=18, layer="layer1").build(input=Image(3, 32, 32))
    mean = backbone.trunk.bn1.running_mean.clone()
    backbone(Image(3, 32, 32).fake(2)).sum().backward()
    assert backbone.training
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    assert not torch.equal(mean, backbone.trunk.bn1.running_mean)


def test_drawn_weights_follow_the_global_generator():
    def first(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return ResnetSpec(depth=18, layer="conv1").build(input=Image(3, 8, 8)).trunk.conv1.weight

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


@pytest.mark.parametrize(("name", "layer"), [("resnet18", "fc"), ("vgg11", "features.3"), ("inception_v3", "Mixed_5b")])
def test_drawn_weights_are_spread_as_torchvisions(name, layer):
    torch.manual_seed(0)
    drawn = Backbone(input=Image(3, 80, 80), name=name, layer=layer).trunk
    if name.startswith("vgg"):
        expected = {"features.0.weight": (2 / (64 * 9)) ** 0.5, "features.3.weight": (2 / (128 * 9)) ** 0.5}
        expected |= {"features.0.bias": 0.0, "features.3.bias": 0.0}
    else:
        options = {"init_weights": False} if name == "inception_v3" else {}
        network = dict(get_model(name, **options).named_parameters())
        expected = {key: float(network[key].detach().std()) for key in dict(drawn.named_parameters())}
    for key, parameter in drawn.named_parameters():
        assert float(parameter.detach().std()) == pytest.approx(expected[key], rel=0.15, abs=1e-6), key
    assert all(int(count) == 0 for key, count in drawn.named_buffers() if key.endswith("num_batches_tracked"))
    assert all(bool((mean == 0).all()) for key, mean in drawn.named_buffers() if key.endswith("running_mean"))


def test_layers_behind_the_cut_are_not_drawn(monkeypatch):
    def draw(tensor, *_, **__):
        assert tensor.is_meta or tensor.numel() < 10**6
        return tensor

    monkeypatch.setattr(torch.nn.init, "normal_", draw)
    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", draw)
    VggSpec(layer="features.3", depth=11).build(input=Image(3, 8, 8))


def test_weights_of_half_precision_and_without_counts_are_taken(resnet18, tmp_path):
    network, _ = resnet18
    tensors = {
        name: value.half() for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")
    }
    save_file(tensors, tmp_path / "half.safetensors")
    backbone = Backbone(input=Image(3, 32, 32), name="resnet18", layer="fc", weights=str(tmp_path / "half.safetensors"))
    assert {value.dtype for value in backbone.parameters()} == {torch.float32}
    assert backbone.trunk.bn1.num_batches_tracked.item() == 0
    torch.testing.assert_close(backbone.trunk.fc.weight, network.fc.weight, rtol=1e-2, atol=1e-3)


def test_another_networks_weights_are_refused_before_any_are_read(resnet18):
    _, path = resnet18
    with torch.device("meta"):
        with pytest.raises(Mistake, match=r"resnet18\.safetensors does not fit: it lacks layer1.*tensors needed"):
            ResnetSpec(depth=34, weights=str(path)).build(input=Image(3, 32, 32))
        with pytest.raises(Mistake, match=r"resnet18\.safetensors does not fit: it lacks layer1\.0\.bn3"):
            ResnetSpec(depth=50, layer="layer1.0", weights=str(path)).build(input=Image(3, 32, 32))
        with pytest.raises(Mistake, match=r"download \S+resnet50-0676ba61\.pth"):
            ResnetSpec(weights="imagenet").build(input=Image(3, 32, 32))


def test_a_larger_networks_weights_are_refused(tmp_path):
    save_file(get_model("resnet34").state_dict(), tmp_path / "large.safetensors")
    with pytest.raises(Mistake, match=r"the network has no tensors layer1\.2\.bn1\.bias, .* is it another's\?"):
        ResnetSpec(depth=18, layer="conv1", weights=str(tmp_path / "large.safetensors")).build(input=Image(3, 8, 8))


def test_an_unknown_layer_is_refused_with_those_there_are():
    with torch.device("meta"):
        with pytest.raises(
            Mistake, match=r"layer of resnet50, but is 'layr3' did you mean `layer3`\?\s+possible: conv1, "
        ):
            ResnetSpec(layer="layr3").build(input=Image(3, 64, 64))
        with pytest.raises(Mistake, match=r"possible: features \(features\.0 … features\.30\), avgpool, flatten, "):
            VggSpec(layer="features.31").build(input=Image(3, 64, 64))


def test_an_image_that_a_cut_cannot_take_is_a_misfit():
    with torch.device("meta"):
        with pytest.raises(Misfit, match="`input` must be an Image of at least 75×75 pixels for the layer `avgpool`"):
            InceptionSpec().build(input=Image(3, 74, 90))
        with pytest.raises(Misfit, match="at least 32×32 pixels"):
            VggSpec().build(input=Image(3, 31, 31))
        with pytest.raises(Misfit, match="`input` must be an Image of 1 or 3 channels"):
            ResnetSpec().build(input=Image(2, 64, 64))
