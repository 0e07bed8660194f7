"""Ancestral sampling, from a generator whose distribution is known."""

import pytest
import torch

from dovetail.errors import Mistake
from dovetail.spaces import Tokens, Vocabulary
from dovetail_standard.strategy import Ancestral

WORDS = Vocabulary.of("abc")
A, B, C = 4, 5, 6


class Chain:
    """After a comes b, after b comes c or b, after c the end; the odds of c and b after b are 3 to 1."""

    def __init__(self, length: int | None = 5) -> None:
        self.produces = Tokens(WORDS, length)

    def initial_state(self, batch, given=None):
        return (torch.full((batch,), WORDS.start),)

    def renew(self, state):
        return state

    def step(self, tokens, state, leak=None):
        odds = torch.zeros(len(WORDS), len(WORDS))
        odds[WORDS.start, A] = odds[A, B] = odds[C, WORDS.end] = odds[WORDS.pad, B] = odds[WORDS.end, B] = 1
        odds[B, C], odds[B, B] = 3, 1
        return odds[tokens].log(), state


def test_an_example_stops_after_its_end_and_is_padded_behind():
    torch.manual_seed(0)
    samples = Ancestral()(Chain(8), 40)
    Tokens(WORDS, 8).check(samples)
    for row, length in zip(samples.data.tolist(), samples.lengths.tolist(), strict=True):
        repeats = length - 3
        expected = [A, *[B] * repeats, C, WORDS.end] if WORDS.end in row else row
        assert row == expected + [WORDS.pad] * (len(row) - len(expected))
    assert samples.data.shape[1] == samples.lengths.max()


def test_tokens_are_drawn_by_their_odds():
    torch.manual_seed(0)
    third = Ancestral()(Chain(), 4000).data[:, 2]
    assert (third == C).float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_the_temperature_sharpens_and_flattens():
    torch.manual_seed(0)
    warm = Ancestral(temperature=2.0)(Chain(), 4000).data[:, 2]
    assert (warm == C).float().mean().item() == pytest.approx(3**0.5 / (1 + 3**0.5), abs=0.03)


def test_only_the_most_probable_tokens_are_drawn_where_asked():
    assert Ancestral(top_k=1)(Chain(), 20).data.tolist() == [[A, B, C, WORDS.end]] * 20


def test_forbidden_tokens_are_never_drawn():
    samples = Ancestral(forbid=("c",))(Chain(), 20)
    assert samples.data.tolist() == [[A, B, B, B, B]] * 20
    assert samples.lengths.tolist() == [5] * 20


def test_the_length_is_the_arguments_or_the_spaces():
    assert Ancestral(length=2)(Chain(), 3).data.shape == (3, 2)
    assert Ancestral(length=2)(Chain(None), 3).data.shape == (3, 2)
    with pytest.raises(Mistake, match="`length` must be given where the generator's space has none"):
        Ancestral()(Chain(None), 3)


def test_a_strategy_that_cannot_draw_is_refused():
    with pytest.raises(ValueError, match=r"`temperature` must be in \(0, inf\), but is 0"):
        Ancestral(temperature=0.0)
    with pytest.raises(ValueError, match=r"`top_k` must be in \[1, inf\), but is 0"):
        Ancestral(top_k=0)
