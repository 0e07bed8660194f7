"""The generator and the discriminator of a deep convolutional generative adversarial network.

Paper: radford2016dcgan, section 3 (strided convolutions instead of pooling, batch normalisation, ReLU and tanh in the
generator, LeakyReLU in the discriminator, weights N(0, 0.02)). Both may have a condition: the generator reads it beside
its noise (mirza2014cgan), the discriminator tiled beside its last feature map (reed2016text, section 4.1).

*Differs from the paper:* noise is normal by default, where the paper's is uniform; kernels are 4 wide, which the stride
divides, where the paper's are 5; the side is any `start`·2^k; the discriminator's normalisation can be chosen (batch
normalisation spoils a gradient penalty).
*Not covered:* images that are not square.

Axes: batch channels height width; batch feature.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, final

import attrs
import torch
from einops import pack, rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from dovetail import (
    Discriminator,
    DiscriminatorSpec,
    Generator,
    GeneratorSpec,
    Image,
    Label,
    Misfit,
    Space,
    Vector,
    within,
)

Noise = Literal["normal", "uniform"]
Normalisation = Literal["batch", "layer", "spectral", "none"]
DEVIATION = 0.02  # of the initial weights, section 4
SLOPE = 0.2  # of the LeakyReLU, section 4


@attrs.frozen(kw_only=True)
class DcganSpec(GeneratorSpec):
    """Noise to a square image by fractionally strided convolutions."""

    takes = {"produces": (Image,), "given": (Vector, Label)}

    latent: int = attrs.field(default=100, validator=within("[0, inf)"))
    """Numbers of noise; 0 where the condition alone makes the image (section 4: 100)."""
    noise: Noise = "normal"
    """The noise's distribution: N(0, 1), or uniform in [-1, 1)."""
    width: int = attrs.field(default=64, validator=within("[1, inf)"))
    """Channels of the last hidden feature map; each earlier one has twice as many (Figure 1: 128)."""
    kernel: int = attrs.field(default=4, validator=within("[2, inf)"))
    """Side of the convolutions' kernels, in pixels (Figure 1: 5)."""
    start: int = attrs.field(default=4, validator=within("[1, inf)"))
    """Side of the first feature map, in pixels, which doubles up to the image's (Figure 1: 4)."""

    def build(self, *, produces: Space, given: Space | None = None, leaks: Space | None = None) -> Dcgan:
        doublings("produces", produces, self.start)
        if leaks is not None:
            raise Misfit("leaks", "absent, since this generator reads no discriminator", leaks)
        if self.latent == 0 and given is None:
            raise Misfit("given", "a Vector or a Label where `latent` is 0", given)
        return Dcgan(
            produces=produces,
            given=given,
            latent=self.latent,
            noise=self.noise,
            width=self.width,
            kernel=self.kernel,
            start=self.start,
        )


@attrs.frozen(kw_only=True)
class DcganDiscriminatorSpec(DiscriminatorSpec):
    """A square image to one score by strided convolutions."""

    takes = {"input": (Image,), "given": (Vector, Label)}

    width: int = attrs.field(default=64, validator=within("[1, inf)"))
    """Channels of the first feature map; each later one has twice as many."""
    kernel: int = attrs.field(default=4, validator=within("[2, inf)"))
    """Side of the convolutions' kernels, in pixels (the paper's generator: 5)."""
    end: int = attrs.field(default=4, validator=within("[1, inf)"))
    """Side of the last feature map, in pixels, to which the image's is halved (section 3: 4)."""
    normalisation: Normalisation = "batch"
    """Behind each convolution but the first (section 3: batch); `spectral` divides every weight by its largest
    singular value (miyato2018spectral). A gradient penalty needs `layer` or `none` (gulrajani2017wgangp, section 4)."""

    def build(self, *, input: Space, given: Space | None = None) -> DcganDiscriminator:
        doublings("input", input, self.end)
        return DcganDiscriminator(
            input=input,
            given=given,
            width=self.width,
            kernel=self.kernel,
            end=self.end,
            normalisation=self.normalisation,
        )


def doublings(argument: str, image: Image, first: int) -> int:
    """K where `image` is a square of side first·2^k with k ≥ 1; else raises Misfit."""
    count = (image.width // first).bit_length() - 1
    if image.height != image.width or count < 1 or image.width != first << count:
        sides = ", ".join(str(first << power) for power in range(1, 5))
        raise Misfit(argument, f"a square Image whose side is {sides} or any other {first}·2^k", image)
    return count


def size_of(given: Vector | Label | None) -> int:
    """How many numbers a condition has."""
    if given is None:
        return 0
    return given.classes if isinstance(given, Label) else given.size


def numbers_of(given: Tensor | None, space: Vector | Label) -> Tensor:
    """A condition as floating-point numbers, a label's in one-hot form. Shape: (batch, *condition) to (batch, size)."""
    if given is None:
        raise ValueError(f"`given` must be a batch of {space}, but is None")
    return F.one_hot(given, space.classes).float() if isinstance(space, Label) else given


def scale(unit: Tensor, image: Image) -> Tensor:
    """From [-1, 1] to the values of `image`."""
    return (image.low + (image.high - image.low) * (unit + 1) / 2).clamp(image.low, image.high)


def initialise(module: nn.Module) -> None:
    """Weights N(0, 0.02) and biases 0, for every convolution and every linear map in `module`."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, std=DEVIATION)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


@final
class Dcgan(Generator):
    """Noise, and a condition where there is one, to an image.

    Args:
        produces: the images' space, a square of side start·2^k.
        given: the condition's space, if any.
        latent: how many numbers of noise.
        noise: `normal` for N(0, 1), `uniform` for [-1, 1).
        width: channels of the last hidden feature map.
        kernel: side of the kernels.
        start: side of the first feature map.
    """

    def __init__(
        self,
        *,
        produces: Image,
        given: Vector | Label | None = None,
        latent: int = 100,
        noise: Noise = "normal",
        width: int = 64,
        kernel: int = 4,
        start: int = 4,
    ) -> None:
        super().__init__()
        self.produces, self.given, self.latent, self.noise, self.start = produces, given, latent, noise, start
        count = doublings("produces", produces, start)
        channels = [width << level for level in reversed(range(count))]
        self.project = nn.Linear(latent + size_of(given), channels[0] * start * start, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(channels[0]), nn.ReLU()]
        for before, after in pairwise(channels):
            layers += [_double(before, after, kernel, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.grow = nn.Sequential(*layers, _double(channels[-1], produces.channels, kernel, bias=True), nn.Tanh())
        initialise(self)

    def draw(self, n: int) -> Tensor:
        """Noise for `n` images. Shape: (n, latent)."""
        like = self.project.weight
        noise = torch.empty(n, self.latent, dtype=like.dtype, device=like.device)
        return noise.normal_() if self.noise == "normal" else noise.uniform_(-1, 1)

    def forward(self, noise: Tensor, given: Tensor | None = None) -> Tensor:
        """The images of this noise.

        Shape: noise (batch, latent), given (batch, *condition), images (batch, channels, height, width).
        """
        x = noise if self.given is None else torch.cat([noise, numbers_of(given, self.given).to(noise)], dim=1)
        maps = rearrange(self.project(x), "batch (channels h w) -> batch channels h w", h=self.start, w=self.start)
        return scale(self.grow(maps), self.produces)

    def sample(self, n: int, given: Any = None, strategy: Any = None, leak: Any = None) -> Tensor:
        """`n` images, through which gradients flow. Shape: (n, channels, height, width).

        Raises:
            ValueError: where a strategy or a leak is given, which are for tokens.
        """
        if strategy is not None or leak is not None:
            raise ValueError("`strategy` and `leak` must be None for a generator of images")
        return self(self.draw(n), given)


@final
class DcganDiscriminator(Discriminator):
    """An image, and a condition where there is one, to one score. Leaks its last feature map.

    Args:
        input: the images' space, a square of side end·2^k.
        given: the condition's space, if any.
        width: channels of the first feature map.
        kernel: side of the kernels.
        end: side of the last feature map.
        normalisation: behind each convolution but the first.
    """

    def __init__(
        self,
        *,
        input: Image,
        given: Vector | Label | None = None,
        width: int = 64,
        kernel: int = 4,
        end: int = 4,
        normalisation: Normalisation = "batch",
    ) -> None:
        super().__init__()
        self.given, self.end = given, end
        count = doublings("input", input, end)
        channels = [width << level for level in range(count)]
        layers: list[nn.Module] = [_halve(input.channels, channels[0], kernel), nn.LeakyReLU(SLOPE)]
        for before, after in pairwise(channels):
            layers += [_halve(before, after, kernel), *_normalised(normalisation, after), nn.LeakyReLU(SLOPE)]
        self.shrink = nn.Sequential(*layers)
        last = channels[-1]
        self.fuse = nn.Sequential()
        if given is not None:
            mix = nn.Conv2d(last + size_of(given), last, 1)
            self.fuse = nn.Sequential(mix, *_normalised(normalisation, last), nn.LeakyReLU(SLOPE))
        self.output, self.leaks = Vector(1), Vector(last * end * end)
        self.score = nn.Linear(self.leaks.size, 1)
        initialise(self)
        if normalisation == "spectral":
            for part in [part for part in self.modules() if isinstance(part, nn.Conv2d | nn.Linear)]:
                spectral_norm(part)

    def features(self, x: Tensor, given: Tensor | None = None) -> Tensor:
        """The last feature map, flat. Shape: x (batch, channels, height, width), features (batch, size)."""
        maps = self.shrink(x)
        if self.given is not None:
            condition = numbers_of(given, self.given).to(maps)
            tiled = repeat(condition, "batch size -> batch size h w", h=self.end, w=self.end)
            maps, _ = pack([maps, tiled], "batch * h w")
        return rearrange(self.fuse(maps), "batch channels h w -> batch (channels h w)")

    def forward(self, x: Tensor, given: Tensor | None = None) -> Tensor:
        """The scores. Shape: x (batch, channels, height, width), scores (batch, 1)."""
        return self.score(self.features(x, given))


def _double(before: int, after: int, kernel: int, *, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, kernel, 2, (kernel - 1) // 2, output_padding=kernel % 2, bias=bias)


def _halve(before: int, after: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, 2, (kernel - 1) // 2)


def _normalised(normalisation: Normalisation, channels: int) -> list[nn.Module]:
    if normalisation == "batch":
        return [nn.BatchNorm2d(channels)]
    return [nn.GroupNorm(1, channels)] if normalisation == "layer" else []
