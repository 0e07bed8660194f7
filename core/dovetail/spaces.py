"""Spaces: the types of what flows between parts. A space knows a batch's shape and can make, check and collate one.

Axes: batch time feature; batch channels height width; batch regions feature. Whatever varies in length is `Padded`.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from functools import cached_property
from typing import Any, NamedTuple

import torch
from attrs import field, frozen
from torch import Generator, Tensor
from torch.nn.utils.rnn import pad_sequence


def _tuple(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _dict(spaces: Mapping[str, Space]) -> Mapping[str, Space]:
    return dict(spaces)


class Padded(NamedTuple):
    """A batch of varying lengths. Values behind an example's length are padding.

    Shape: data (batch, time, …), lengths (batch) of integers.
    """

    data: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """True where a value is real. Shape: (batch, time)."""
        return torch.arange(self.data.shape[1], device=self.data.device) < self.lengths[:, None]


class Normal(NamedTuple):
    """Diagonal Gaussians. Shape: mean and log_variance (batch, size) each."""

    mean: Tensor
    log_variance: Tensor


@frozen(slots=False)
class Vocabulary:
    """The symbols of a token space, in the order of their numbers.

    `pad`, `start`, `end` and `unknown` are the numbers of the special symbols; `joiner` stands between symbols in text.
    """

    symbols: tuple[str, ...] = field(converter=_tuple, repr=lambda symbols: f"<{len(symbols)} symbols>")
    joiner: str = " "
    pad: int = 0
    start: int = 1
    end: int = 2
    unknown: int = 3

    SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")

    @classmethod
    def of(cls, symbols: Iterable[str], joiner: str = " ") -> Vocabulary:
        """A vocabulary of the four special symbols and then `symbols`, in the order given."""
        return cls(symbols=(*cls.SPECIAL, *symbols), joiner=joiner)

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """The numbers of `symbols`; a symbol that is not known becomes `unknown`."""
        return [self.numbers.get(symbol, self.unknown) for symbol in symbols]

    def symbols_of(self, numbers: Iterable[int]) -> list[str]:
        """The symbols of `numbers` up to `end`, without padding and start."""
        until_end = itertools.takewhile(lambda number: number != self.end, numbers)
        return [self.symbols[number] for number in until_end if number not in (self.pad, self.start)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of `numbers` up to `end`, without padding and start."""
        return self.joiner.join(self.symbols_of(numbers))


class Space(ABC):
    """What flows between two parts. Subclasses are frozen attrs classes; two spaces fit where they are equal."""

    @abstractmethod
    def fake(self, batch: int, generator: Generator | None = None) -> Any:
        """A batch of random values that lies in the space."""

    @abstractmethod
    def check(self, value: Any) -> None:
        """Raise ValueError where `value` is no batch of this space."""

    def collate(self, items: Items[Any]) -> Any:
        """One batch of examples, each without its batch axis."""
        return torch.stack(list(items))

    def _must(self, condition: bool, rule: str, value: Any) -> None:
        if not condition:
            raise ValueError(f"a batch of {self} must be {rule}, but is {value}")

    def _must_have_shape(self, value: Any, *shape: int) -> None:
        found = tuple(value.shape) if isinstance(value, Tensor) else (type(value).__name__,)
        rule = f"({', '.join(['batch', *map(str, shape)])})"
        self._must(isinstance(value, Tensor) and found[1:] == shape, rule, found)

    def _must_lie_in(self, value: Tensor, low: float, high: float) -> None:
        inside = not value.numel() or bool(low <= value.min() and value.max() <= high)
        self._must(inside, f"in [{low}, {high}]", "outside")

    def _must_be_integers(self, value: Tensor, count: int) -> None:
        self._must(not value.is_floating_point(), "integers", value.dtype)
        self._must_lie_in(value, 0, count - 1)


@frozen
class Vector(Space):
    """(batch, size)"""

    size: int

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        return torch.randn(batch, self.size, generator=generator)

    def check(self, value: Any) -> None:
        self._must_have_shape(value, self.size)


@frozen
class Gaussian(Space):
    """A diagonal Gaussian: `Normal` of mean and log-variance, (batch, size) each"""

    size: int

    def fake(self, batch: int, generator: Generator | None = None) -> Normal:
        return Normal(*torch.randn(2, batch, self.size, generator=generator))

    def check(self, value: Any) -> None:
        self._must(isinstance(value, Normal), "Normal", type(value).__name__)
        for part in value:
            self._must_have_shape(part, self.size)

    def collate(self, items: Items[Any]) -> Normal:
        return Normal(*map(torch.stack, zip(*items, strict=True)))


@frozen
class Label(Space):
    """(batch) of integers below `classes`; `names` are the classes' names, where they have any"""

    classes: int
    names: tuple[str, ...] = field(default=(), converter=_tuple, repr=False)

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        return torch.randint(self.classes, (batch,), generator=generator)

    def check(self, value: Any) -> None:
        self._must_have_shape(value)
        self._must_be_integers(value, self.classes)


@frozen
class Image(Space):
    """(batch, channels, height, width) with values in [`low`, `high`]"""

    channels: int
    height: int
    width: int
    low: float = -1.0
    high: float = 1.0

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        unit = torch.rand(batch, self.channels, self.height, self.width, generator=generator)
        return self.low + (self.high - self.low) * unit

    def check(self, value: Any) -> None:
        self._must_have_shape(value, self.channels, self.height, self.width)
        self._must_lie_in(value, self.low, self.high)


@frozen
class Regions(Space):
    """(batch, regions, size): annotation vectors; `grid` is their (height, width) where they lie on one"""

    count: int
    size: int
    grid: tuple[int, int] | None = None

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        return torch.randn(batch, self.count, self.size, generator=generator)

    def check(self, value: Any) -> None:
        self._must_have_shape(value, self.count, self.size)


class Varying(Space):
    """A space of `Padded` (batch, time, …): steps of one space, at most `length` where it is not None."""

    length: int | None

    @property
    def pad(self) -> float:
        """The value behind an example's last step."""
        return 0

    @property
    @abstractmethod
    def item(self) -> Space:
        """The space of one step."""

    def fake(self, batch: int, generator: Generator | None = None) -> Padded:
        time = 5 if self.length is None else min(self.length, 5)
        lengths = torch.randint(1, time + 1, (batch,), generator=generator)
        lengths[:1] = time
        data = self.item.fake(batch * time, generator).unflatten(0, (batch, time))
        mask = Padded(data, lengths).mask
        return Padded(data.masked_fill(~mask.reshape(mask.shape + (1,) * (data.ndim - 2)), self.pad), lengths)

    def check(self, value: Any) -> None:
        self._must(isinstance(value, Padded), "Padded", type(value).__name__)
        data, lengths = value
        self._must(data.ndim >= 2, "(batch, time, …)", tuple(data.shape))
        self._must(self.length is None or data.shape[1] <= self.length, f"at most {self.length} long", data.shape[1])
        self._must(lengths.shape == data.shape[:1], "with one length an example", tuple(lengths.shape))
        inside = bool(((lengths >= 0) & (lengths <= data.shape[1])).all())
        self._must(inside, "with lengths inside the data", lengths.tolist())
        try:
            self.item.check(data.flatten(0, 1))
        except ValueError as error:
            raise ValueError(f"the steps of a batch of {self}: {error}") from error

    def collate(self, items: Items[Any]) -> Padded:
        lengths = torch.tensor([len(item) for item in items])
        return Padded(pad_sequence(list(items), batch_first=True, padding_value=self.pad), lengths)


@frozen
class Labels(Varying):
    """`Padded` (batch, time) of integers below `classes`, at most `length` long where it is not None"""

    length: int | None
    classes: int
    names: tuple[str, ...] = field(default=(), converter=_tuple, repr=False)

    @property
    def item(self) -> Label:
        return Label(self.classes, self.names)


@frozen
class Tokens(Varying):
    """`Padded` (batch, time) of the vocabulary's numbers, padded with its `pad`, at most `length` long if not None"""

    vocabulary: Vocabulary
    length: int | None = None

    @property
    def item(self) -> Label:
        return Label(len(self.vocabulary))

    @property
    def pad(self) -> int:
        return self.vocabulary.pad

    def decode(self, value: Padded) -> list[str]:
        """The text of each example."""
        rows = zip(value.data.tolist(), value.lengths.tolist(), strict=True)
        return [self.vocabulary.decode(row[:length]) for row, length in rows]


@frozen
class Sequence(Varying):
    """`Padded` (batch, time, size), at most `length` long where it is not None"""

    length: int | None
    size: int

    @property
    def item(self) -> Vector:
        return Vector(self.size)


@frozen
class Frames(Varying):
    """`Padded` (batch, time, channels, height, width): images in a row, padded with the lowest value"""

    length: int | None
    image: Image

    @property
    def item(self) -> Image:
        return self.image

    @property
    def pad(self) -> float:
        return self.image.low


@frozen(slots=False, hash=False)
class Fields(Space, Mapping[str, Space]):
    """A dictionary of batches, by name"""

    spaces: Mapping[str, Space] = field(converter=_dict)

    def __getitem__(self, name: str) -> Space:
        return self.spaces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.spaces)

    def __len__(self) -> int:
        return len(self.spaces)

    def __hash__(self) -> int:
        return hash(frozenset(self.spaces.items()))

    def fake(self, batch: int, generator: Generator | None = None) -> dict[str, Any]:
        return {name: space.fake(batch, generator) for name, space in self.spaces.items()}

    def check(self, value: Any) -> None:
        found = sorted(value) if isinstance(value, Mapping) else type(value).__name__
        self._must(found == sorted(self.spaces), f"a mapping of {sorted(self.spaces)}", found)
        for name, space in self.spaces.items():
            space.check(value[name])

    def collate(self, items: Items[Any]) -> dict[str, Any]:
        return {name: space.collate([item[name] for item in items]) for name, space in self.spaces.items()}
