"""torchvision's Inception-v3, cut at a named layer."""

from __future__ import annotations

from attrs import field, frozen

from dovetail import EncoderSpec, Image, Space
from dovetail_standard.backbone import Backbone
from dovetail_standard.weights import counted


@frozen(kw_only=True)
class InceptionSpec(EncoderSpec):
    """Inception-v3 (szegedy2016inception) up to a layer."""

    takes = {"input": (Image,)}

    layer: str = "avgpool"
    """Layer to cut at: `Conv2d_1a_3x3` … `Mixed_7c` give regions; `avgpool`, `dropout`, `fc` a vector."""
    weights: str = field(default="none", metadata={"identity": lambda spec: counted(spec.weights, spec.network)})
    """`none` draws them, `imagenet` takes those that `convert-weights` made; else the path of a safetensors file."""
    frozen: bool = False
    """No parameter is trained, and batch statistics stay those of evaluation."""

    @property
    def network(self) -> str:
        """Torchvision's name of it."""
        return "inception_v3"

    def build(self, *, input: Space) -> Backbone:
        return Backbone(input=input, name=self.network, layer=self.layer, weights=self.weights, frozen=self.frozen)
