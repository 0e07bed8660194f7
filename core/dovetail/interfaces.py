"""The kinds: what an encoder, an attention, a cell, a generator … is. One abstract class and one spec base for each.

All tensors are batch-first. State is a tuple of tensors whose first axis is the batch, so that beams and rollouts can
index it. Whatever varies in length is `Padded`. A component is two classes: a spec (a frozen, keyword-only attrs
class that holds hyperparameters and has `build`) and a module (flat keyword arguments, usable alone, knows no spec).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from attrs import field, frozen
from torch import Generator as Random
from torch import Tensor, nn

from dovetail.ranges import within
from dovetail.spaces import Fields, Space

State = tuple[Tensor, ...]
Batch = dict[str, Any]
Outcome = Mapping[str, Any]
Augment = Callable[[int], Random]


@frozen(kw_only=True)
class Spec(ABC):
    """A component's hyperparameters.

    `kind` names the kind. `takes` says which spaces an argument of `build` may have, `{"given": (Regions, Sequence)}`;
    an argument that is absent takes any. `build` raises `Misfit` for what a type cannot say. `migrate` reads what an
    older version of the component wrote.
    """

    kind: ClassVar[str]
    takes: ClassVar[Mapping[str, tuple[type[Space], ...]]] = {}

    @classmethod
    def migrate(cls, values: dict[str, Any], version: int) -> dict[str, Any]:
        """The values of a run that an older version of the component made, as those of this version.

        Called where such a run is read back: to load or sample its model, or to take a part of it. The run stays as
        it is, under its own key. Raises `Mistake` where no values of this version mean the same.

        Args:
            values: what run.json has of the component, by name, as TOML would; a slot is a table with `use`.
            version: the component's when the run was made, less than now.
        """
        return values

    @abstractmethod
    def build(self, *args: Any, **spaces: Any) -> Any:
        """The module for the spaces given, by name. It may run on the meta device: it computes nothing from values."""


# -------------------------------------------------------------------------------------------------------------- encoder


class Encoder(nn.Module, ABC):
    """From a value of one space to a representation in `output`."""

    output: Space

    @abstractmethod
    def forward(self, x: Any) -> Any:
        """The representation of a batch `x` of the input space, a batch of `output`."""

    def remark(self) -> str:
        """What must be said of what it has read so far, with numbers: how much it does not know, say; else empty."""
        return ""


class EncoderSpec(Spec):
    kind = "encoder"

    @abstractmethod
    def build(self, *, input: Space) -> Encoder: ...


# ------------------------------------------------------------------------------------------------------------ attention


class Attention(nn.Module, ABC):
    """Reads from a memory (regions, a sequence, an image) with a query."""

    output: Space

    def initial_state(self, memory: Any) -> State:
        """The state before the first read from a memory; empty where reads share nothing.

        What all reads from the memory need (projected keys, say) is computed here, once, and travels in the state.
        """
        return ()

    @abstractmethod
    def forward(self, memory: Any, query: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """One read.

        Returns:
            read: a batch of `output`.
            weights: what was read from where, (batch, places), one in sum over the real places, none on padding.
            state: for the next read.
        """


class AttentionSpec(Spec):
    kind = "attention"

    @abstractmethod
    def build(self, *, memory: Space, query: Space) -> Attention: ...


# ----------------------------------------------------------------------------------------------------------------- cell


class Cell(nn.Module, ABC):
    """A recurrence. `forward` equals repeated `step`, and may be fused.

    What is random once a sequence (a dropout mask) is drawn by `initial_state` in training and travels in the state.
    """

    output: Space

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step, on the parameters' device and of their type."""

    def renew(self, state: State) -> State:
        """The same memory at the start of a new window: what is random once a sequence is drawn anew."""
        return state

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step. Shape: x (batch, *input), y (batch, *output)."""

    @abstractmethod
    def forward(self, xs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """All steps, from `initial_state` where `state` is None.

        Shape: xs (batch, time, *input), ys (batch, time, *output).
        """


class CellSpec(Spec):
    kind = "cell"

    @abstractmethod
    def build(self, *, input: Space) -> Cell: ...


# ------------------------------------------------------------------------------------------------------------ generator


@runtime_checkable
class Leak(Protocol):
    """What a generator may read from a discriminator while it samples: its features, step by step."""

    leaks: Space

    def initial_state(self, batch: int) -> State:
        """The state before the first token."""

    def leak(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The features after reading one more token each. Shape: tokens (batch), features (batch, size)."""


@runtime_checkable
class Stepwise(Protocol):
    """A generator of tokens that can be unrolled by hand: for decoding, beams and rollouts.

    A state's first element is the last token of each example, the start token at first. Neither `initial_state` nor
    `forward` has read it yet: go on from either with `step(state[0], state)`, and from a step with the token chosen.
    """

    produces: Space

    def initial_state(self, batch: int, given: Any = None) -> State:
        """The state before the first token."""

    def renew(self, state: State) -> State:
        """The same memory at the start of a new window: what is random once a sequence is drawn anew."""

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one token each and scores the next. Shape: tokens (batch), logits (batch, vocabulary)."""


class Strategy(Protocol):
    """How tokens are chosen from a stepwise generator: ancestral sampling, greedy, beams."""

    def __call__(self, generator: Stepwise, n: int, given: Any = None, leak: Leak | None = None) -> Any:
        """`n` samples, a batch of the generator's `produces`."""


class Generator(nn.Module, ABC):
    """Makes values of the space `produces`, from a condition `given` where it was built with one.

    A generator of tokens is `Stepwise`, and its `forward(tokens, given=None, state=None, leak=None) -> (logits, state)`
    is teacher forcing: logits[:, t] score tokens[:, t] after reading what stands before it (the state keeps the last
    token, so that a text can be continued). Any other generator's `forward` maps its noise or code to a value.
    """

    produces: Space

    @abstractmethod
    def sample(self, n: int, given: Any = None, strategy: Strategy | None = None, leak: Leak | None = None) -> Any:
        """`n` samples, a batch of `produces`, drawn with torch's global generator."""


class GeneratorSpec(Spec):
    kind = "generator"

    @abstractmethod
    def build(self, *, produces: Space, given: Space | None = None, leaks: Space | None = None) -> Generator: ...


# ------------------------------------------------------------------------------------------------------------- decoding


class DecodingSpec(Spec):
    """How texts are written by a generator of tokens. `build` takes no spaces: a decoding fits any `Stepwise`."""

    kind = "decoding"

    @abstractmethod
    def build(self) -> Strategy: ...


# -------------------------------------------------------------------------------------------------------- discriminator


class Discriminator(nn.Module, ABC):
    """Scores values of its input space: logits, higher for more real.

    `output` is Vector(1) for one score an example or Sequence(length, 1) for one a step; `leaks` is the space of
    `features`. Where it is a `Leak` too, a generator can read its features while it samples.
    """

    output: Space
    leaks: Space

    @abstractmethod
    def features(self, x: Any, given: Any = None) -> Any:
        """What it leaks, a batch of `leaks`."""

    @abstractmethod
    def forward(self, x: Any, given: Any = None) -> Any:
        """The scores, a batch of `output`."""


class DiscriminatorSpec(Spec):
    kind = "discriminator"

    @abstractmethod
    def build(self, *, input: Space, given: Space | None = None) -> Discriminator: ...


# --------------------------------------------------------------------------------------------------------------- metric


class Metric(nn.Module, ABC):
    """A number, or a table of numbers by name, computed over the outcomes of an evaluation.

    The order of the outcomes does not matter, and merging two metrics equals one pass over both their outcomes.
    """

    direction: ClassVar[str]
    """`"higher"` or `"lower"`: which is better."""

    unit: ClassVar[str]

    @abstractmethod
    def reset(self) -> None:
        """Forget all outcomes."""

    @abstractmethod
    def update(self, outcome: Outcome) -> None:
        """Take in one batch's outcome, which has every name in the spec's `needs`."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Take in what another metric of the same spec has seen."""

    @abstractmethod
    def compute(self) -> float | dict[str, float]:
        """The value over everything seen; raises ValueError where nothing was."""

    def remark(self) -> str:
        """What must be said of how the value came about, with numbers: too few samples, say; else empty."""
        return ""


class MetricSpec(Spec):
    """`needs` names what it reads from an outcome; `takes` says of which spaces."""

    kind = "metric"
    needs: ClassVar[tuple[str, ...]]

    @abstractmethod
    def build(self, *, outcome: Fields) -> Metric: ...


# -------------------------------------------------------------------------------------------------------------- dataset


class Split(ABC):
    """The examples of one split, in a fixed order."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        """The batch of these examples: each field's name to a batch of its space.

        `augment(index)` is the random generator of an example's augmentation in this epoch; None augments nothing.
        """

    def remark(self) -> str:
        """What must be said of how training sees these examples, with numbers: how many are cut, say; else empty."""
        return ""


class Dataset(ABC):
    """Named fields with spaces, the splits `train`, `valid` and `test`, a fingerprint that changes with the data."""

    fields: Fields
    fingerprint: str

    @abstractmethod
    def split(self, name: str) -> Split:
        """The split `train`, `valid` or `test`."""


class DatasetSpec(Spec):
    kind = "dataset"

    @abstractmethod
    def build(self) -> Dataset:
        """Open the data; raises `Mistake` that says how to get it where it is missing."""


# -------------------------------------------------------------------------------------------------- schedule, optimizer


@frozen
class Progress:
    """Where a stage's training stands: steps and epochs done, and the watched metric at each evaluation so far.

    `higher` says which direction of the watched metric is better.
    """

    step: int
    epoch: int
    validation: tuple[float, ...] = ()
    higher: bool = False


class Schedule(nn.Module):
    """A scheduled quantity inside a module: a buffer that the training loop fills before each step.

    Shape: `value` () on the module's device, so that compiled code does not recompile.
    """

    value: Tensor

    def __init__(self, at: Callable[[Progress], float]) -> None:
        super().__init__()
        self.at = at
        self.register_buffer("value", torch.tensor(0.0), persistent=False)

    def forward(self) -> Tensor:
        return self.value


class ScheduleSpec(Spec):
    """A pure function of the progress of training."""

    kind = "schedule"

    @abstractmethod
    def at(self, progress: Progress) -> float:
        """The quantity's value at this point of training."""

    def build(self) -> Schedule:
        return Schedule(self.at)


def value_at(quantity: float | ScheduleSpec, progress: Progress) -> float:
    """A number as it is, a schedule at this point of training."""
    return float(quantity) if isinstance(quantity, int | float) else quantity.at(progress)


@frozen(kw_only=True)
class OptimizerSpec(Spec):
    """`lr` is the learning rate, or a schedule of it; the training loop sets it before each step."""

    kind = "optimizer"
    lr: float | ScheduleSpec = field()

    @abstractmethod
    def build(self, *, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer: ...


# ------------------------------------------------------------------------------------------------------------ objective


@frozen(kw_only=True)
class Phase:
    """One kind of update that training makes: which parts it trains, with which optimizer.

    Each batch runs the phases in their order: a phase makes `repeat` updates at every `every`-th batch. `"objective"`
    among the parts stands for the objective's own parameters.
    """

    name: str
    parts: tuple[str, ...]
    optimizer: OptimizerSpec
    repeat: int = field(default=1, validator=within("[1, inf)"))
    every: int = field(default=1, validator=within("[1, inf)"))


class Objective(nn.Module, ABC):
    """What is minimised, and how: it wires the parts' spaces together and owns the training step.

    `phases` are the updates of one batch; an objective without any trains nothing and is evaluated as it is, with
    `train.epochs = 0`. `outcome` says what `evaluate` yields, name by name. `carried` is state that outlasts a step (a
    hidden state carried from window to window); a checkpoint saves and restores it.
    """

    phases: tuple[Phase, ...]
    outcome: Fields
    carried: dict[str, Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.carried = {}

    @abstractmethod
    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The loss of one phase, a number that is minimised."""

    @abstractmethod
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        """The outcome of each batch, without gradients.

        It sets evaluation mode itself, and leaves the mode and `carried` as they were.
        """

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first step of each epoch; forgets `carried`."""
        self.carried = {}

    def batches(self, split: Split, size: int, order: Random | None) -> Items[Items[int]]:
        """The examples of each batch of an epoch: shuffled with `order` in whole batches; where it is None, all."""
        count = len(split)
        if order is None:
            return [range(start, min(start + size, count)) for start in range(0, count, size)]
        shuffled = torch.randperm(count, generator=order).tolist()
        size = max(min(size, count), 1)
        return [shuffled[start : start + size] for start in range(0, count - size + 1, size)]


class ObjectiveSpec(Spec):
    """`parts` names the parts that it asks for and their spec bases; `EncoderSpec | None` is one that may be absent."""

    kind = "objective"
    parts: ClassVar[Mapping[str, Any]]

    @abstractmethod
    def build(self, *, data: Fields, **parts: Any) -> Objective:
        """Wire the parts (specs, or their handles in an assembly) to the fields of the dataset that it reads."""
