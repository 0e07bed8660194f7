"""Decoding token by token: the most probable token, or one that is drawn from the generator's distribution.

Axes: batch time; batch vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import DecodingSpec, Leak, Mistake, Padded, Stepwise, Tokens, Vocabulary, within
from dovetail.errors import close


@final
@frozen(kw_only=True)
class Greedy(DecodingSpec):
    """Takes the most probable token at each step, and stops an example after its end token; draws nothing."""

    length: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of an example; None for the length of the generator's space."""
    forbid: tuple[str, ...] = ()
    """Symbols that are never written, such as `<unknown>`."""

    def build(self) -> Greedy:
        return self

    def __call__(self, generator: Stepwise, n: int, given: Any = None, leak: Leak | None = None) -> Padded:
        """`n` texts, all alike without a condition. Shape: `Padded` (batch, time)."""
        return written(generator, n, given, leak, choose=self.choose, length=self.length, forbid=self.forbid)

    def choose(self, logits: Tensor) -> Tensor:
        """One token each. Shape: logits (batch, vocabulary), result (batch)."""
        return logits.argmax(-1)


@final
@frozen(kw_only=True)
class Ancestral(DecodingSpec):
    """Draws token by token, and stops an example after its end token."""

    temperature: float = field(default=1.0, validator=within("(0, inf)"))
    """The logits are divided by it: below 1, what is probable is drawn more often."""
    top_k: int | None = field(default=None, validator=within("[1, inf)"))
    """Only so many of the most probable tokens can be drawn; None for all."""
    length: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of an example; None for the length of the generator's space."""
    forbid: tuple[str, ...] = ()
    """Symbols that are never written, such as `<unknown>`."""

    def build(self) -> Ancestral:
        return self

    def __call__(self, generator: Stepwise, n: int, given: Any = None, leak: Leak | None = None) -> Padded:
        """`n` samples. Shape: `Padded` (batch, time)."""
        return written(generator, n, given, leak, choose=self.choose, length=self.length, forbid=self.forbid)

    def choose(self, logits: Tensor) -> Tensor:
        """One token each. Shape: logits (batch, vocabulary), result (batch)."""
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        return draw((logits / self.temperature).softmax(-1))


@torch.no_grad()
def written(
    generator: Stepwise,
    n: int,
    given: Any,
    leak: Leak | None,
    *,
    choose: Callable[[Tensor], Tensor],
    length: int | None = None,
    forbid: tuple[str, ...] = (),
) -> Padded:
    """`n` texts whose tokens are chosen one after the other.

    An example's length counts its end token. Where a leak is given, it reads each token before the generator does, the
    start token first, and the generator reads its features beside the token.

    Args:
        generator: of tokens.
        n: how many texts.
        given: the condition of each, if there is one.
        leak: whose features the generator reads, if it does.
        choose: one token each, from logits.
        length: the most tokens of an example; None for the length of the generator's space.
        forbid: symbols that are never written.

    Shape: logits (batch, vocabulary), what is chosen (batch), result `Padded` (batch, time).
    """
    limit, vocabulary = longest(generator, length), generator.produces.vocabulary
    state = generator.initial_state(n, given)
    leaked = () if leak is None else leak.initial_state(n)
    tokens, columns = state[0], []
    never = torch.tensor(numbers(vocabulary, forbid), dtype=torch.long, device=tokens.device)
    lengths = torch.zeros_like(tokens)
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    for _ in range(limit):
        features = None
        if leak is not None:
            features, leaked = leak.leak(tokens, leaked)
        logits, state = generator.step(tokens, state, features)
        chosen = choose(logits.index_fill(-1, never, -torch.inf))
        tokens = chosen.masked_fill(ended, vocabulary.pad)
        columns.append(tokens)
        lengths = lengths + ~ended
        ended = ended | (tokens == vocabulary.end)
        if ended.all():
            break
    return Padded(torch.stack(columns, dim=1), lengths)


def longest(generator: Stepwise, length: int | None) -> int:
    """The most tokens of a text: `length`, or that of the generator's space; raises `Mistake` where neither says it."""
    space = getattr(generator, "produces", None)
    if not isinstance(generator, Stepwise) or not isinstance(space, Tokens):
        name = type(generator).__name__
        raise Mistake(f"`generator` must be one of tokens, which has `step`, but is {name}, which makes {space}")
    limit = length or space.length
    if limit is None:
        raise Mistake(f"`length` must be given where the generator's space has none, but is None: {space}")
    return limit


def numbers(vocabulary: Vocabulary, forbid: tuple[str, ...]) -> list[int]:
    """The numbers of the symbols that are never written; raises `Mistake` for one that there is not."""
    for symbol in forbid:
        if symbol not in vocabulary.numbers:
            rule = f"must be of the generator's {len(vocabulary)} symbols, but `{symbol}` is none of them"
            guess = close(symbol, vocabulary.symbols)
            raise Mistake(f"`forbid` {rule}{f'; {guess}' if guess else ''}")
    return [vocabulary.numbers[symbol] for symbol in forbid]


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
