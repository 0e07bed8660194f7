"""Maximum likelihood of texts: truncated back-propagation over windows with a carried state, or sentences apart.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from itertools import pairwise
from typing import Literal, final

import torch
from attrs import Factory, field, frozen
from torch import Generator as Random
from torch import Tensor
from torch.nn import functional as F

from dovetail import (
    Batch,
    Fields,
    Generator,
    GeneratorSpec,
    Misfit,
    Objective,
    ObjectiveSpec,
    OptimizerSpec,
    Outcome,
    Padded,
    Phase,
    ScheduleSpec,
    Sequence,
    Split,
    State,
    Stepwise,
    Tokens,
)
from dovetail.frozendict import FrozenDict
from dovetail.notes import collect
from dovetail_standard.auxiliary import AuxiliaryLosses
from dovetail_standard.evaluation import evaluating
from dovetail_standard.fields import field_of
from dovetail_standard.optimizers import AdamSpec


@frozen(kw_only=True)
class LanguageModelSpec(ObjectiveSpec):
    """The likelihood of each token after those before it."""

    parts = {"generator": GeneratorSpec}
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains the generator."""
    text: str = "text"
    """The dataset's field that is modelled."""
    stateful: bool = True
    """Lay the windows out as contiguous streams, one a row, and carry the state from window to window; else examples
    are apart from one another and shuffled."""
    carry_epochs: bool = False
    """Begin an epoch with the state that the last one ended with."""
    loss: Literal["mean", "sum"] = "mean"
    """Mean over all tokens, or sum over time and mean over the batch; both in nats."""
    auxiliary: Mapping[str, float | ScheduleSpec] = field(factory=FrozenDict, converter=FrozenDict)
    """Weights of the losses that the generator notes, by their names; a loss without a weight does not count."""

    def build(self, *, data: Fields, generator: GeneratorSpec) -> LanguageModel:
        tokens = field_of(data, self.text, Tokens)
        built = generator.build(produces=tokens)
        if not isinstance(built, Stepwise):
            raise Misfit("generator", "a generator of tokens, which has `step`", type(built).__name__)
        return LanguageModel(
            generator=built,
            tokens=tokens,
            optimizer=self.optimizer,
            text=self.text,
            stateful=self.stateful,
            carry_epochs=self.carry_epochs,
            loss=self.loss,
            auxiliary=AuxiliaryLosses.of(self.auxiliary),
        )


def streams(count: int, rows: int) -> list[range]:
    """`count` consecutive windows as `rows` streams whose lengths differ by one at most, longer ones first."""
    short, longer = divmod(count, rows)
    starts = [row * short + min(row, longer) for row in range(rows + 1)]
    return [range(start, stop) for start, stop in pairwise(starts)]


def negative_log_likelihood(logits: Tensor, tokens: Padded) -> Tensor:
    """-log p of each token in nats, 0 on padding. Shape: logits (batch, time, vocabulary), result (batch, time)."""
    nll = F.cross_entropy(logits.flatten(0, 1), tokens.data.flatten(), reduction="none")
    return nll.view_as(tokens.data).where(tokens.mask, 0.0)


@final
class LanguageModel(Objective):
    """Trains a generator of tokens by maximum likelihood; `carried` is its state after the last window, detached.

    Its outcome: `nll`, nats a token, `Padded` (batch, time, 1).
    """

    def __init__(
        self,
        *,
        generator: Generator,
        tokens: Tokens,
        optimizer: OptimizerSpec,
        text: str = "text",
        stateful: bool = True,
        carry_epochs: bool = False,
        loss: Literal["mean", "sum"] = "mean",
        auxiliary: AuxiliaryLosses | None = None,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.auxiliary = auxiliary or AuxiliaryLosses(weights={})
        self.text, self.stateful, self.carry_epochs, self.loss = text, stateful, carry_epochs, loss
        self.phases = (Phase(name="likelihood", parts=("generator", "objective"), optimizer=optimizer),)
        self.outcome = Fields({"nll": Sequence(tokens.length, 1)})

    def forward(self, batch: Batch, phase: str) -> Tensor:
        tokens = batch[self.text]
        carried = tuple(self.carried[f"state.{number}"] for number in range(len(self.carried)))
        with collect() as notes:
            nll, state = self._read(tokens, carried)
        if self.stateful:
            self.carried = {f"state.{number}": part.detach().contiguous() for number, part in enumerate(state)}
        return self.auxiliary(nll.sum() / (tokens.lengths.sum() if self.loss == "mean" else len(nll)), notes.losses)

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        state: State = ()
        with evaluating(self):
            for batch in loader:
                tokens = batch[self.text]
                nll, after = self._read(tokens, state)
                state = after if self.stateful else ()
                yield {"nll": Padded(nll[..., None], tokens.lengths)}

    def begin_epoch(self, epoch: int) -> None:
        if not self.carry_epochs:
            super().begin_epoch(epoch)

    def batches(self, split: Split, size: int, order: Random | None) -> Items[Items[int]]:
        """Each batch holds the next window of `size` streams; as every objective's where it is not stateful.

        Training leaves out the last windows of longer streams; evaluation ends with a batch of those alone.
        """
        if not self.stateful or not len(split):
            return super().batches(split, size, order)
        rows = streams(len(split), min(size, len(split)))
        last = rows[-1 if order is not None else 0]
        return [[row[number] for row in rows if number < len(row)] for number in range(len(last))]

    def _read(self, tokens: Padded, state: State) -> tuple[Tensor, State]:
        """The likelihood of a window, from the state of its rows where there is one."""
        before = self.generator.renew(tuple(part[: len(tokens.data)] for part in state)) if state else None
        logits, after = self.generator(tokens, state=before)
        return negative_log_likelihood(logits, tokens), after
