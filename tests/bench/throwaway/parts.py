"""A planner turns what a discriminator leaks of the words so far into a plan, which a generator reads beside each word.

Axes: batch time feature.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from attrs import Factory, frozen
from torch import nn

from dovetail import (
    Dataset,
    DatasetSpec,
    Discriminator,
    DiscriminatorSpec,
    Fields,
    Generator,
    GeneratorSpec,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Padded,
    Phase,
    ScheduleSpec,
    Sequence,
    Spec,
    Split,
    Tokens,
    Vector,
    Vocabulary,
    notes,
)
from dovetail.notes import collect
from dovetail_standard.evaluation import evaluating
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.strategy import Ancestral

# ---------------------------------------------------------------------------------------------------------- a new kind


class Planner(nn.Module, ABC):
    """From a leak to a plan in `output`. Shape: (batch, size) both."""

    output: Vector

    @abstractmethod
    def forward(self, leak): ...


class PlannerSpec(Spec):
    kind = "planner"

    @abstractmethod
    def build(self, *, leaks): ...


class LinearPlanner(Planner):
    """A linear plan, which notes its size as a loss and itself as an exhibit."""

    def __init__(self, size, width):
        super().__init__()
        self.layer, self.output = nn.Linear(size, width), Vector(width)

    def forward(self, leak):
        plan = self.layer(leak)
        notes.loss("plan", plan.square().mean())
        notes.exhibit("plan", plan)
        return plan


@frozen(kw_only=True)
class LinearPlannerSpec(PlannerSpec):
    width: int = 3

    def build(self, *, leaks):
        return LinearPlanner(leaks.size, self.width)


class SilentPlanner(Planner):
    """No plan at all."""

    def __init__(self, width):
        super().__init__()
        self.output = Vector(width)

    def forward(self, leak):
        return leak.new_zeros(len(leak), self.output.size)


@frozen(kw_only=True)
class SilentPlannerSpec(PlannerSpec):
    width: int = 2

    def build(self, *, leaks):
        return SilentPlanner(self.width)


# ---------------------------------------------------------------------------------------------------------------- data

WORDS = Vocabulary.of(["ab", "cd", "ef"])
SPACE = Tokens(WORDS, 4)


class WordsSplit(Split):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def take(self, indices, augment=None):
        return {"text": SPACE.collate([torch.tensor([4 + i % 3, 4 + (i + 1) % 3, 2]) for i in indices])}


class Words(Dataset):
    """Each word is followed by the next, and then comes the end."""

    fields = Fields({"text": SPACE})
    fingerprint = "words"

    def split(self, name):
        return WordsSplit({"train": 12}.get(name, 6))


@frozen(kw_only=True)
class WordsSpec(DatasetSpec):
    def build(self):
        return Words()


# --------------------------------------------------------------------------------------------------------------- parts


class Reader(Discriminator):
    """A recurrent reader that leaks its state after each word."""

    def __init__(self, input, width):
        super().__init__()
        self.input, self.leaks, self.output = input, Vector(width), Vector(1)
        self.table, self.cell = nn.Embedding(len(input.vocabulary), width), nn.GRUCell(width, width)
        self.readout = nn.Linear(width, 1)

    def initial_state(self, batch):
        return (self.readout.weight.new_zeros(batch, self.leaks.size),)

    def leak(self, tokens, state):
        state = (self.cell(self.table(tokens), state[0]),)
        return state[0], state

    def features(self, x, given=None):
        state, last = self.initial_state(len(x.lengths)), None
        for column, real in zip(x.data.T, x.mask.T, strict=True):
            features, state = self.leak(column, state)
            last = features if last is None else torch.where(real[:, None], features, last)
        return last

    def forward(self, x, given=None):
        return self.readout(self.features(x))


@frozen(kw_only=True)
class ReaderSpec(DiscriminatorSpec):
    takes = {"input": (Tokens,)}
    width: int = 5

    def build(self, *, input, given=None):
        return Reader(input, self.width)


class Guided(Generator):
    """A recurrent generator whose cell reads the last word and the plan that the planner makes of the leak."""

    def __init__(self, produces, planner, width):
        super().__init__()
        self.produces, self.planner = produces, planner
        symbols = len(produces.vocabulary)
        self.table = nn.Embedding(symbols, width)
        self.cell = nn.GRUCell(width + planner.output.size, width)
        self.readout = nn.Linear(width, symbols)

    def initial_state(self, batch, given=None):
        zeros = self.readout.weight.new_zeros(batch, self.cell.hidden_size)
        return zeros.new_full((batch,), self.produces.vocabulary.start, dtype=torch.long), zeros

    def renew(self, state):
        return state

    def step(self, tokens, state, leak=None):
        hidden = self.cell(torch.cat([self.table(tokens), self.planner(leak)], dim=-1), state[1])
        return self.readout(hidden), (tokens, hidden)

    def forward(self, tokens, given=None, state=None, leak=None):
        state = state or self.initial_state(len(tokens.lengths))
        logits = []
        for time, column in enumerate(tokens.data.T):
            scores, state = self.step(state[0], state, leak[:, time])
            logits.append(scores)
            state = (column, *state[1:])
        return torch.stack(logits, dim=1), state

    def sample(self, n, given=None, strategy=None, leak=None):
        return (strategy or Ancestral())(self, n, given, leak)


@frozen(kw_only=True)
class GuidedSpec(GeneratorSpec):
    takes = {"produces": (Tokens,), "leaks": (Vector,)}
    planner: PlannerSpec = Factory(LinearPlannerSpec)
    width: int = 6

    def build(self, *, produces, given=None, leaks=None):
        return Guided(produces, self.planner.build(leaks=leaks), self.width)


# ---------------------------------------------------------------------------------------------------------- objectives


class Game(Objective):
    """Maximum likelihood, or a game of samples that are written while the discriminator's leak is read."""

    def __init__(self, spec, generator, discriminator, phases):
        super().__init__()
        self.generator, self.discriminator, self.phases = generator, discriminator, phases
        self.weight = spec.weight if isinstance(spec.weight, int | float) else spec.weight.build()
        self.outcome = Fields({"nll": Sequence(SPACE.length, 1)})

    def leaks(self, text):
        """What is leaked before each word. Shape: (batch, time, size)."""
        start = torch.full_like(text.data[:, :1], WORDS.start)
        state, found = self.discriminator.initial_state(len(text.lengths)), []
        for column in torch.cat([start, text.data[:, :-1]], dim=1).T:
            features, state = self.discriminator.leak(column, state)
            found.append(features)
        return torch.stack(found, dim=1)

    def nll(self, text):
        logits, _ = self.generator(text, leak=self.leaks(text).detach())
        nll = F.cross_entropy(logits.flatten(0, 1), text.data.flatten(), reduction="none")
        return nll.reshape(text.data.shape) * text.mask

    def forward(self, batch, phase):
        text = batch["text"]
        with collect() as noted:
            loss = getattr(self, phase)(text)
        weight = self.weight if isinstance(self.weight, int | float) else self.weight()
        return loss + weight * noted.losses.get("plan", 0.0) if phase != "judge" else loss

    def likelihood(self, text):
        return self.nll(text).sum() / text.lengths.sum()

    def judge(self, text):
        fake = self.generator.sample(len(text.lengths), leak=self.discriminator)
        real, false = self.discriminator(text), self.discriminator(fake)
        return F.softplus(-real).mean() + F.softplus(false).mean()

    def write(self, text):
        fake = self.generator.sample(len(text.lengths), leak=self.discriminator)
        reward = self.discriminator(fake).detach()[:, 0]
        return (self.nll(fake).sum(1) * reward.sigmoid()).mean()

    @torch.no_grad()
    def evaluate(self, loader):
        with evaluating(self):
            for batch in loader:
                yield {"nll": Padded(self.nll(batch["text"])[..., None], batch["text"].lengths)}


@frozen(kw_only=True)
class LikelihoodSpec(ObjectiveSpec):
    parts = {"generator": GeneratorSpec, "discriminator": DiscriminatorSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    weight: float | ScheduleSpec = 0.0

    def phases(self):
        return (Phase(name="likelihood", parts=("generator",), optimizer=self.optimizer),)

    def build(self, *, data, generator, discriminator):
        reader = discriminator.build(input=data["text"])
        writer = generator.build(produces=data["text"], leaks=reader.leaks)
        return Game(self, writer, reader, self.phases())


@frozen(kw_only=True)
class GameSpec(LikelihoodSpec):
    def phases(self):
        return (
            Phase(name="judge", parts=("discriminator",), optimizer=self.optimizer, repeat=2),
            Phase(name="write", parts=("generator",), optimizer=self.optimizer),
        )
