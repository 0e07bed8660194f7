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
from attrs import field, frozen
from torch import Tensor

from dovetail import Mistake, Padded, State, within
from dovetail_standard.strategy import Ancestral
from dovetail_text_gan.credit import Credit, CreditSpec, Game


@frozen(kw_only=True)
class RolloutCreditSpec(CreditSpec):
    """The mean reward of continuations that the generator writes."""

    n: int = field(default=16, validator=within("[1, inf)"))
    """Continuations of each beginning (yu2017seqgan, section 4: 16)."""
    at_once: int = field(default=4096, validator=within("[1, inf)"), metadata={"identity": False})
    """Texts that the discriminator scores at once."""

    def build(self) -> RolloutCredit:
        return RolloutCredit(n=self.n, at_once=self.at_once)


@final
class RolloutCredit(Credit):
    """R_t is the mean of D over `n` continuations of y_1:t, and D(y) at the last token."""

    scores = "sequence"

    def __init__(self, *, n: int = 16, at_once: int = 4096) -> None:
        super().__init__()
        self.n, self.at_once = n, at_once

    def forward(self, texts: Padded, game: Game) -> Tensor:
        each = torch.arange(len(texts.data), device=texts.data.device)
        finished, places, owners = continuations(texts, game, self.n)
        rewards = [
            game.reward(Padded(*part), owner)
            for *part, owner in zip(
                finished.data.split(self.at_once),
                finished.lengths.split(self.at_once),
                owners.split(self.at_once),
                strict=True,
            )
        ]
        whole = game.reward(texts, each) * texts.mask
        sums = torch.zeros_like(whole).index_put_((owners, places), torch.cat(rewards)[:, 0], accumulate=True)
        before_last = torch.arange(texts.data.shape[1], device=whole.device) < texts.lengths[:, None] - 1
        return torch.where(before_last, sums / self.n, whole)


@torch.no_grad()
def continuations(texts: Padded, game: Game, n: int) -> tuple[Padded, Tensor, Tensor]:
    """`n` texts for each beginning y_1:t of each text, but for whole ones; drawn with torch's global generator.

    Returns:
        finished: the continued texts, `Padded` (rows, length of the generator's space).
        places: t - 1, the place of the beginning's last token. Shape: (rows).
        owners: the number of the text that each begins like. Shape: (rows).
    """
    space = game.generator.produces
    vocabulary, limit, choose = space.vocabulary, space.length, Ancestral().choose
    if limit is None:
        raise Mistake(f"rollouts need a generator of texts of limited length, but its space has none: {space}")
    count, time = texts.data.shape
    numbers = torch.arange(count, device=texts.data.device)
    walk = Walk(game, count, vocabulary.start)
    made = texts.data.new_full((0, limit), vocabulary.pad)
    lengths, places, owners = (numbers.new_zeros(0) for _ in range(3))
    active = numbers.new_zeros(0)  # the rows that have not ended, behind the texts themselves in the walk
    for place in range(limit):
        logits = walk.step()
        if 0 < place < time:
            reading = numbers[texts.lengths > place].repeat_interleave(n)
            first = len(made)
            made = torch.cat([made, _beginnings(texts, reading, place, limit, vocabulary.pad)])
            owners, places = torch.cat([owners, reading]), torch.cat([places, torch.full_like(reading, place - 1)])
            lengths = torch.cat([lengths, torch.full_like(reading, place)])
            active = torch.cat([active, torch.arange(first, len(made), device=made.device)])
            walk.join(reading)
            logits = torch.cat([logits, logits[reading]])
        drawn = choose(logits[count:])
        made[active, place] = drawn
        lengths[active] += 1
        going = drawn != vocabulary.end
        active = active[going]
        read = texts.data[:, place] if place < time else torch.full_like(numbers, vocabulary.pad)
        walk.read(torch.cat([read, drawn[going]]), torch.cat([numbers, count + going.nonzero()[:, 0]]))
        if place >= time - 1 and not len(active):
            break
    return Padded(made, lengths), places, owners


def _beginnings(texts: Padded, owners: Tensor, place: int, limit: int, pad: int) -> Tensor:
    """The first `place` tokens of some texts, and padding. Shape: (rows, limit)."""
    rows = texts.data.new_full((len(owners), limit), pad)
    rows[:, :place] = texts.data[owners, :place]
    return rows


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
        self.state, self.leaked = (
            tuple(torch.cat([part, part[rows]]) for part in parts) for parts in (self.state, self.leaked)
        )

    def read(self, tokens: Tensor, rows: Tensor) -> None:
        """Go on with these rows alone, and these tokens. Shape: (rows) both."""
        self.tokens = tokens
        if len(rows) < len(self.state[0]):
            self.state, self.leaked = (tuple(part[rows] for part in parts) for parts in (self.state, self.leaked))
