"""The nonlinearities that an encoder's spec can name."""

from __future__ import annotations

from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky-relu", "elu", "gelu", "tanh", "sigmoid"]

_MODULES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def activation(name: Activation) -> nn.Module:
    """The module of this name, with PyTorch's defaults."""
    return _MODULES[name]()
