"""What a decoding must do, whatever texts it prefers: it is asked to write with a generator that the kit knows.

Axes: batch time; batch vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dovetail.interfaces import State
from dovetail.spaces import Padded, Space, Tokens, Vector
from dovetail.testing.kit import Broken, check, documentation
from dovetail.testing.subjects import TIME, VOCABULARY, DecodingSubject

KINDS = documentation("Architecture", "Kinds")
EXAMPLES = 7
"""Texts that are written at once, each under a condition of its own."""
LETTERS = len(VOCABULARY) - len(VOCABULARY.SPECIAL)
POSSIBLE = 3
"""Letters that can follow any beginning, all as probable."""
NEVER = -1e4
"""The logit of what cannot follow."""


class Clockwork:
    """A generator of which letters can follow: those from the sum of the tokens read, the condition and the leak on.

    After some tokens, more for some conditions than for others, the end is the most probable. The state is (last token,
    condition, sum of the tokens read, tokens read).
    """

    def __init__(self) -> None:
        self.produces: Space = Tokens(VOCABULARY, TIME)

    def initial_state(self, batch: int, given: Any = None) -> State:
        start = torch.full((batch,), VOCABULARY.start)
        return start, torch.zeros_like(start) if given is None else given, 0 * start, 0 * start

    def renew(self, state: State) -> State:
        return state

    def step(self, tokens: Tensor, state: State, leak: Tensor | None = None) -> tuple[Tensor, State]:
        _, condition, total, count = state
        total, count = total + tokens, count + 1
        first = condition + total + (0 if leak is None else leak[:, 0].long())
        letters = (first[:, None] + torch.arange(POSSIBLE)) % LETTERS + len(VOCABULARY.SPECIAL)
        logits = torch.full((len(tokens), len(VOCABULARY)), NEVER).scatter(1, letters, 0.0)
        logits[count > 2 + condition % TIME, VOCABULARY.end] = 20.0
        return logits, (tokens, condition, total, count)


class Ticking:
    """Leaks three times the sum of the tokens read."""

    leaks: Space = Vector(1)

    def initial_state(self, batch: int) -> State:
        return (torch.zeros(batch),)

    def leak(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        total = state[0] + 3 * tokens
        return total[:, None], (total,)


def written(subject: DecodingSubject, leak: Ticking | None = None) -> Padded:
    """Texts of the kit's generator, each under its own condition."""
    decoding = subject.build()
    with subject.on_stream():
        texts: Padded = decoding(Clockwork(), EXAMPLES, torch.arange(EXAMPLES), leak)
    return texts


@check(
    "decoding",
    reason="objectives score what is written, and its lengths say which tokens count",
    source=KINDS,
    after=("examples",),
)
def texts(subject: DecodingSubject) -> None:
    """As many texts as asked for, of the generator's space, none going on after its end; the length counts the end."""
    found = written(subject)
    Clockwork().produces.check(found)
    if len(found.data) != EXAMPLES:
        raise Broken(f"{EXAMPLES} texts were asked for, and there are {len(found.data)}")
    for row, length in zip(found.data.tolist(), found.lengths.tolist(), strict=True):
        before, behind = row[:length], row[length:]
        if VOCABULARY.end in before[:-1]:
            raise Broken(f"the text {row} of length {length} goes on after its end, {VOCABULARY.end}")
        if any(token != VOCABULARY.pad for token in behind):
            raise Broken(f"behind the text {before} stands {behind}, which must be padding")


@check(
    "decoding",
    reason="a text that follows another one's beginning, condition or features is not the generator's",
    source=KINDS,
    after=("texts",),
)
def own_history(subject: DecodingSubject) -> None:
    """Each token can follow its own text's beginning, under its own condition and leak."""
    for leak, what in ((None, "without a leak"), (Ticking(), "with a leak")):
        found, generator = written(subject, leak), Clockwork()
        state = generator.initial_state(EXAMPLES, torch.arange(EXAMPLES))
        read, leaked = state[0], () if leak is None else leak.initial_state(EXAMPLES)
        for place, tokens in enumerate(found.data.unbind(1)):
            features = None
            if leak is not None:
                features, leaked = leak.leak(read, leaked)
            logits, state = generator.step(read, state, features)
            chosen = logits.gather(1, tokens[:, None])[:, 0]
            wrong = (chosen == NEVER) & (place < found.lengths)
            if wrong.any():
                row = int(wrong.nonzero()[0])
                raise Broken(f"{what}, token {place} of {found.data[row].tolist()} cannot follow those before it")
            read = tokens


@check(
    "decoding",
    reason="samples are drawn again from their seed",
    source=documentation("Concepts", "Randomness"),
    after=("texts",),
)
def same_texts(subject: DecodingSubject) -> None:
    """What is random in it comes from torch's global generator alone: with one seed, it writes the same twice."""
    one, other = written(subject), written(subject)
    if one.data.tolist() != other.data.tolist():
        raise Broken("two uses with the same seed write other texts: draw from torch's global generator alone")
