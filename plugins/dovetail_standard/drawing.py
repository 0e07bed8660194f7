"""Draws scenes: filled polygons with soft edges on a plain background, at any size.

Axes: row column channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dovetail_standard.scene_space import SIDE, Thing

BACKGROUND = (238, 238, 232)
COLOURS = {
    "red": (215, 30, 35),
    "orange": (250, 135, 15),
    "yellow": (250, 215, 20),
    "green": (35, 150, 60),
    "blue": (30, 85, 215),
    "purple": (125, 45, 165),
    "pink": (250, 140, 190),
    "black": (25, 25, 25),
}
RADII = {"small": 8, "large": 15}
"""Per cent of the image's side."""
REACH = 1.2
"""How far from its centre a shape may reach, in radii."""
FINER = 4
"""Each pixel is the mean of so many by so many."""

Corners = tuple[tuple[float, float], ...]


def _around(count: int, *reaches: float) -> Corners:
    """Corners around the centre at equal angles from the top, at each of the distances in turn."""
    angles = [2 * pi * place / count for place in range(count)]
    return tuple((r * sin(a), -r * cos(a)) for a, r in zip(angles, reaches * (count // len(reaches)), strict=True))


def _cross(reach: float, half: float) -> Corners:
    arm = ((-half, -half), (-half, -reach), (half, -reach))
    turned = [arm, *(tuple((-y * s, x * s) if s else (-x, -y) for x, y in arm) for s in (1, 0, -1))]
    return tuple(corner for part in turned for corner in part)


CORNERS: dict[str, Corners] = {
    "circle": _around(60, 1.0),
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": _around(3, REACH),
    "star": _around(10, REACH, 0.5),
    "cross": _cross(1.05, 0.36),
}
"""The corners of each shape in radii from its centre, x to the right and y down."""


def draw(scene: Iterable[Thing], size: int) -> NDArray[np.uint8]:
    """The image of a scene. Shape: (size, size, 3)."""
    scale = size * FINER / SIDE
    canvas = Image.new("RGB", (size * FINER, size * FINER), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    for thing in scene:
        radius = RADII[thing.size]
        # a corner is at a pixel's middle, which Pillow gives whole numbers
        corners = [
            ((thing.x + radius * x) * scale - 0.5, (thing.y + radius * y) * scale - 0.5)
            for x, y in CORNERS[thing.shape]
        ]
        pen.polygon(corners, fill=COLOURS[thing.colour])
    return np.array(canvas.reduce(FINER))
