"""A projection of each region, behind an encoder of images or of regions that are there already.

The authors' code of hacap2018 projects the annotations once and takes the context from the projections. Neither it nor
the paper tells the decoder where a region lies, but in what the borders of the image leave in its features; `places`
adds a trained vector for each place, as vaswani2017attention does for words.

Axes: batch place feature.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import evolve, field, frozen
from torch import Tensor, nn

from dovetail import Encoder, EncoderSpec, Image, Misfit, Regions, within

PLACES = 0.1
"""Standard deviation that the places' vectors start with."""


@frozen(kw_only=True)
class ProjectedSpec(EncoderSpec):
    """A linear layer from each region to `size` features."""

    takes = {"input": (Image, Regions)}
    encoder: EncoderSpec | None = None
    """From an image to its regions; without it the input is regions."""
    size: int = field(default=256, validator=within("[1, inf)"))
    """Features of each projected region."""
    places: bool = False
    """Add a trained vector for each place."""

    def build(self, *, input: Image | Regions) -> Projected:
        encoder = None if self.encoder is None else self.encoder.build(input=input)
        regions = input if encoder is None else encoder.output
        if not isinstance(regions, Regions):
            raise Misfit("encoder", "an encoder whose output is Regions, where the input is none", regions)
        return Projected(regions=regions, encoder=encoder, size=self.size, places=self.places)


@final
class Projected(Encoder):
    """Shape: x a batch of what `encoder` reads, or of `regions`; result (batch, place, size).

    Args:
        regions: the space of what is projected.
        encoder: from the input to the regions, if the input is not the regions.
        size: features of each projected region.
        places: whether a trained vector for each place is added.
    """

    output: Regions

    def __init__(
        self, *, regions: Regions, encoder: Encoder | None = None, size: int = 256, places: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(regions.size, size)
        nn.init.xavier_uniform_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        self.places = nn.Parameter(torch.empty(regions.count, size).normal_(std=PLACES)) if places else None
        self.output = evolve(regions, size=size)

    def forward(self, x: Any) -> Tensor:
        projected: Tensor = self.projection(x if self.encoder is None else self.encoder(x))
        return projected if self.places is None else projected + self.places
