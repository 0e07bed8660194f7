"""Scenes of one to three coloured shapes with captions, drawn from a seed when first asked for.

Shapes do not touch, and two centres lie either at most `ALIGNED` or at least `APART` per cent of the image's side from
each other along each axis, so that what is left of what is never in doubt. An example depends on the seed, its split
and its number alone; its scene and captions are the same at every size. No scene is in two splits: a hash of all that
it holds says which one it may be in, `train` half of all scenes, `valid` and `test` a quarter each.

Fields: `image`; `captions`, all of an image's; `caption`, one of them: any where there is augmentation, else the first;
`scene`, the truth.

Axes: batch channels height width; batch time; batch objects attributes.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from itertools import combinations
from math import dist
from random import Random
from typing import NamedTuple, final
from zlib import crc32

import torch
from attrs import field, frozen
from einops import rearrange
from torch import Tensor

from dovetail import Augment, Batch, DatasetSpec, Fields, Image, Split, Tokens, within
from dovetail.randomness import stream_seed
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.caption_words import LONGEST, vocabulary
from dovetail_standard.captions import choice, write
from dovetail_standard.captions_space import Captions
from dovetail_standard.drawing import RADII, REACH, draw
from dovetail_standard.pixels import scaled
from dovetail_standard.scene_space import COLOURS, SHAPES, SIDE, SIZES, Scene, Thing
from dovetail_standard.statements import APART

ALIGNED = 5
GAP = 2
"""Per cent of the image's side that shapes keep from one another and from the border."""
SHARES = {"train": (0, 1), "valid": (2,), "test": (3,)}
"""The quarters of all scenes that each split may have."""
KEPT_BYTES = 2**30
"""A split whose images take more is drawn anew whenever it is taken from."""
PROBED = 8
"""So many examples of each split count for the fingerprint."""


@frozen(kw_only=True)
class ScenesSpec(DatasetSpec):
    """Drawn shapes in spatial relations, with captions and the truth, without a download."""

    train: int = field(default=10000, validator=within("[1, inf)"))
    """Examples for training."""
    valid: int = field(default=1000, validator=within("[1, inf)"))
    """Examples for validation."""
    test: int = field(default=1000, validator=within("[1, inf)"))
    """Examples for testing."""
    size: int = field(default=64, validator=within("[8, inf)"))
    """Side of the images, in pixels; shapes are hard to tell apart below 24."""
    objects: int = field(default=3, validator=within("[1, 3]"))
    """A scene has one to so many objects."""
    captions: int = field(default=5, validator=within("[1, 20]"))
    """Captions an image, no two alike."""
    seed: int = 0
    """Seed of all that is drawn."""

    def build(self) -> ArrayDataset:
        tokens = Tokens(vocabulary(), LONGEST + 1)
        fields = Fields(
            {
                "image": Image(3, self.size, self.size),
                "captions": Captions(self.captions, tokens),
                "caption": tokens,
                "scene": Scene(self.objects),
            }
        )
        counts = {"train": self.train, "valid": self.valid, "test": self.test}
        splits = {
            name: ScenesSplit(
                name=name,
                count=count,
                size=self.size,
                objects=self.objects,
                captions=self.captions,
                seed=self.seed,
            )
            for name, count in counts.items()
        }
        probes = [split.example(index) for split in splits.values() for index in range(min(len(split), PROBED))]
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, counts, self.seed, probes))


class Example(NamedTuple):
    """A scene and its captions' texts."""

    scene: tuple[Thing, ...]
    captions: tuple[str, ...]


class _Drawn(NamedTuple):
    """An example as tensors, its pixels as bytes. Shape: pixels (channels, height, width)."""

    pixels: Tensor
    captions: tuple[Tensor, ...]
    scene: Tensor


@final
class ScenesSplit(Split):
    """`count` scenes of the split `name`, each drawn when it is first taken."""

    def __init__(self, *, name: str, count: int, size: int, objects: int, captions: int, seed: int) -> None:
        self.name, self.count, self.size, self.seed = name, count, size, seed
        self.tokens = Tokens(vocabulary(), LONGEST + 1)
        self.space, self.captions = Scene(objects), Captions(captions, self.tokens)
        self.keeps = count * size * size * 3 <= KEPT_BYTES
        self._kept: dict[int, _Drawn] = {}

    def __len__(self) -> int:
        return self.count

    def example(self, index: int) -> Example:
        """One example, whatever was drawn before."""
        if not 0 <= index < self.count:
            raise IndexError(f"`index` must be in [0, {self.count}), but is {index}")
        random = Random(stream_seed(self.seed, "scenes", self.name, index))  # noqa: S311 (nothing is secret)
        scene = draw_scene(random, self.space.objects)
        while _quarter(scene) not in SHARES[self.name]:
            scene = draw_scene(random, self.space.objects)
        return Example(scene, tuple(write(scene, self.captions.count, random)))

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        drawn = [self._draw(index) for index in indices]
        chosen = [self._chosen(index, augment) for index in indices]
        return {
            "image": scaled(torch.stack([one.pixels for one in drawn])),
            "captions": self.captions.collate([one.captions for one in drawn]),
            "caption": self.tokens.collate([one.captions[n] for one, n in zip(drawn, chosen, strict=True)]),
            "scene": self.space.collate([one.scene for one in drawn]),
        }

    def _chosen(self, index: int, augment: Augment | None) -> int:
        if augment is None:
            return 0
        return int(torch.randint(self.captions.count, (), generator=augment(index)))

    def _draw(self, index: int) -> _Drawn:
        if index in self._kept:
            return self._kept[index]
        scene, captions = self.example(index)
        pixels = rearrange(torch.from_numpy(draw(scene, self.size)), "row column channel -> channel row column")
        symbols = self.tokens.vocabulary
        numbers = tuple(torch.tensor([*symbols.encode(text.split()), symbols.end]) for text in captions)
        drawn = _Drawn(pixels.contiguous(), numbers, self.space.encode(scene))
        if self.keeps:
            self._kept[index] = drawn
        return drawn


def draw_scene(random: Random, most: int) -> tuple[Thing, ...]:
    """One to `most` objects, from left to right, that keep apart as this module says."""
    number = 1 + int(random.random() * most)
    looks = [(choice(random, SHAPES), choice(random, COLOURS), choice(random, SIZES)) for _ in range(number)]
    while True:
        things = [Thing(*look, *(_centre(look[2], random) for _ in "xy")) for look in looks]
        if all(_apart(one, other) for one, other in combinations(things, 2)):
            return tuple(sorted(things, key=lambda thing: (thing.x, thing.y)))


def _centre(size: str, random: Random) -> int:
    border = round(RADII[size] * REACH) + GAP
    return border + int(random.random() * (SIDE + 1 - 2 * border))


def _apart(one: Thing, other: Thing) -> bool:
    across, down = abs(one.x - other.x), abs(one.y - other.y)
    clear = all(way <= ALIGNED or way >= APART for way in (across, down))
    return clear and dist((across, down), (0, 0)) >= REACH * (RADII[one.size] + RADII[other.size]) + GAP


def _quarter(scene: tuple[Thing, ...]) -> int:
    return crc32(repr([tuple(thing) for thing in scene]).encode()) % 4
