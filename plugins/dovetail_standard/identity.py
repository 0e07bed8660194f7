"""An encoder that changes nothing: a slot that holds it passes its input on."""

from __future__ import annotations

from typing import Any, final

from attrs import frozen

from dovetail import Encoder, EncoderSpec, Space


@frozen(kw_only=True)
class IdentitySpec(EncoderSpec):
    """Passes its input on."""

    def build(self, *, input: Space) -> Identity:
        return Identity(space=input)


@final
class Identity(Encoder):
    """Passes a batch of `space` on.

    Shape: x and the result a batch of `space`, whatever that is.
    """

    output: Space

    def __init__(self, *, space: Space) -> None:
        super().__init__()
        self.output = space

    def forward(self, x: Any) -> Any:
        return x
