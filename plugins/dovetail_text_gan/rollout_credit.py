"""SeqGAN-rollout: a token is given the mean reward of texts that the generator itself finishes after it.

Paper: yu2017seqgan, Eq. 4; semeniuta2019, section 5.4.2:

    R_t = 1/n Σ_k D(y_1:t, continuation k)     before the last token
    R_t = D(y)                                  at the last one

*Differs from yu2017seqgan's code:* it re-reads a text from its start for each t. Here the state after y_1:t is copied
and all continuations of all t go on side by side, one step of the generator for each place in the text.

Axes: batch time; "rows" are continuations.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import evolve, field, frozen
from torch import Tensor

from dovetail import Mistake, Padded, Space, State, within
from dovetail_standard.credit import Credit, CreditSpec, Game
from dovetail_standard.strategy import draw


@frozen(kw_only=True)
class RolloutCreditSpec(CreditSpec):
    """The mean reward of continuations that the generator writes."""

    scores = "sequence"
    n: int = field(default=16, validator=within("[1, inf)"))
    """Continuations of each beginning (yu2017seqgan, section 4: 16)."""
    at_once: int = field(default=1024, validator=within("[1, inf)"))
    """The most continuations that go on side by side, those of one text at least."""

    def build(self, *, scores: Space) -> RolloutCredit:
        self.check(scores)
        return RolloutCredit(n=self.n, at_once=self.at_once)


@final
class RolloutCredit(Credit):
    """R_t is the mean of D over `n` continuations of y_1:t, and D(y) at the last token."""

    def __init__(self, *, n: int = 16, at_once: int = 1024) -> None:
        super().__init__()
        self.n, self.at_once = n, at_once

    def forward(self, texts: Padded, game: Game) -> Tensor:
        count, time = texts.data.shape
        each = torch.arange(count, device=texts.data.device)
        whole = game.reward(texts, each) * texts.mask
        means = torch.zeros_like(whole)
        for some in each.split(max(1, self.at_once // (self.n * time))):
            part = Padded(texts.data[some], texts.lengths[some])
            given = None if game.given is None else game.given[some]
            finished, places, owners = continuations(part, evolve(game, given=given), self.n)
            earned = game.reward(finished, some[owners])[:, 0] / self.n
            means.index_put_((some[owners], places), earned, accumulate=True)
        before_last = torch.arange(time, device=whole.device) < texts.lengths[:, None] - 1
        return torch.where(before_last, means, whole)


@torch.no_grad()
def continuations(texts: Padded, game: Game, n: int) -> tuple[Padded, Tensor, Tensor]:
    """`n` texts for each beginning y_1:t of each text, but for whole ones; drawn with torch's global generator.

    Returns:
        finished: the continued texts, `Padded` (rows, length of the generator's space).
        places: t - 1, the place of the beginning's last token. Shape: (rows).
        owners: the number of the text that each begins like. Shape: (rows).
    """
    space = game.generator.produces
    vocabulary, limit = space.vocabulary, space.length
    if limit is None:
        raise Mistake(f"rollouts need a generator of texts of limited length, but its space has none: {space}")
    count, time = texts.data.shape
    numbers = torch.arange(count, device=texts.data.device)
    step = torch.arange(time, device=texts.data.device)
    places, owners = (step[:, None] < texts.lengths - 1).nonzero().repeat_interleave(n, dim=0).T
    made = texts.data.new_full((len(owners), limit), vocabulary.pad)
    made[:, :time] = texts.data[owners].masked_fill(step > places[:, None], vocabulary.pad)
    lengths = places + 1
    walk = Walk(game, count, vocabulary.start)
    active = numbers[:0]  # the rows that have begun and not ended; they stand behind the texts in the walk
    begun = [0, 0, *places.bincount(minlength=limit).cumsum(0).tolist()]  # rows before each place, and behind it
    for place in range(limit):
        distribution = walk.step().softmax(-1)
        first, last = begun[place], begun[place + 1]
        drawn = torch.cat([draw(distribution[count:]), draw(distribution[owners[first:last:n]], n).flatten()])
        active = torch.cat([active, torch.arange(first, last, device=made.device)])
        walk.join(owners[first:last])
        made[active, place] = drawn
        lengths[active] += 1
        going = (drawn != vocabulary.end).nonzero()[:, 0]
        active = active[going]
        read = texts.data[:, place] if place < time else torch.full_like(numbers, vocabulary.pad)
        walk.read(torch.cat([read, drawn[going]]), torch.cat([numbers, count + going]))
        if not len(active) and begun[place + 1] == len(made):
            break
    return Padded(made, lengths), places, owners


class Walk:
    """A generator, and the leak that it reads, at one place of many texts: a state, and the tokens to read next."""

    def __init__(self, game: Game, count: int, start: int) -> None:
        self.game = game
        self.state: State = game.generator.initial_state(count, game.given)
        self.leaked: State = () if game.leak is None else game.leak.initial_state(count)
        self.tokens = torch.full_like(self.state[0], start)

    def step(self) -> Tensor:
        """Reads the tokens, and scores what follows. Shape: (rows, vocabulary)."""
        features = None
        if self.game.leak is not None:
            features, self.leaked = self.game.leak.leak(self.tokens, self.leaked)
        logits, self.state = self.game.generator.step(self.tokens, self.state, features)
        return logits

    def join(self, rows: Tensor) -> None:
        """Copies of some rows go on behind all others."""
        if len(rows):
            self.state, self.leaked = (
                tuple(torch.cat([part, part[rows]]) for part in parts) for parts in (self.state, self.leaked)
            )

    def read(self, tokens: Tensor, rows: Tensor) -> None:
        """Go on with these rows alone, in their order, and these tokens. Shape: (rows) both."""
        self.tokens = tokens
        if len(rows) < len(self.state[0]):
            self.state, self.leaked = (tuple(part[rows] for part in parts) for parts in (self.state, self.leaked))
