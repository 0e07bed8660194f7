"""Spaces: the types of what flows between parts. A space knows the shape of a batch and can make, check and collate one.

Axes: batch time feature; batch channels height width; batch regions feature. Whatever varies in length travels as `Padded`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Items
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define, field, frozen

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Padded(NamedTuple):
    """A batch of varying lengths. Values behind an example's length are padding.

    Shape: data (batch, time, …), lengths (batch) of integers.
    """

    data: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """True where a value is real. Shape: (batch, time)."""
        import torch

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

    symbols: tuple[str, ...] = field(converter=tuple, repr=lambda symbols: f"<{len(symbols)} symbols>")
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

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of `numbers` up to `end`, without padding and start."""
        words = []
        for number in numbers:
            if number == self.end:
                break
            if number not in (self.pad, self.start):
                words.append(self.symbols[number])
        return self.joiner.join(words)


def _must(condition: bool, space: Space, rule: str, value: Any) -> None:
    if not condition:
        raise ValueError(f"a batch of {space} must be {rule}, but is {value}")


def _shape(value: Any) -> Any:
    return tuple(value.shape) if hasattr(value, "shape") else type(value).__name__


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
        import torch

        return torch.stack(list(items))


def _check_padded(space: Space, value: Any, width: tuple[int, ...], length: int | None) -> None:
    _must(isinstance(value, Padded), space, "Padded", type(value).__name__)
    data, lengths = value
    _must(tuple(data.shape[2:]) == width, space, f"(batch, time{''.join(f', {n}' for n in width)})", _shape(data))
    _must(tuple(lengths.shape) == (data.shape[0],), space, "with one length an example", _shape(lengths))
    _must(length is None or data.shape[1] <= length, space, f"at most {length} long", data.shape[1])
    _must(
        not lengths.numel() or 0 <= int(lengths.min()) <= int(lengths.max()) <= data.shape[1],
        space,
        "with lengths inside the data",
        lengths.tolist(),
    )


def _pad(items: Items[Any], value: float) -> Padded:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    return Padded(
        pad_sequence(list(items), batch_first=True, padding_value=value), torch.tensor([len(item) for item in items])
    )


def _fake_lengths(batch: int, length: int | None, generator: Generator | None) -> tuple[int, Tensor]:
    import torch

    time = min(length or 5, 5)
    lengths = torch.randint(1, time + 1, (batch,), generator=generator)
    lengths[0] = time
    return time, lengths


def _check_integers(space: Space, data: Any, classes: int) -> None:
    _must(not data.is_floating_point(), space, "integers", data.dtype)
    _must(
        not data.numel() or (0 <= int(data.min()) and int(data.max()) < classes),
        space,
        f"in 0 … {classes - 1}",
        "outside",
    )


@frozen
class Vector(Space):
    """(batch, size)"""

    size: int

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        import torch

        return torch.randn(batch, self.size, generator=generator)

    def check(self, value: Any) -> None:
        _must(_shape(value)[1:] == (self.size,), self, f"(batch, {self.size})", _shape(value))


@frozen
class Gaussian(Space):
    """A diagonal Gaussian: `Normal` of mean and log-variance, (batch, size) each"""

    size: int

    def fake(self, batch: int, generator: Generator | None = None) -> Normal:
        import torch

        return Normal(
            torch.randn(batch, self.size, generator=generator), torch.randn(batch, self.size, generator=generator)
        )

    def check(self, value: Any) -> None:
        _must(isinstance(value, Normal), self, "Normal", type(value).__name__)
        for part in value:
            _must(_shape(part)[1:] == (self.size,), self, f"(batch, {self.size})", _shape(part))

    def collate(self, items: Items[Any]) -> Normal:
        import torch

        return Normal(torch.stack([item[0] for item in items]), torch.stack([item[1] for item in items]))


@frozen
class Label(Space):
    """(batch) of integers below `classes`; `names` are the classes' names, where they have any"""

    classes: int
    names: tuple[str, ...] = field(default=(), converter=tuple, repr=False)

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        import torch

        return torch.randint(self.classes, (batch,), generator=generator)

    def check(self, value: Any) -> None:
        _must(len(_shape(value)) == 1, self, "(batch)", _shape(value))
        _check_integers(self, value, self.classes)


@frozen
class Labels(Space):
    """`Padded` (batch, time) of integers below `classes`, at most `length` long where it is not None"""

    length: int | None
    classes: int
    names: tuple[str, ...] = field(default=(), converter=tuple, repr=False)

    def fake(self, batch: int, generator: Generator | None = None) -> Padded:
        import torch

        time, lengths = _fake_lengths(batch, self.length, generator)
        return Padded(torch.randint(self.classes, (batch, time), generator=generator), lengths)

    def check(self, value: Any) -> None:
        _check_padded(self, value, (), self.length)
        _check_integers(self, value.data, self.classes)

    def collate(self, items: Items[Any]) -> Padded:
        return _pad(items, 0)


@frozen
class Tokens(Space):
    """`Padded` (batch, time) of the vocabulary's numbers, padded with its `pad`, at most `length` long where it is not None"""

    vocabulary: Vocabulary
    length: int | None = None

    def fake(self, batch: int, generator: Generator | None = None) -> Padded:
        import torch

        time, lengths = _fake_lengths(batch, self.length, generator)
        value = Padded(torch.randint(len(self.vocabulary), (batch, time), generator=generator), lengths)
        return Padded(value.data.masked_fill(~value.mask, self.vocabulary.pad), lengths)

    def check(self, value: Any) -> None:
        _check_padded(self, value, (), self.length)
        _check_integers(self, value.data, len(self.vocabulary))

    def collate(self, items: Items[Any]) -> Padded:
        return _pad(items, self.vocabulary.pad)

    def decode(self, value: Padded) -> list[str]:
        """The text of each example."""
        rows = zip(value.data.tolist(), value.lengths.tolist(), strict=True)
        return [self.vocabulary.decode(row[:length]) for row, length in rows]


@frozen
class Sequence(Space):
    """`Padded` (batch, time, size), at most `length` long where it is not None"""

    length: int | None
    size: int

    def fake(self, batch: int, generator: Generator | None = None) -> Padded:
        import torch

        time, lengths = _fake_lengths(batch, self.length, generator)
        value = Padded(torch.randn(batch, time, self.size, generator=generator), lengths)
        return Padded(value.data * value.mask[..., None], lengths)

    def check(self, value: Any) -> None:
        _check_padded(self, value, (self.size,), self.length)

    def collate(self, items: Items[Any]) -> Padded:
        return _pad(items, 0.0)


@frozen
class Image(Space):
    """(batch, channels, height, width) with values in [`low`, `high`]"""

    channels: int
    height: int
    width: int
    low: float = -1.0
    high: float = 1.0

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        import torch

        unit = torch.rand(batch, self.channels, self.height, self.width, generator=generator)
        return self.low + (self.high - self.low) * unit

    def check(self, value: Any) -> None:
        shape = (self.channels, self.height, self.width)
        _must(_shape(value)[1:] == shape, self, f"(batch, {', '.join(map(str, shape))})", _shape(value))
        _must(
            not value.numel() or (float(value.min()) >= self.low and float(value.max()) <= self.high),
            self,
            f"in [{self.low}, {self.high}]",
            "outside",
        )


@frozen
class Frames(Space):
    """`Padded` (batch, time, channels, height, width): images in a row"""

    length: int | None
    image: Image

    def fake(self, batch: int, generator: Generator | None = None) -> Padded:
        import torch

        time, lengths = _fake_lengths(batch, self.length, generator)
        frames = torch.stack([self.image.fake(time, generator) for _ in range(batch)])
        return Padded(frames, lengths)

    def check(self, value: Any) -> None:
        _check_padded(self, value, (self.image.channels, self.image.height, self.image.width), self.length)

    def collate(self, items: Items[Any]) -> Padded:
        return _pad(items, 0.0)


@frozen
class Regions(Space):
    """(batch, regions, size): annotation vectors; `grid` is their (height, width) where they lie on one"""

    count: int
    size: int
    grid: tuple[int, int] | None = None

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        import torch

        return torch.randn(batch, self.count, self.size, generator=generator)

    def check(self, value: Any) -> None:
        _must(_shape(value)[1:] == (self.count, self.size), self, f"(batch, {self.count}, {self.size})", _shape(value))


@define(frozen=True, slots=False, hash=False)
class Fields(Space, Mapping[str, Space]):
    """A dictionary of batches, by name"""

    spaces: Mapping[str, Space] = field(converter=dict)

    def __getitem__(self, name: str) -> Space:
        return self.spaces[name]

    def __iter__(self) -> Any:
        return iter(self.spaces)

    def __len__(self) -> int:
        return len(self.spaces)

    def __hash__(self) -> int:
        return hash(tuple(sorted((name, hash(space)) for name, space in self.spaces.items())))

    def fake(self, batch: int, generator: Generator | None = None) -> dict[str, Any]:
        return {name: space.fake(batch, generator) for name, space in self.spaces.items()}

    def check(self, value: Any) -> None:
        _must(
            isinstance(value, Mapping) and set(value) == set(self.spaces),
            self,
            f"a mapping of {sorted(self.spaces)}",
            value if not isinstance(value, Mapping) else sorted(value),
        )
        for name, space in self.spaces.items():
            space.check(value[name])

    def collate(self, items: Items[Any]) -> dict[str, Any]:
        return {name: space.collate([item[name] for item in items]) for name, space in self.spaces.items()}
