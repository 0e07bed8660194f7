"""A captioner of two levels: a manager sets goals, a worker looks and writes, and each word is scored against the goal.

Paper: hacap2018, sections 3.4, 3.5, 4.2 and 4.3, after guo2018leakgan. With x_t the embedding of the word before, f_t
what a discriminator leaks after reading it, a_i the annotations of the image, z_1 their mean:

    h_t = worker(x_t ⊕ z_t)
    z_{t+1} = attention(a, h_t)                         no gradient to h_t, section 4.2
    m_t = manager(f_t)
    g_t = normalised W_m m_t + W_z z_t + b              the subgoal, section 4.3
    logit_v = w_t · [W (h_t + W_c z_t)]_v / temperature,  w_t = Σ_{i<horizon} g_{t-i}

where W (·) is a vector of the goal's size for each word v: the embedding product.

*Differs from the paper:* it gives no equations for goal and words; these are its authors' code's, and the sum over a
horizon guo2018leakgan's. There, attention is asked with the h_t of the same step and z_t enters the worker one step
later (`query = "current"`), and annotations are projected first (`hacap/projected`). Without a leak the manager reads
h_t.

Axes: batch time feature; batch place feature. The state is (last token, annotations, context, weights, the last goals,
the attention's state …, the worker's …, the manager's …).
"""

from __future__ import annotations

from typing import Literal, final

import torch
from attrs import Factory, field, frozen
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from dovetail import (
    Attention,
    AttentionSpec,
    Cell,
    CellSpec,
    Encoder,
    EncoderSpec,
    Generator,
    GeneratorSpec,
    Image,
    Leak,
    Misfit,
    Padded,
    Regions,
    State,
    Strategy,
    Tokens,
    Vector,
    within,
)
from dovetail_hacap import captioner
from dovetail_hacap.captioner import Draws, Reading
from dovetail_hacap.soft import GatedSpec
from dovetail_hacap.sru import SruSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.mean_pool import MeanPool
from dovetail_standard.strategy import Ancestral

Query = Literal["previous", "current"]
Normalisation = Literal["unit", "none"]


@frozen(kw_only=True)
class ManagerWorkerSpec(GeneratorSpec):
    """A worker that looks at regions and writes, under the goals of a manager that may read a leak."""

    takes = {"produces": (Tokens,), "given": (Image, Regions), "leaks": (Vector,)}
    encoder: EncoderSpec | None = None
    """From the condition to regions; without it the condition is regions."""
    embedding: EncoderSpec = Factory(lambda: EmbeddingSpec(size=256, deviation=0.1))
    """From words to vectors (the authors' code: 256)."""
    worker: CellSpec = Factory(lambda: SruSpec(hidden=256))
    """Reads word and context (section 3.4)."""
    attention: AttentionSpec = Factory(GatedSpec)
    """Looks at the regions with the worker's output (section 3.5)."""
    query: Query = "previous"
    """Whether a word is written with what the state before it looked at, as section 3.5 has it, or with what its own
    state does, as the authors' code."""
    detach: bool = True
    """No gradient flows from the attention to the worker (section 4.2)."""
    manager: CellSpec | None = Factory(lambda: SruSpec(hidden=256))
    """Reads the leak, or the worker's output (section 4.3: 256); without it words are scored without goals."""
    goal: int = field(default=6, validator=within("[1, inf)"))
    """Size of the goals (section 4.3)."""
    horizon: int = field(default=1, validator=within("[1, inf)"))
    """So many goals are added up for a word (guo2018leakgan: 4)."""
    normalisation: Normalisation = "unit"
    """Goals of length 1, against their collapse (section 5.4), or as they come."""
    temperature: float = field(default=1.0, validator=within("(0, inf)"))
    """The scores of the words are divided by it."""

    def build(
        self, *, produces: Tokens, given: Image | Regions | None = None, leaks: Vector | None = None
    ) -> ManagerWorker:
        encoder, regions = captioner.seen(self.encoder, given)
        embedding, size = captioner.embedded_by(self.embedding, produces)
        if leaks is not None and self.manager is None:
            raise Misfit("leaks", "no features where there is no `manager` to read them", leaks)
        worker = _cell("worker", self.worker, size + regions.size)
        attention, read = captioner.attending(self.attention, regions, worker.output.size)
        if read != regions.size:
            raise Misfit("attention", f"one that reads {regions.size} features, as the mean has", attention.output)
        manager = None
        if self.manager is not None:
            manager = _cell("manager", self.manager, (worker.output if leaks is None else leaks).size)
        return ManagerWorker(
            produces=produces,
            regions=regions,
            encoder=encoder,
            embedding=embedding,
            worker=worker,
            attention=attention,
            query=self.query,
            detach=self.detach,
            manager=manager,
            leaks=leaks,
            goal=self.goal,
            horizon=self.horizon,
            normalisation=self.normalisation,
            temperature=self.temperature,
        )


def _cell(name: str, spec: CellSpec, size: int) -> Cell:
    cell = spec.build(input=Vector(size))
    if not isinstance(cell.output, Vector):
        raise Misfit(name, "a cell whose output is a Vector", cell.output)
    return cell


@final
class ManagerWorker(Generator):
    """Writes captions of regions, a word a step.

    Args:
        produces: the space of its captions.
        regions: the space of the annotations.
        embedding: from tokens to a Sequence, token by token.
        worker: reads word and context side by side.
        attention: reads the annotations with the worker's output as the query; as many features as they have.
        encoder: from the condition to the annotations, if it is not they.
        query: which state asks for a word's context.
        detach: whether no gradient flows from the attention to the worker.
        manager: reads the leak or the worker's output, if there is one.
        leaks: the space of a discriminator's features, if the manager reads them; zeros where a call brings none.
        goal: size of the goals.
        horizon: goals added up for a word.
        normalisation: of the goals.
        temperature: what the words' scores are divided by.
    """

    produces: Tokens

    def __init__(
        self,
        *,
        produces: Tokens,
        regions: Regions,
        embedding: Encoder,
        worker: Cell,
        attention: Attention,
        encoder: Encoder | None = None,
        query: Query = "previous",
        detach: bool = True,
        manager: Cell | None = None,
        leaks: Vector | None = None,
        goal: int = 6,
        horizon: int = 1,
        normalisation: Normalisation = "unit",
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.produces, self.regions, self.leaks = produces, regions, leaks
        self.encoder, self.embedding, self.worker, self.attention = encoder, embedding, worker, attention
        self.manager, self.query, self.detach = manager, query, detach
        self.goal = 0 if manager is None else goal
        self.horizon, self.normalisation, self.temperature = horizon, normalisation, temperature
        self.start = MeanPool(size=regions.size)
        width, words = worker.output.size, len(produces.vocabulary)
        self.from_context = nn.Linear(regions.size, width, bias=False)
        self.readout = nn.Linear(width, words * max(self.goal, 1), bias=manager is None)
        self.goal_from_manager = None if manager is None else nn.Linear(manager.output.size, goal)
        self.goal_from_context = None if manager is None else nn.Linear(regions.size, goal, bias=False)
        for layer in (self.from_context, self.readout, self.goal_from_manager, self.goal_from_context):
            if layer is not None:
                nn.init.xavier_uniform_(layer.weight)

    def initial_state(self, batch: int, given: Tensor | None = None) -> State:
        """The start token, the annotations and their mean. Shape: given a batch of the condition."""
        regions = captioner.regions_of(self.encoder, given, batch, self.regions)
        token = torch.full((len(regions),), self.produces.vocabulary.start, device=regions.device)
        weights = regions.new_full(regions.shape[:2], 1 / regions.shape[1])
        goals = regions.new_zeros(len(regions), self.horizon - 1, self.goal)
        attention = self.attention.initial_state(regions)
        return (
            token,
            regions,
            self.start(regions),
            weights,
            goals,
            *attention,
            *self.worker.initial_state(len(regions)),
            *(() if self.manager is None else self.manager.initial_state(len(regions))),
        )

    def renew(self, state: State) -> State:
        before, attention, worker, manager = self._parts(state)
        manager = () if self.manager is None else self.manager.renew(manager)
        return (*before, *attention, *self.worker.renew(worker), *manager)

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads one word each. Shape: tokens (batch), leak (batch, size), logits (batch, vocabulary)."""
        reading = self._read(tokens[:, None], tokens, state, None if leak is None else leak[:, None])
        return reading.logits[:, 0], reading.state

    def read(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> Reading:
        """Teacher forcing, with gradients to goals and weights. Shape: as in `forward`."""
        state = self.initial_state(len(tokens.data), given) if state is None else state
        return self._read(captioner.read_before(state[0], tokens), tokens.data[:, -1], state, leak)

    def forward(
        self, tokens: Padded, given: Tensor | None = None, state: State | None = None, leak: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Teacher forcing: logits[:, t] score tokens[:, t]. Notes the losses and the exhibits of `captioner.note`.

        Shape: tokens `Padded` (batch, time), logits (batch, time, vocabulary), leak (batch, time, size) where
        leak[:, t] are the features of what stands before token t.
        """
        reading = self.read(tokens, given, state, leak)
        captioner.note(reading, tokens, self.attention)
        return reading.logits, reading.state

    def sample(
        self, n: int, given: Tensor | None = None, strategy: Strategy | None = None, leak: Leak | None = None
    ) -> Padded:
        """`n` captions, by ancestral sampling where no strategy is given. Shape: `Padded` (batch, time)."""
        return (strategy or Ancestral())(self, n, given, leak)

    def _parts(self, state: State) -> tuple[State, State, State, State]:
        """What stands before the states of the parts, and those of attention, worker and manager."""
        managers = 0 if self.manager is None else len(self.manager.initial_state(1))
        manager = len(state) - managers
        worker = manager - len(self.worker.initial_state(1))
        return state[:5], state[5:worker], state[worker:manager], state[manager:]

    def _read(self, read: Tensor, last: Tensor, state: State, leak: Tensor | None) -> Reading:
        """Reads words, and scores those after them. Shape: read (batch, time), last, the last word then, (batch)."""
        (_, regions, context, weights, goals), attention, worker, manager = self._parts(state)
        words = self.embedding(Padded(read, read.new_full((len(read),), read.shape[1]))).data
        outputs, contexts, looks, chosen = [], [], [], []
        draws = self.attention if isinstance(self.attention, Draws) else None
        for word in words.unbind(1):
            output, worker = self.worker.step(torch.cat([word, context], dim=1), worker)
            before = (context, weights, attention)
            query = output.detach() if self.detach else output
            context, weights, attention = self.attention(regions, query, attention)
            used = before if self.query == "previous" else (context, weights, attention)
            outputs.append(output)
            contexts.append(used[0])
            looks.append(used[1])
            if draws is not None:
                chosen.append(draws.chosen(used[2]))
        worked, seen = torch.stack(outputs, 1), torch.stack(contexts, 1)
        if self.manager is None:
            scores, aims = self.readout(worked + self.from_context(seen)), None
        else:
            aims, manager = self._goals(self._managed(leak, worked), seen, manager)
            scores, goals = self._modulated(worked + self.from_context(seen), aims, goals)
        return Reading(
            logits=scores / self.temperature,
            state=(last, regions, context, weights, goals, *attention, *worker, *manager),
            weights=torch.stack(looks, 1),
            goals=aims,
            chosen=torch.stack(chosen, 1) if chosen else None,
        )

    def _managed(self, leak: Tensor | None, worked: Tensor) -> Tensor:
        """What the manager reads: the leak, zeros where there is none, or the worker's outputs."""
        if self.leaks is None:
            if leak is not None:
                raise ValueError("`leak` must be absent where the generator was built without `leaks`, but is given")
            return worked
        return worked.new_zeros(*worked.shape[:2], self.leaks.size) if leak is None else leak

    def _goals(self, xs: Tensor, contexts: Tensor, state: State) -> tuple[Tensor, State]:
        """The goals after each step. Shape: xs (batch, time, size), contexts (batch, time, feature)."""
        assert self.manager is not None
        assert self.goal_from_manager is not None
        assert self.goal_from_context is not None
        managed, state = self.manager(xs, state)
        goals = self.goal_from_manager(managed) + self.goal_from_context(contexts)
        return F.normalize(goals, dim=2) if self.normalisation == "unit" else goals, state

    def _modulated(self, xs: Tensor, aims: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Each word's score under the goals of the horizon, and the last goals.

        Shape: xs (batch, time, width), aims (batch, time, goal), last (batch, horizon - 1, goal), scores
        (batch, time, vocabulary).
        """
        goals = torch.cat([last, aims], dim=1)
        summed = goals.unfold(1, self.horizon, 1).sum(3)
        each = rearrange(self.readout(xs), "batch time (word goal) -> batch time word goal", goal=self.goal)
        return (each @ summed[..., None])[..., 0], goals[:, goals.shape[1] - self.horizon + 1 :]
