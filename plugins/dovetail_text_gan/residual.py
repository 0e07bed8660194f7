"""WGAN-GP's language architecture: residual blocks of one-dimensional convolutions, as generator and as critic.

Paper: gulrajani2017wgangp, section 5.4 and appendix; semeniuta2019, section 5.4.1 (Conv-Deconv). A block is
x + 0.3 conv(relu(conv(relu(x)))), with filters of width 5; the generator projects noise to all places and ends in a
softmax over the symbols, the critic begins with the symbols and ends in one score. The generator's convolutions are
transposed ones of stride 1, as the thesis has them.

Axes: batch time vocabulary outside; batch channel time inside.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import field, frozen
from einops import rearrange
from torch import Tensor, nn

from dovetail import (
    Discriminator,
    DiscriminatorSpec,
    Generator,
    GeneratorSpec,
    Misfit,
    Padded,
    Sequence,
    Vector,
    within,
)
from dovetail_text_gan.relaxed import full_length


@final
class Block(nn.Module):
    """x + scale · conv(relu(conv(relu(x)))). Shape: (batch, channels, time) both."""

    def __init__(self, channels: int, width: int, scale: float, *, transposed: bool) -> None:
        super().__init__()
        convolution: Any = nn.ConvTranspose1d if transposed else nn.Conv1d
        layers = [convolution(channels, channels, width, padding=width // 2) for _ in range(2)]
        self.layers = nn.Sequential(nn.ReLU(), layers[0], nn.ReLU(), layers[1])
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.layers(x)


def _odd(_: Any, attribute: Any, value: int) -> None:
    if value < 1 or value % 2 == 0:
        raise ValueError(f"`{attribute.name}` must be an odd number, but is {value}")


@frozen(kw_only=True)
class ResidualGeneratorSpec(GeneratorSpec):
    """Noise to a distribution over the symbols at every place at once."""

    takes = {"produces": (Sequence,)}
    noise: int = field(default=128, validator=within("[1, inf)"))
    """Size of the noise, N(0, 1)."""
    channels: int = field(default=512, validator=within("[1, inf)"))
    """Channels of each block."""
    blocks: int = field(default=5, validator=within("[1, inf)"))
    """Residual blocks."""
    width: int = field(default=5, validator=_odd)
    """Places that a filter reads, an odd number."""
    scale: float = field(default=0.3, validator=within("(0, inf)"))
    """Factor of what a block adds."""

    def build(self, *, produces: Sequence, given: Any = None, leaks: Any = None) -> ResidualGenerator:
        if produces.length is None:
            raise Misfit("produces", "a Sequence of one length", produces)
        return ResidualGenerator(
            produces=produces,
            noise=self.noise,
            channels=self.channels,
            blocks=self.blocks,
            width=self.width,
            scale=self.scale,
        )


@final
class ResidualGenerator(Generator):
    """Maps noise to a softmax over the symbols at each of the space's places.

    Args:
        produces: the space of its sentences, as rows of symbols.
        noise: size of the noise.
        channels: of each block.
        blocks: how many.
        width: of the filters, an odd number.
        scale: of what a block adds.
    """

    produces: Sequence

    def __init__(
        self, *, produces: Sequence, noise: int, channels: int, blocks: int, width: int = 5, scale: float = 0.3
    ) -> None:
        super().__init__()
        assert produces.length is not None
        self.produces, self.noise = produces, noise
        self.project = nn.Linear(noise, channels * produces.length)
        self.blocks = nn.Sequential(*(Block(channels, width, scale, transposed=True) for _ in range(blocks)))
        self.readout = nn.Conv1d(channels, produces.size, 1)

    def forward(self, noise: Tensor) -> Padded:
        """Shape: noise (batch, noise), result `Padded` (batch, time, symbols), each row one in sum."""
        x = rearrange(self.project(noise), "batch (channel time) -> batch channel time", time=self.produces.length)
        rows = rearrange(self.readout(self.blocks(x)), "batch symbol time -> batch time symbol")
        return full_length(rows.softmax(-1))

    def sample(self, n: int, given: Any = None, strategy: Any = None, leak: Any = None) -> Padded:
        """`n` sentences, through which gradients flow. Shape: `Padded` (batch, time, symbols)."""
        weight = self.project.weight
        return self(torch.randn(n, self.noise, device=weight.device, dtype=weight.dtype))


@frozen(kw_only=True)
class ResidualCriticSpec(DiscriminatorSpec):
    """Rows of symbols to one score."""

    takes = {"input": (Sequence,)}
    channels: int = field(default=512, validator=within("[1, inf)"))
    """Channels of each block."""
    blocks: int = field(default=5, validator=within("[1, inf)"))
    """Residual blocks."""
    width: int = field(default=5, validator=_odd)
    """Places that a filter reads, an odd number."""
    scale: float = field(default=0.3, validator=within("(0, inf)"))
    """Factor of what a block adds."""

    def build(self, *, input: Sequence, given: Any = None) -> ResidualCritic:
        if input.length is None:
            raise Misfit("input", "a Sequence of one length", input)
        return ResidualCritic(
            input=input, channels=self.channels, blocks=self.blocks, width=self.width, scale=self.scale
        )


@final
class ResidualCritic(Discriminator):
    """One score a sentence; its features are the blocks' output at all places, side by side.

    Args:
        input: the space of the sentences, as rows of symbols; shorter ones are filled up with zeros.
        channels: of each block.
        blocks: how many.
        width: of the filters, an odd number.
        scale: of what a block adds.
    """

    leaks: Vector

    def __init__(self, *, input: Sequence, channels: int, blocks: int, width: int = 5, scale: float = 0.3) -> None:
        super().__init__()
        assert input.length is not None
        self.length = input.length
        self.read = nn.Conv1d(input.size, channels, 1)
        self.blocks = nn.Sequential(*(Block(channels, width, scale, transposed=False) for _ in range(blocks)))
        self.output, self.leaks = Vector(1), Vector(channels * self.length)
        self.readout = nn.Linear(self.leaks.size, 1)

    def features(self, x: Padded, given: Any = None) -> Tensor:
        """Shape: x `Padded` (batch, time, symbols), result (batch, channels · length)."""
        rows = x.data * x.mask[..., None]
        rows = nn.functional.pad(rows, (0, 0, 0, self.length - rows.shape[1]))
        return self.blocks(self.read(rearrange(rows, "batch time symbol -> batch symbol time"))).flatten(1)

    def forward(self, x: Padded, given: Any = None) -> Tensor:
        """The scores. Shape: x `Padded` (batch, time, symbols), result (batch, 1)."""
        score: Tensor = self.readout(self.features(x))
        return score
