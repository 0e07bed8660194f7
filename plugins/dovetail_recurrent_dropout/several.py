"""Several schemes of dropout in one recurrence, together.

Paper: semeniuta2019, section 3.3.3: the three schemes "are not mutually exclusive", and `update` with `gal` is expected
"to hold the biggest potential"; section 3.4 puts forward dropout beside each of them. Where two schemes act at one
place, their masks are multiplied; of two that let a memory stay, either one is enough.

Axes: masks are time-first, as each scheme makes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import final

import torch
from attrs import frozen
from torch import Tensor, nn

from dovetail import State
from dovetail_recurrent_dropout.dropout import Dropout, DropoutSpec, Masks, Site


@frozen(kw_only=True)
class SeveralSpec(DropoutSpec):
    """Schemes that act together."""

    schemes: tuple[DropoutSpec, ...] = ()
    """The schemes (end of section 3.3.3); without any, nothing is dropped."""

    def build(self) -> SeveralDropout:
        return SeveralDropout(schemes=[scheme.build() for scheme in self.schemes])


@final
class SeveralDropout(Dropout):
    """All the masks of several schemes.

    Args:
        schemes: they draw their masks in this order; what is several itself counts as its schemes.
    """

    def __init__(self, *, schemes: Iterable[Dropout]) -> None:
        super().__init__()
        apart = [scheme.schemes if isinstance(scheme, SeveralDropout) else [scheme] for scheme in schemes]
        self.schemes = nn.ModuleList(scheme for part in apart for scheme in part)

    def carries(self, site: Site) -> int:
        return sum(scheme.carries(site) for scheme in self.schemes)

    def carried(self, site: Site, memory: Tensor) -> State:
        return tuple(part for scheme in self.schemes for part in scheme.carried(site, memory))

    def forward(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        drawing = sum(scheme.carries(site) == 0 for scheme in self.schemes) if self.training else 0
        if drawing < 2:
            return self._together(site, memory, steps, carried)
        each = [self._together(site, memory, 1, carried) for _ in range(steps)]  # the random numbers of repeated steps
        return Masks(*(None if parts[0] is None else torch.cat(parts) for parts in zip(*each, strict=True)))

    def _together(self, site: Site, memory: Tensor, steps: int, carried: State) -> Masks:
        rest, masks = iter(carried), Masks()
        for scheme in self.schemes:
            share = tuple(islice(rest, scheme.carries(site)))
            masks = joined(masks, scheme(site, memory, steps, share))
        return masks


def joined(one: Masks, other: Masks) -> Masks:
    """The masks of both: factors multiplied; what stays, stays by either."""
    both = [b if a is None else a if b is None else a * b for a, b in zip(one, other, strict=True)]
    masks = Masks(*both)
    if one.stay is None or other.stay is None:
        return masks
    return masks._replace(stay=one.stay + other.stay - masks.stay)
