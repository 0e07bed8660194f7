"""A toy whose metric is a known function of its hyperparameters, so that the best trial is known without training."""

import torch
from attrs import Factory, field, frozen
from torch import nn

from dovetail import Fields, Metric, MetricSpec, Objective, ObjectiveSpec, OptimizerSpec, Phase, Vector, within
from dovetail_standard.optimizers import AdamSpec


def quadratic(x, n=3):
    """Lowest at x = 0.3, n = 5."""
    return (x - 0.3) ** 2 + (n - 5) ** 2 / 100


@frozen(kw_only=True)
class QuadraticSpec(ObjectiveSpec):
    """Ends at the value of `quadratic`; raises above `limit`, and comes to NaN where `n` is `nan_at`."""

    parts = {}

    optimizer: OptimizerSpec = Factory(AdamSpec)
    x: float = field(default=1.0, validator=within("[0, 2]"))
    n: int = 3
    name: str = "a"
    limit: float = 9.0
    nan_at: int | None = None
    sleep: float = field(default=0.0, metadata={"identity": False})

    def build(self, *, data: Fields):
        return Quadratic(self)


class Quadratic(Objective):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.x = nn.Parameter(torch.tensor(0.0))
        self.phases = (Phase(name="fit", parts=("objective",), optimizer=spec.optimizer),)
        self.outcome = Fields({"value": Vector(1)})

    def forward(self, batch, phase):
        if self.spec.x > self.spec.limit:
            raise RuntimeError("x is too large")
        return (self.x - self.spec.x) ** 2

    def evaluate(self, loader):
        for _ in loader:
            value = quadratic(self.spec.x, self.spec.n) if self.spec.n != self.spec.nan_at else float("nan")
            yield {"value": torch.tensor([[value]], dtype=torch.float64)}


class Last(Metric):
    direction = "lower"
    unit = ""

    def reset(self):
        self.last = None

    def update(self, outcome):
        self.last = float(outcome["value"][-1, 0])

    def merge(self, other):
        self.last = other.last

    def compute(self):
        return self.last


class Negative(Last):
    direction = "higher"

    def compute(self):
        return {"of": -self.last}


@frozen(kw_only=True)
class LastSpec(MetricSpec):
    """The value; or, where `negative`, a table with its negative."""

    needs = ("value",)
    negative: bool = False

    def build(self, *, outcome: Fields):
        return Negative() if self.negative else Last()
