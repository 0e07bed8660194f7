"""A multilayer perceptron over a vector, or over an image or regions laid out as one vector.

Each hidden layer is linear, then the activation, then dropout. Weights as PyTorch initialises `nn.Linear`.

Axes: batch feature.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import final

from attrs import field, frozen
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Image, Regions, Space, Vector, within
from dovetail_standard.activation import Activation, activation


@frozen(kw_only=True)
class MlpSpec(EncoderSpec):
    """Fully connected layers to a vector."""

    takes = {"input": (Vector, Image, Regions)}

    hidden: tuple[int, ...] = field(default=(256,), validator=within("[1, inf)"))
    """Width of each hidden layer, from the input on."""
    activation: Activation = "relu"
    """Nonlinearity behind each hidden layer."""
    dropout: float = field(default=0.0, validator=within("[0, 1)"))
    """Probability that a hidden unit is dropped in training."""
    head: int | None = field(default=None, validator=within("[1, inf)"))
    """Width of a last layer that is linear only; without it the last hidden layer is what comes out."""

    def build(self, *, input: Space) -> Mlp:
        return Mlp(input=input, hidden=self.hidden, activation=self.activation, dropout=self.dropout, head=self.head)


def flat_size(space: Space) -> int:
    """How many numbers an example of a Vector, Regions or an Image holds."""
    match space:
        case Vector(size=size):
            return size
        case Regions(count=count, size=size):
            return count * size
        case Image(channels=channels, height=height, width=width):
            return prod((channels, height, width))
    raise ValueError(f"`space` must be a Vector, Regions or an Image, but is {space}")


@final
class Mlp(Encoder):
    """Hidden layers of the widths `hidden`, then a linear layer of width `head` where it is not None.

    Shape: x a batch of the input space, flattened to (batch, feature); returned (batch, head or hidden[-1]).
    """

    def __init__(
        self,
        *,
        input: Space,
        hidden: tuple[int, ...] = (256,),
        activation: Activation = "relu",
        dropout: float = 0.0,
        head: int | None = None,
    ) -> None:
        super().__init__()
        widths = (flat_size(input), *hidden)
        self.layers = nn.Sequential(nn.Flatten())
        for width, following in pairwise(widths):
            self.layers.extend(_hidden(width, following, activation, dropout))
        if head is not None:
            self.layers.append(nn.Linear(widths[-1], head))
        self.output = Vector(widths[-1] if head is None else head)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def _hidden(width: int, following: int, name: Activation, dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Linear(width, following), activation(name)]
    return [*layers, nn.Dropout(dropout)] if dropout else layers
