"""Scenes: what is in an image, as a space, and as JSON lines that a person can write.

A scene is one or more coloured shapes, from left to right. Places are per cent of the image's side, from its left and
its top, so that one scene can be drawn at any size.

    {"objects": [{"shape": "circle", "colour": "red", "size": "large", "x": 25, "y": 70}]}

Axes: batch objects attributes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Any, NamedTuple

import torch
from attrs import frozen
from torch import Generator, Tensor

from dovetail.errors import Mistake, close, listed
from dovetail.spaces import Padded, Space, Varying

SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
SIZES = ("small", "large")
SIDE = 100
"""Places lie in 0 … 100."""


class Thing(NamedTuple):
    """One object of a scene; `x` and `y` are its centre, per cent of the image's side from the left and the top."""

    shape: str
    colour: str
    size: str
    x: int
    y: int


NAMES = {"shape": SHAPES, "colour": COLOURS, "size": SIZES}
ATTRIBUTES = Thing._fields
CLASSES = (len(SHAPES), len(COLOURS), len(SIZES), SIDE + 1, SIDE + 1)
"""How many values each attribute of a row has, in the order of `ATTRIBUTES`."""


@frozen
class Row(Space):
    """(batch, 5) of integers: an object's shape, colour, size, x and y, each below its number of classes"""

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        return torch.stack([torch.randint(count, (batch,), generator=generator) for count in CLASSES], dim=1)

    def check(self, value: Any) -> None:
        self._must_have_shape(value, len(CLASSES))
        for count, column in zip(CLASSES, value.unbind(1), strict=True):
            self._must_be_integers(column, count)


@frozen
class Scene(Varying):
    """`Padded` (batch, objects, 5) of integers: shape, colour, size, x and y of at most `objects` objects"""

    objects: int = 3

    @property
    def length(self) -> int:  # type: ignore[override]
        return self.objects

    @property
    def item(self) -> Row:
        return Row()

    def encode(self, things: Items[Thing]) -> Tensor:
        """One example, (objects, 5); raises ValueError where there are more than `objects`."""
        if len(things) > self.objects:
            raise ValueError(f"`objects` must be at most {self.objects} long, but is {len(things)}")
        rows = [[SHAPES.index(it.shape), COLOURS.index(it.colour), SIZES.index(it.size), it.x, it.y] for it in things]
        return torch.tensor(rows, dtype=torch.long).reshape(-1, len(CLASSES))

    def decode(self, value: Padded) -> list[tuple[Thing, ...]]:
        """The objects of each example."""
        return [
            tuple(Thing(SHAPES[s], COLOURS[c], SIZES[z], x, y) for s, c, z, x, y in rows[:length])
            for rows, length in zip(value.data.tolist(), value.lengths.tolist(), strict=True)
        ]

    @classmethod
    def read(cls, file: Path) -> tuple[Scene, Padded]:
        """The scenes of a file of JSON lines as a batch, and the space that it lies in; raises `Mistake`."""
        scenes = list(read_scenes(file))
        space = cls(objects=max((len(things) for things in scenes), default=0))
        if space.objects == 0:
            raise Mistake(f"{file}: has no scene with an object; a line is like {EXAMPLE}")
        return space, space.collate([space.encode(things) for things in scenes])


EXAMPLE = '{"objects": [{"shape": "circle", "colour": "red", "size": "large", "x": 25, "y": 70}]}'


def to_json(things: Iterable[Thing]) -> dict[str, Any]:
    """A scene as a JSON object."""
    return {"objects": [thing._asdict() for thing in things]}


def from_json(value: Any) -> tuple[Thing, ...]:
    """The scene of a JSON object; other keys beside `objects` are not read. Raises ValueError."""
    objects = value.get("objects") if isinstance(value, Mapping) else None
    if not isinstance(objects, list):
        raise ValueError(f"a scene must be like {EXAMPLE}")  # noqa: TRY004 (what a person wrote)
    return tuple(_thing(f"objects[{place}]", item) for place, item in enumerate(objects))


def _thing(path: str, value: Any) -> Thing:
    if not isinstance(value, Mapping):
        raise ValueError(f"`{path}` must be an object with {', '.join(ATTRIBUTES)}, but is {value!r}")  # noqa: TRY004
    if unknown := [key for key in value if key not in ATTRIBUTES]:
        raise ValueError(
            f"`{path}.{unknown[0]}` is no attribute: {close(unknown[0], ATTRIBUTES) or listed(ATTRIBUTES)}"
        )
    for key in ATTRIBUTES:
        if key not in value:
            raise ValueError(f"`{path}.{key}` is missing")
        given = value[key]
        if key in NAMES and given not in NAMES[key]:
            hint = close(given, NAMES[key]) if isinstance(given, str) else ""
            raise ValueError(
                f"`{path}.{key}` must be one of {listed(NAMES[key])}, but is {given!r}; {hint}".rstrip("; ")
            )
        if key not in NAMES and not (type(given) is int and 0 <= given <= SIDE):
            raise ValueError(f"`{path}.{key}` must be an integer in [0, {SIDE}], but is {given!r}")
    return Thing(**value)


def read_scenes(file: Path) -> Iterator[tuple[Thing, ...]]:
    """The scene of each line of a file; empty lines are passed over. Raises `Mistake` with the file and the line."""
    try:
        lines = Path(file).read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise Mistake(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Mistake(f"{file}: is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield from_json(json.loads(line))
        except json.JSONDecodeError as error:
            raise Mistake(f"{file}:{number}: is not JSON: {error.msg}; a line is like {EXAMPLE}") from error
        except ValueError as error:
            raise Mistake(f"{file}:{number}: {error}") from error


def write_scenes(file: Path, scenes: Iterable[Iterable[Thing]]) -> None:
    """One scene a line, as `read_scenes` reads them."""
    Path(file).write_text("".join(json.dumps(to_json(things)) + "\n" for things in scenes), encoding="utf-8")
