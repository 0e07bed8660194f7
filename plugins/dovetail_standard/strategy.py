"""Ancestral sampling: each token is drawn from the generator's distribution after the tokens before it.

Axes: batch time; batch vocabulary.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Leak, Mistake, Padded, Stepwise, within


@final
@frozen(kw_only=True)
class Ancestral:
    """A strategy that draws token by token, and stops an example after its end token.

    An example's length counts its end token. Where a leak is given, it reads each token before the generator does, the
    start token first, and the generator reads its features beside the token.
    """

    temperature: float = field(default=1.0, validator=within("[0, inf)"))
    """The logits are divided by it; 0 takes the most probable token."""
    top_k: int | None = field(default=None, validator=within("[1, inf)"))
    """Only so many of the most probable tokens can be drawn; None for all."""
    length: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of an example; None for the length of the generator's space."""
    forbid: tuple[int, ...] = ()
    """Numbers of symbols that are never drawn."""

    @torch.no_grad()
    def __call__(self, generator: Stepwise, n: int, given: Any = None, leak: Leak | None = None) -> Padded:
        """`n` samples. Shape: `Padded` (batch, time)."""
        vocabulary = generator.produces.vocabulary
        state = generator.initial_state(n, given)
        leaked = () if leak is None else leak.initial_state(n)
        tokens = state[0].new_full((n,), vocabulary.start, dtype=torch.long)
        lengths, columns = torch.zeros_like(tokens), []
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        for _ in range(self._limit(generator)):
            features = None
            if leak is not None:
                features, leaked = leak.leak(tokens, leaked)
            logits, state = generator.step(tokens, state, features)
            tokens = self.choose(logits).masked_fill(ended, vocabulary.pad)
            columns.append(tokens)
            lengths = lengths + ~ended
            ended = ended | (tokens == vocabulary.end)
            if ended.all():
                break
        return Padded(torch.stack(columns, dim=1), lengths)

    def choose(self, logits: Tensor) -> Tensor:
        """One token each. Shape: logits (batch, vocabulary), result (batch)."""
        if self.forbid:
            logits = logits.index_fill(-1, torch.tensor(self.forbid, device=logits.device), -torch.inf)
        if not self.temperature:
            return logits.argmax(-1)
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        return draw((logits / self.temperature).softmax(-1))

    def _limit(self, generator: Stepwise) -> int:
        limit = self.length or generator.produces.length
        if limit is None:
            raise Mistake(
                f"`length` must be given where the generator's space has none, but is None: {generator.produces}"
            )
        return limit


def draw(probabilities: Tensor, n: int | None = None) -> Tensor:
    """A place of each row, by its probability: where a uniform number falls in their running sum.

    One random number a draw, where torch.multinomial takes one a place; what is less probable than the number format
    resolves near one (6e-8 in float32) is drawn too rarely or too often.
    Shape: (batch, places), result (batch); (batch, n) of `n` draws each.
    """
    sums = probabilities.cumsum(-1)
    uniform = torch.rand(len(sums), n or 1, dtype=sums.dtype, device=sums.device) * sums[:, -1:]
    drawn = torch.searchsorted(sums, uniform, right=True).clamp(max=sums.shape[1] - 1)
    return drawn[:, 0] if n is None else drawn
