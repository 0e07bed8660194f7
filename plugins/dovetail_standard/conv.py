"""A small convolutional encoder for images, as a classifier's trunk or as features of small images.

Each layer is a convolution whose padding keeps the size but for the stride, then normalisation, then the activation.
Weights as PyTorch initialises `nn.Conv2d`.

Axes: batch channels height width; batch regions feature (row by row); batch feature.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, final

from attrs import field, frozen
from einops import rearrange, reduce
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Image, Regions, Space, Vector, within
from dovetail_standard.activation import Activation, activation

Normalisation = Literal["none", "batch", "group"]
Form = Literal["flat", "mean", "regions"]


@frozen(kw_only=True)
class ConvSpec(EncoderSpec):
    """Strided convolutions to a vector or to regions."""

    takes = {"input": (Image,)}

    channels: tuple[int, ...] = field(default=(32, 64), validator=within("[1, inf)"))
    """Channels of each layer, from the image on."""
    kernel: int = field(default=3, validator=within("[1, inf)"))
    """Side of every kernel, in pixels."""
    stride: int = field(default=2, validator=within("[1, inf)"))
    """Step of every layer, in pixels: the map's sides are divided by it, rounded up for an odd kernel."""
    normalisation: Normalisation = "batch"
    """Behind each convolution: over the batch, over an example's channels (`group`, of one group), or none."""
    activation: Activation = "relu"
    """Nonlinearity behind each layer."""
    output: Form = "flat"
    """The last map laid out as one vector, its mean over places as a vector, or its places as regions."""

    def build(self, *, input: Space) -> Conv:
        return Conv(
            input=input,
            channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            normalisation=self.normalisation,
            activation=self.activation,
            output=self.output,
        )


@final
class Conv(Encoder):
    """Convolutions of `channels` channels each, and the last map as `output` says.

    Shape: x (batch, channels, height, width); returned (batch, size), or (batch, regions, size) for regions.
    """

    def __init__(
        self,
        *,
        input: Image,
        channels: tuple[int, ...] = (32, 64),
        kernel: int = 3,
        stride: int = 2,
        normalisation: Normalisation = "batch",
        activation: Activation = "relu",
        output: Form = "flat",
    ) -> None:
        super().__init__()
        widths = (input.channels, *channels)
        self.layers = nn.Sequential()
        grid = (input.height, input.width)
        for width, following in pairwise(widths):
            self.layers.extend(
                _layer(width, following, kernel=kernel, stride=stride, normalisation=normalisation, name=activation)
            )
            grid = (after(grid[0], kernel, stride), after(grid[1], kernel, stride))
        self.form = output
        self.output = _space(widths[-1], grid, output)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        match self.form:
            case "flat":
                return rearrange(y, "batch channels height width -> batch (channels height width)")
            case "mean":
                return reduce(y, "batch channels height width -> batch channels", "mean")
        return rearrange(y, "batch channels height width -> batch (height width) channels")


def after(side: int, kernel: int, stride: int) -> int:
    """A map's side after one layer, of half the kernel's padding."""
    return (side + 2 * (kernel // 2) - kernel) // stride + 1


def _layer(
    width: int, following: int, *, kernel: int, stride: int, normalisation: Normalisation, name: Activation
) -> list[nn.Module]:
    bias = normalisation == "none"  # a normalisation has its own
    layers: list[nn.Module] = [nn.Conv2d(width, following, kernel, stride, padding=kernel // 2, bias=bias)]
    if normalisation == "batch":
        layers.append(nn.BatchNorm2d(following))
    elif normalisation == "group":
        layers.append(nn.GroupNorm(1, following))
    return [*layers, activation(name)]


def _space(size: int, grid: tuple[int, int], form: Form) -> Space:
    places = grid[0] * grid[1]
    if form == "regions":
        return Regions(places, size, grid)
    return Vector(size * places if form == "flat" else size)
