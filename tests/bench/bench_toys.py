"""Small components for the bench's tests. Sizes are tiny and all different."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import torch
from attrs import Factory, field, frozen
from torch import nn
from torch.nn import functional as F

from dovetail import (
    Dataset,
    DatasetSpec,
    Encoder,
    EncoderSpec,
    Fields,
    Label,
    Metric,
    MetricSpec,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Phase,
    ScheduleSpec,
    Space,
    Split,
    Vector,
    within,
)
from dovetail.notes import collect, exhibit, loss
from dovetail_standard.optimizers import AdamSpec

SEEN = []
"""What the objective saw, step by step, in this process."""


class Points(Split):
    def __init__(self, count, first):
        self.count, self.first = count, first

    def __len__(self):
        return self.count

    def take(self, indices, augment=None):
        rows = [index + self.first for index in indices]
        x = torch.tensor([[((row * 7 + place * 3) % 11) / 11 for place in range(5)] for row in rows])
        return {"input": x, "label": torch.tensor([row % 3 for row in rows])}


class PointsData(Dataset):
    def __init__(self, count, data):
        self.fields = Fields({"input": Vector(5), "label": Label(3)})
        self.fingerprint = f"points-{count}-{data}"
        self.count = count

    def split(self, name):
        return Points(self.count if name == "train" else 6, {"train": 0, "valid": 100, "test": 200}[name])


@frozen(kw_only=True)
class PointsSpec(DatasetSpec):
    count: int = 13
    data: str = field(default="a", metadata={"identity": False})
    place: Path | None = field(default=None, metadata={"identity": False})

    def build(self):
        return PointsData(self.count, self.data)


class Net(Encoder):
    def __init__(self, size, width, layers, rate):
        super().__init__()
        sizes = [size, *[width] * layers]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.norm = nn.BatchNorm1d(width)
        self.rate, self.output = rate, Vector(width)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).tanh()
        loss("square", x.square().mean())
        exhibit("hidden", x)
        return F.dropout(self.norm(x), self.rate, self.training)


@frozen(kw_only=True)
class NetSpec(EncoderSpec):
    takes = {"input": (Vector,)}
    width: int = field(default=4, validator=within("[1, inf)"))
    layers: int = field(default=1, validator=within("[1, inf)"))
    rate: float = field(default=0.5, validator=within("[0, 1)"))
    speed: int = field(default=1, metadata={"identity": False})
    later: float = field(default=0.0, metadata={"added": True})

    def build(self, *, input: Space):
        return Net(input.size, self.width, self.layers, self.rate)


@frozen(kw_only=True)
class FitSpec(ObjectiveSpec):
    """Two phases that train the parts; may misbehave."""

    parts = {"encoder": EncoderSpec, "critic": EncoderSpec | None}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    second: OptimizerSpec | None = None
    repeat: int = 1
    every: int = 1
    weight: float | ScheduleSpec = 0.0
    dies_at: int | None = None
    raises_at: int | None = None
    nan_at: int | None = None
    phases: bool = True
    sleep: float = field(default=0.0, metadata={"identity": False})

    def build(self, *, data: Fields, encoder: EncoderSpec, critic: EncoderSpec | None):
        phases = [Phase(name="fit", parts=("encoder", "objective"), optimizer=self.optimizer)]
        if self.second is not None:
            phases.append(
                Phase(name="second", parts=("critic",), optimizer=self.second, repeat=self.repeat, every=self.every)
            )
        built = None if critic is None else critic.build(input=data["input"])
        return Fit(encoder.build(input=data["input"]), built, self, tuple(phases if self.phases else ()))


class Fit(Objective):
    def __init__(self, encoder, critic, spec, phases):
        super().__init__()
        self.encoder, self.critic, self.spec, self.phases = encoder, critic, spec, phases
        self.readout = nn.Linear(encoder.output.size, 3)
        self.weight = None if isinstance(spec.weight, float) else spec.weight.build()
        self.register_buffer("count", torch.tensor(0))
        self.outcome = Fields({"predictions": Label(3), "references": Label(3)})

    def forward(self, batch, phase):
        if phase == "second":
            SEEN.append((phase, int(self.count)))
            return self.critic(batch["input"]).square().mean()
        self.count += 1
        count, spec = int(self.count), self.spec
        time.sleep(spec.sleep)
        if count == spec.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if count == spec.raises_at:
            raise RuntimeError("the toy is broken")
        weight = 0.0 if self.weight is None else float(self.weight())
        SEEN.append((phase, count, batch["label"].tolist(), weight))
        with collect() as notes:
            logits = self.readout(self.encoder(batch["input"]))
        carried = self.carried.get("sum", torch.zeros(3))
        self.carried = {"sum": carried * 0.9 + logits.detach().mean(0)}
        total = F.cross_entropy(logits, batch["label"]) + weight * notes.losses["square"] + 0.01 * carried.sum()
        return total * float("nan") if count == spec.nan_at else total + 0.0 * logits.sum()

    @torch.no_grad()
    def evaluate(self, loader):
        training = self.training
        self.eval()
        for batch in loader:
            with collect(exhibits=True):
                logits = self.readout(self.encoder(batch["input"]))
            drawn = logits + 0.5 * torch.randn_like(logits)  # an evaluation that draws
            SEEN.append(("evaluate", int(self.count), 0.0 if self.weight is None else float(self.weight())))
            yield {"predictions": drawn.argmax(-1), "references": batch["label"]}
        self.train(training)


class Mean(Metric):
    direction = "higher"
    unit = ""

    def __init__(self, values):
        super().__init__()
        self.values, self.turn = values, -1
        self.reset()

    def reset(self):
        self.turn += 1
        self.right = self.count = 0

    def update(self, outcome):
        self.right += int((outcome["predictions"] == outcome["references"]).sum())
        self.count += len(outcome["references"])

    def merge(self, other):
        self.right, self.count = self.right + other.right, self.count + other.count

    def compute(self):
        if self.values:
            value = self.values[min(self.turn, len(self.values)) - 1]
            return float("nan") if value < 0 else value
        return self.right / self.count


@frozen(kw_only=True)
class MeanSpec(MetricSpec):
    """The share of what is right; or, whatever the outcomes, `values` evaluation by evaluation, below 0 for NaN."""

    needs = ("predictions", "references")
    values: tuple[float, ...] = ()

    def build(self, *, outcome: Fields):
        return Mean(self.values)


class Table(Mean):
    direction = "lower"

    def compute(self):
        return {"one": 1.0, "share": self.right / self.count}

    def remark(self):
        return f"of {self.count} examples"


@frozen(kw_only=True)
class TableSpec(MetricSpec):
    needs = ("predictions", "references")

    def build(self, *, outcome: Fields):
        return Table(())
