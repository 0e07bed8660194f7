"""Residual networks of torchvision's, cut at a named layer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from dovetail import EncoderSpec, Image, Space
from dovetail_standard.backbone import Backbone
from dovetail_standard.weights import counted


@frozen(kw_only=True)
class ResnetSpec(EncoderSpec):
    """resnet18 to resnet152 (he2016resnet) up to a layer."""

    takes = {"input": (Image,)}

    depth: Literal[18, 34, 50, 101, 152] = 50
    """Number of layers, by which the paper names them (Table 1)."""
    layer: str = "avgpool"
    """Layer to cut at: `layer1` … `layer4` or a block of one (`layer3.2`) gives regions; `avgpool`, `fc` a vector."""
    weights: str = field(default="none", metadata={"identity": lambda spec: counted(spec.weights, spec.network)})
    """`none` draws them, `imagenet` takes those that `convert-weights` made; else the path of a safetensors file."""
    frozen: bool = False
    """No parameter is trained, and batch statistics stay those of evaluation."""

    @property
    def network(self) -> str:
        """Torchvision's name of it."""
        return f"resnet{self.depth}"

    def build(self, *, input: Space) -> Backbone:
        return Backbone(input=input, name=self.network, layer=self.layer, weights=self.weights, frozen=self.frozen)
