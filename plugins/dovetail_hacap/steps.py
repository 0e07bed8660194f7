"""The steps of captions as arrays of double precision, each caption without its padding.

Axes: batch time feature; step feature, of one caption.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dovetail import Padded

Steps = NDArray[np.float64]


def steps_of(name: str, value: Padded) -> list[Steps]:
    """Each caption's steps; raises ValueError, with the field's `name`, where they are not finite.

    Shape: (step, feature).
    """
    data = value.data.detach().double().cpu().numpy()
    steps = [rows[:length] for rows, length in zip(data, value.lengths.tolist(), strict=True)]
    if not all(np.isfinite(each).all() for each in steps):
        raise ValueError(f"`{name}` must be finite, but some are infinite or not a number")
    return steps


def directions(steps: Steps) -> Steps:
    """Each step as a vector of length 1; one of zeros stays as it is. Shape: (step, feature) both."""
    norms = np.linalg.norm(steps, axis=1, keepdims=True)
    return np.divide(steps, norms, out=np.zeros_like(steps), where=norms > 0)
