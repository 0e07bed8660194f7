"""VGG networks of torchvision's, cut at a named layer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from dovetail import EncoderSpec, Image, Space
from dovetail_standard.backbone import Backbone
from dovetail_standard.weights import counted


@frozen(kw_only=True)
class VggSpec(EncoderSpec):
    """vgg11 to vgg19 (simonyan2015vgg) up to a layer."""

    takes = {"input": (Image,)}

    depth: Literal[11, 13, 16, 19] = 16
    """Number of layers, by which the paper names them (Table 1)."""
    batch_norm: bool = False
    """Batch normalisation behind every convolution; the paper has none."""
    layer: str = "features"
    """Layer to cut at: `features` or one of its numbers (`features.28`) and `avgpool` give regions; `flatten`,
    `classifier` and one of its numbers (`classifier.3`) a vector."""
    weights: str = field(default="none", metadata={"identity": lambda spec: counted(spec.weights, spec.network)})
    """`none` draws them, `imagenet` takes those that `convert-weights` made; else the path of a safetensors file."""
    frozen: bool = False
    """No parameter is trained, and dropout and batch statistics stay as in evaluation."""

    @property
    def network(self) -> str:
        """Torchvision's name of it."""
        return f"vgg{self.depth}{'_bn' if self.batch_norm else ''}"

    def build(self, *, input: Space) -> Backbone:
        return Backbone(input=input, name=self.network, layer=self.layer, weights=self.weights, frozen=self.frozen)
