"""Small components for the core's tests. Sizes are tiny and all different."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from attrs import Factory, field, frozen
from torch import nn

from dovetail import (
    Dataset,
    DatasetSpec,
    Encoder,
    EncoderSpec,
    Fields,
    FrozenDict,
    Label,
    Metric,
    MetricSpec,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Phase,
    ScheduleSpec,
    Sequence,
    Space,
    Split,
    Vector,
    within,
)


class Rows(Split):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def take(self, indices, augment=None):
        x = torch.tensor([[float(index + place) for place in range(5)] for index in indices])
        return {"input": x, "label": torch.tensor([index % 3 for index in indices])}


class Numbers(Dataset):
    def __init__(self, count, features=None):
        self.fields = Fields({"input": Vector(5), "label": Label(3)})
        self.fingerprint = f"numbers-{count}"
        self.count, self.features = count, features

    def split(self, name):
        return Rows(self.count)


@frozen(kw_only=True)
class NumbersSpec(DatasetSpec):
    count: int = field(default=6, validator=within("[0, inf)"))
    place: Path | None = field(default=None, metadata={"identity": False})
    file: Path | None = None
    features: EncoderSpec | None = None

    def build(self):
        return Numbers(self.count, self.features.build(input=Vector(5)) if self.features else None)


class Linear(Encoder):
    def __init__(self, size, width):
        super().__init__()
        self.layer, self.noise = nn.Linear(size, width), nn.Dropout()
        self.output = Vector(width)

    def forward(self, x):
        return self.noise(self.layer(x))


@frozen(kw_only=True)
class LinearSpec(EncoderSpec):
    takes = {"input": (Vector,)}
    width: int = field(default=4, validator=within("[1, 64]"))
    rate: float = field(default=0.5, validator=within("[0, 1)"))
    form: Literal["round", "square"] = "round"
    scales: tuple[float, ...] = ()
    corner: tuple[int, int] = (1, 2)
    names: Mapping[str, int] = field(factory=FrozenDict, converter=FrozenDict)
    deep: bool = False
    title: str = ""

    def build(self, *, input):
        return Linear(input.size, self.width)


@frozen(kw_only=True)
class WideSpec(EncoderSpec):
    """Declares `width` as `linear` does, `rate` as another type, and `depth` alone; wants an even size."""

    width: int = 9
    rate: int = 1
    depth: int = 2

    def build(self, *, input):
        if input.size % 2:
            raise Misfit("input", "a Vector of even size", input)
        return Linear(input.size, self.width)


@frozen(kw_only=True)
class OfSequenceSpec(EncoderSpec):
    takes = {"input": (Sequence,)}

    def build(self, *, input):
        return Linear(input.size, 2)


class Pair(Encoder):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second
        self.output = second.output if second is not None else first.output

    def forward(self, x):
        x = self.first(x)
        return x if self.second is None else self.second(x)


@frozen(kw_only=True)
class PairSpec(EncoderSpec):
    """One encoder after another, or one alone; `same` builds the second for the first's input."""

    first: EncoderSpec = Factory(lambda: LinearSpec(width=7))
    second: EncoderSpec | None = None
    same: bool = False

    def build(self, *, input):
        first = self.first.build(input=input)
        after = input if self.same else first.output
        return Pair(first, self.second.build(input=after) if self.second is not None else None)


class Many(Encoder):
    def __init__(self, items):
        super().__init__()
        self.items = nn.ModuleList(items)
        self.output = items[0].output

    def forward(self, x):
        return sum(item(x) for item in self.items)


@frozen(kw_only=True)
class ManySpec(EncoderSpec):
    """A tuple and a mapping of slots, and a slot built twice."""

    items: tuple[EncoderSpec, ...] = ()
    named: Mapping[str, EncoderSpec] = field(factory=FrozenDict, converter=FrozenDict)
    twice: EncoderSpec | None = None

    def build(self, *, input):
        again = [self.twice, self.twice] if self.twice is not None else []
        return Many([item.build(input=input) for item in (*self.items, *self.named.values(), *again)])


class Fit(Objective):
    def __init__(self, encoder, other, label, optimizer):
        super().__init__()
        self.encoder, self.other = encoder, other
        self.readout = nn.Linear(encoder.output.size, label.classes)
        self.phases = (Phase(name="fit", parts=("encoder", "objective"), optimizer=optimizer),)
        self.outcome = Fields({"predictions": label, "references": label})

    def forward(self, batch, phase):
        return nn.functional.cross_entropy(self.readout(self.encoder(batch["input"])), batch["label"])

    def evaluate(self, loader):
        for batch in loader:
            scores = self.readout(self.encoder(batch["input"]))
            yield {"predictions": scores.argmax(-1), "references": batch["label"]}


@frozen(kw_only=True)
class PlainSpec(OptimizerSpec):
    lr: float | ScheduleSpec = 0.1

    def build(self, *, parameters):
        return torch.optim.SGD(parameters, lr=0.1)


@frozen(kw_only=True)
class FitSpec(ObjectiveSpec):
    parts = {"encoder": EncoderSpec, "other_encoder": EncoderSpec | None}
    optimizer: OptimizerSpec = Factory(PlainSpec)
    steps: int = 3

    def build(self, *, data, encoder, other_encoder):
        built = encoder.build(input=data["input"])
        other = other_encoder.build(input=data["input"]) if other_encoder is not None else None
        if not isinstance(built.output, Vector):
            raise Misfit("encoder", "an encoder that gives a Vector", built.output)
        return Fit(built, other, data["label"], self.optimizer)


@frozen(kw_only=True)
class FlatSpec(ScheduleSpec):
    value: float = 1.0

    def at(self, progress):
        return self.value


class Right(Metric):
    direction, unit = "higher", "share"

    def reset(self):
        self.right = self.count = 0

    def update(self, outcome):
        self.right += int((outcome["predictions"] == outcome["references"]).sum())
        self.count += len(outcome["references"])

    def merge(self, other):
        self.right, self.count = self.right + other.right, self.count + other.count

    def compute(self):
        return self.right / self.count


@frozen(kw_only=True)
class RightSpec(MetricSpec):
    needs = ("predictions", "references")
    takes = {"predictions": (Label,)}

    def build(self, *, outcome):
        return Right()


@frozen(kw_only=True)
class PickySpec(RightSpec):
    """Needs what the objective does not give."""

    needs = ("samples",)


@frozen
class Strange(Space):
    """A space that no registry names."""

    def fake(self, batch, generator=None):
        return torch.zeros(batch)

    def check(self, value):
        pass


@frozen(kw_only=True)
class StrangeSpec(EncoderSpec):
    def build(self, *, input):
        made = Linear(input.size, 2)
        made.output = Strange()
        return made


@frozen(kw_only=True)
class BrokenSpec(EncoderSpec):
    def build(self, *, input):
        raise KeyError("missing")
