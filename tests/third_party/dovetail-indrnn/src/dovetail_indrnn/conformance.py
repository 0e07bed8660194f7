"""What every initialiser must do, as checks of the conformance kit: of this plugin's and of any other's.

Axes: unit.
"""

from __future__ import annotations

from typing import Any

import torch
from dovetail.testing import Broken, Subject, check, subject_of

UNITS = 7


@subject_of("initialiser")
class InitialiserSubject(Subject):
    """The weights that it begins with."""

    def weights(self, seed: int = 0) -> Any:
        """Those of `UNITS` units."""
        initialiser = self.build()
        with self.on_stream(seed):
            return initialiser(UNITS)


@check(
    "initialiser",
    reason="the cell makes a parameter of what it is given, one number a unit",
    source="li2018indrnn",
    after=("examples",),
)
def starting_weights(subject: InitialiserSubject) -> None:
    """It gives a finite number for each unit, the same ones for the same seed."""
    one, other = subject.weights(), subject.weights()
    if tuple(one.shape) != (UNITS,) or not one.isfinite().all():
        raise Broken(f"must give {UNITS} finite numbers, but gives {one}")
    if not torch.equal(one, other):
        raise Broken("gives other weights for the same seed: draw from torch's global generator alone")
