"""A network of torchvision's, cut at a named layer, as an encoder of images.

What comes out is that layer's value: a spatial map as regions, row by row, with their grid (`layer3` of resnet50 on
224×224 pixels is 196 regions of 1024); a pooled or linear layer as a vector.

Pixels are brought from the image space's range to the range that the published weights were trained on; a grey image
becomes three equal channels. The image is taken at the size that it has.

*Differs from torchvision:* `inception_v3` has no auxiliary classifier, and without weights it starts from PyTorch's
default initialisation, since drawing torchvision's truncated normal takes seconds. Initial weights are drawn for the
layers up to the cut alone: a vgg's classifier, which a cut before it leaves out, is nine tenths of its weights.
*Not covered:* resizing and cropping; values inside a residual or inception block.

Axes: batch channels height width; batch regions feature.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from itertools import chain, islice
from typing import TYPE_CHECKING, final

import torch
from einops import rearrange
from torch import Tensor, nn
from torchvision.models import get_model

from dovetail import Encoder, Image, Misfit, Mistake, Regions, Space, Vector
from dovetail.errors import close
from dovetail_standard.weights import check_shapes, locate, read

if TYPE_CHECKING:
    from pathlib import Path

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
LARGEST = 1024  # pixels: the side up to which an error looks for the smallest image that a cut takes


@final
class Backbone(Encoder):
    """The network `name` up to its layer `layer`.

    Args:
        input: the images, of one or three channels.
        name: torchvision's name of a resnet, vgg or inception network.
        layer: a layer's name as torchvision has it (`layer3`, `features.28`), or `flatten` before a vgg's classifier.
        weights: `"none"`, `"imagenet"` or the path of a safetensors file.
        frozen: no parameter is trained, and dropout and batch statistics stay as in evaluation; gradients still reach
            the images.

    Raises:
        Misfit: where the image has other channels, or is too small for the layer.
        Mistake: where there is no such layer, or the weights are missing or another network's.

    Shape: x (batch, channels, height, width); returned (batch, regions, feature) or (batch, feature), as `output` says.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, *, input: Image, name: str, layer: str, weights: str = "none", frozen: bool = False) -> None:
        super().__init__()
        if input.channels not in (1, 3):
            raise Misfit("input", "an Image of 1 or 3 channels", input)
        with torch.device("meta"):
            whole = network(name)
            trunk = cut(in_a_row(whole), layer, name)
        self.output = _output(trunk, layer, input)
        path = locate(weights, name)
        self.trunk = drawn(trunk, name) if path is None else _load(trunk, whole, path)
        scale, shift = _affine(input, name)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        self.frozen = frozen
        self.requires_grad_(not frozen)
        self.train()

    def train(self, mode: bool = True) -> Backbone:
        """As every module's, but frozen networks stay in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.trunk(x * self.scale + self.shift)  # three channels, also from one
        if y.ndim == 2:
            return y
        return rearrange(y, "batch feature height width -> batch (height width) feature")


def network(name: str) -> nn.Module:
    """Torchvision's network of this name."""
    options = {"init_weights": False, "transform_input": False} if name == "inception_v3" else {}
    made: nn.Module = get_model(name, **options)
    return made


def drawn(trunk: nn.Sequential, name: str) -> nn.Sequential:
    """Layers on the meta device with torchvision's initial weights (PyTorch's for Inception), on the default device."""
    device = torch.empty(0).device
    trunk.load_state_dict(
        {key: torch.empty_like(value, device=device) for key, value in trunk.state_dict().items()}, assign=True
    )
    for part in trunk.modules():
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
            part.reset_parameters()
        if isinstance(part, nn.Conv2d) and name != "inception_v3":
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        if isinstance(part, nn.Linear) and name.startswith("vgg"):
            nn.init.normal_(part.weight, std=0.01)
        if isinstance(part, nn.Conv2d | nn.Linear) and name.startswith("vgg"):
            nn.init.zeros_(part.bias)
    return trunk


def in_a_row(whole: nn.Module) -> nn.Sequential:
    """A network's layers as a sequence, under their own names; a pooling to one place gives a vector."""
    row: OrderedDict[str, nn.Module] = OrderedDict()
    for child, module in whole.named_children():
        if child == "classifier":
            row["flatten"] = nn.Flatten()
        if child != "AuxLogits":
            pools = isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size == (1, 1)
            row[child] = nn.Sequential(module, nn.Flatten()) if pools else module
    return nn.Sequential(row)


def cut(row: nn.Sequential, layer: str, name: str) -> nn.Sequential:
    """The layers of `row` up to `layer`, which is `child` or `child.number`."""
    children = OrderedDict(row.named_children())
    inner = {child: _numbered(child, module) for child, module in children.items()}
    names = [*children, *chain.from_iterable(inner.values())]
    if layer not in names:
        possible = [
            f"{child} ({numbered[0]} … {numbered[-1]})" if numbered else child for child, numbered in inner.items()
        ]
        raise Mistake(
            f"`layer` must be a layer of {name}, but is '{layer}' {close(layer, names)}\n"
            f"    possible: {', '.join(possible)}"
        )
    child, _, number = layer.partition(".")
    kept = OrderedDict(islice(children.items(), list(children).index(child) + 1))
    if number:
        kept[child] = nn.Sequential(OrderedDict(islice(kept[child].named_children(), int(number) + 1)))
    return nn.Sequential(kept)


def _numbered(child: str, module: nn.Module) -> list[str]:
    names = [f"{child}.{number}" for number, _ in module.named_children()]
    return names if isinstance(module, nn.Sequential) and not isinstance(module[-1], nn.Flatten) else []


def _load(trunk: nn.Sequential, whole: nn.Module, path: Path) -> nn.Sequential:
    # A count of batches is in no old file, and nothing reads it; torch fills it in.
    expected = {key: value for key, value in trunk.state_dict().items() if not key.endswith("num_batches_tracked")}
    check_shapes(path, {key: tuple(value.shape) for key, value in expected.items()}, whole.state_dict())
    device = torch.empty(0).device
    if device.type != "meta":
        values = read(path, expected)
        values = {key: value.to(device, expected[key].dtype) for key, value in values.items()}
        trunk.load_state_dict(values, assign=True)
    return trunk


def _output(trunk: nn.Sequential, layer: str, input: Image) -> Space:
    shape = _shape(trunk, input.height, input.width)
    if shape is None:
        least = bisect_left(range(1, LARGEST), True, key=lambda side: _shape(trunk, side, side) is not None) + 1
        raise Misfit("input", f"an Image of at least {least}×{least} pixels for the layer `{layer}`", input)
    if len(shape) == 2:
        return Vector(shape[1])
    return Regions(shape[2] * shape[3], shape[1], (shape[2], shape[3]))


def _shape(trunk: nn.Sequential, height: int, width: int) -> tuple[int, ...] | None:
    try:
        with torch.device("meta"), torch.no_grad():
            return tuple(trunk.eval()(torch.empty(1, 3, height, width)).shape)
    except RuntimeError:  # a convolution or a pooling that is larger than the map it is to read
        return None


def _affine(input: Image, name: str) -> tuple[Tensor, Tensor]:
    """Scale and shift from the image's range to the network's. Shape: (channels, 1, 1) each."""
    # Inception's published weights were trained on [-1, 1]; torchvision undoes ImageNet's normalisation for it.
    inception = name == "inception_v3"
    means, deviations = ((0.5,) * 3, (0.5,) * 3) if inception else (IMAGENET_MEAN, IMAGENET_DEVIATION)
    span = input.high - input.low
    scale = [1 / (span * deviation) for deviation in deviations]
    shift = [-(input.low / span + mean) / deviation for mean, deviation in zip(means, deviations, strict=True)]
    return torch.tensor(scale).reshape(3, 1, 1), torch.tensor(shift).reshape(3, 1, 1)
