"""Beam search: the most probable text among those whose beginnings were always among the `width` most probable.

At each step every kept beginning is continued by every symbol. Of all continuations of an example, the `width` most
probable ones that go on are kept; one that ends, and is among the `width` most probable of all, is a finished text. The
result is the finished text with the highest score

    log p(text) / length**alpha

where p is the generator's own, whatever is forbidden, and the length counts the end token. A text that is cut off at
the greatest length counts as finished there. The search ends where no beginning can become better than what is
finished. With a width of 1 and no normalisation it is greedy decoding; with a width that no step fills it is exact.

Axes: example beam; example beam time; row, the beams of all examples one after the other.
"""

from __future__ import annotations

from typing import Any, final

import torch
from attrs import define, field, frozen
from einops import rearrange
from torch import Tensor

from dovetail import DecodingSpec, Leak, Padded, State, Stepwise, within
from dovetail_standard.strategy import longest, numbers


@final
@frozen(kw_only=True)
class Beam(DecodingSpec):
    """Searches for the most probable text, keeping the most probable beginnings; draws nothing."""

    width: int = field(default=5, validator=within("[1, inf)"))
    """How many beginnings of each example are kept."""
    alpha: float = field(default=0.0, validator=within("[0, inf)"))
    """A text's log-probability is divided by its length to this power: 0 for none, 1 for the mean of its tokens."""
    length: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of an example; None for the length of the generator's space."""
    forbid: tuple[str, ...] = ()
    """Symbols that are never written, such as `<unknown>`."""

    def build(self) -> Beam:
        return self

    @torch.no_grad()
    def __call__(self, generator: Stepwise, n: int, given: Any = None, leak: Leak | None = None) -> Padded:
        """`n` texts, all alike without a condition. Shape: `Padded` (batch, time)."""
        limit, vocabulary = longest(generator, self.length), generator.produces.vocabulary
        state = generator.initial_state(n, given)
        first = torch.arange(n, device=state[0].device) * self.width
        rows = (first // self.width).repeat_interleave(self.width)
        leaked = () if leak is None else picked(leak.initial_state(n), rows)
        state = picked(state, rows)
        tokens = state[0]
        never = torch.tensor(numbers(vocabulary, self.forbid), dtype=torch.long, device=tokens.device)
        texts = tokens.new_full((n, self.width, limit), vocabulary.pad)
        finished = Finished.none(texts[:, 0], self.alpha)
        scores = finished.scores[:, None].repeat(1, self.width)
        scores[:, 0] = 0  # of the one empty beginning
        for place in range(limit):
            features = None
            if leak is not None:
                features, leaked = leak.leak(tokens, leaked)
            logits, state = generator.step(tokens, state, features)
            steps = logits.log_softmax(-1).index_fill(-1, never, -torch.inf)
            ends, scores, beams, symbols = continued(scores, steps, vocabulary.end)
            texts[:, :, place] = vocabulary.end
            finished.take(ends, texts, place + 1)
            rows, tokens = (first[:, None] + beams).flatten(), symbols.flatten()
            texts = texts.flatten(0, 1)[rows].unflatten(0, beams.shape)
            texts[:, :, place] = symbols
            state, leaked = picked(state, rows), picked(leaked, rows)
            if bool((finished.scores >= scores[:, 0] / limit**self.alpha).all()):
                break
        finished.take(scores, texts, limit)
        return Padded(finished.texts[:, : int(finished.lengths.max())], finished.lengths)


def picked(state: State, rows: Tensor) -> State:
    """These rows of each tensor of a state."""
    return tuple(part[rows] for part in state)


def continued(scores: Tensor, steps: Tensor, end: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What becomes of beginnings when each is continued by every symbol.

    Args:
        scores: log-probabilities of the beginnings.
        steps: log-probabilities of each symbol after each of them.
        end: the symbol that ends a text.

    Returns:
        ends: log-probabilities of those that end; -inf where one is not among the most probable continuations.
        scores: those of the most probable that go on, in falling order.
        beams: which beginnings they continue.
        symbols: by which symbol.

    Shape: steps (row, symbol), all others (example, beam).
    """
    total = scores[:, :, None] + rearrange(steps, "(example beam) symbol -> example beam symbol", beam=scores.shape[1])
    least = total.flatten(1).topk(scores.shape[1]).values[:, -1:]
    is_end = torch.arange(total.shape[2], device=total.device) == end  # nowhere, where the vocabulary has no end
    ends = total.masked_fill(~is_end, -torch.inf).amax(2)
    scores, places = total.masked_fill(is_end, -torch.inf).flatten(1).topk(scores.shape[1])
    return ends.masked_fill(ends < least, -torch.inf), scores, places // total.shape[2], places % total.shape[2]


@define
class Finished:
    """The best finished text of each example so far. Shape: scores, lengths (example); texts (example, time)."""

    scores: Tensor
    texts: Tensor
    lengths: Tensor
    alpha: float

    @classmethod
    def none(cls, texts: Tensor, alpha: float) -> Finished:
        """Before the first one. Shape: texts (example, time), of padding."""
        return cls(
            torch.full(texts.shape[:1], -torch.inf, device=texts.device), texts, texts.new_zeros(len(texts)), alpha
        )

    def take(self, scores: Tensor, texts: Tensor, length: int) -> None:
        """Keep the best of these texts of one length, where it is better than what is kept.

        Shape: scores (example, beam), texts (example, beam, time).
        """
        best, beams = (scores / length**self.alpha).max(1)
        better = best > self.scores
        theirs = texts[torch.arange(len(beams), device=beams.device), beams]
        self.scores = torch.where(better, best, self.scores)
        self.texts = torch.where(better[:, None], theirs, self.texts)
        self.lengths = self.lengths.masked_fill(better, length)
