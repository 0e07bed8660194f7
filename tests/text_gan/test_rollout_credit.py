"""Rollouts: continuations begin as their texts do, and are what the generator itself would write."""

import pytest
import torch
from torch.nn import functional as F

from dovetail import Mistake, Padded, Tokens, Vocabulary
from dovetail_standard.credit import Game
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_text_gan.recurrent import RecurrentSpec
from dovetail_text_gan.rollout_credit import RolloutCredit, continuations

TOKENS = Tokens(Vocabulary.of("abcdef", joiner=""), 8)
END, A = TOKENS.vocabulary.end, 4


class Chain:
    """What comes next is certain: the last symbol and the number of symbols so far say it; so no two texts mix."""

    produces = TOKENS

    def initial_state(self, batch, given=None):
        return (torch.full((batch,), TOKENS.vocabulary.start), torch.zeros(batch, 2, dtype=torch.long))

    def renew(self, state):
        return state

    def step(self, tokens, state, leak=None):
        _, memory = state
        first = torch.where(memory[:, 1] == 1, tokens, memory[:, 0])  # the first symbol behind the start
        count = memory[:, 1] + 1
        following = A + (first + count) % 6
        logits = F.one_hot(following, len(TOKENS.vocabulary)) * 2000.0 - 1000.0
        return logits, (tokens, torch.stack([first, count], dim=1))


def rest_of(first, place):
    """The symbol at a place, and behind it, of the text that began with `first`."""
    return [A + (first + count) % 6 for count in range(place + 1, TOKENS.length + 1)]


def test_every_continuation_is_of_the_text_that_it_begins_with():
    texts = TOKENS.fake(5, torch.Generator().manual_seed(0))
    texts.data[:, 0] = torch.tensor([4, 5, 6, 7, 8])
    made, places, owners = continuations(texts, Game(generator=Chain(), reward=None), 3)
    wanted = [(owner, place) for owner, length in enumerate(texts.lengths.tolist()) for place in range(length - 1)]
    assert sorted(zip(owners.tolist(), places.tolist(), strict=True)) == sorted(wanted * 3)
    for row, place, owner, length in zip(made.data.tolist(), places, owners, made.lengths, strict=True):
        beginning = texts.data[owner, : place + 1].tolist()
        assert row[: place + 1] == beginning
        assert row[place + 1 :] == rest_of(beginning[0], int(place) + 1)
        assert length == TOKENS.length


def lm(seed=0):
    torch.manual_seed(seed)
    return RnnLmSpec().build(produces=TOKENS).eval()


def test_continuations_end_where_their_end_symbol_is():
    generator = lm()
    with torch.no_grad():
        generator.readout.bias[END] += 1.0
        torch.manual_seed(0)
        texts = generator.sample(20)
        made, places, _ = continuations(texts, Game(generator=generator, reward=None), 4)
    for row, place, length in zip(made.data.tolist(), places.tolist(), made.lengths.tolist(), strict=True):
        assert END not in row[place + 1 : length - 1]
        assert row[length - 1] == END or length == TOKENS.length
        assert set(row[length:]) <= {TOKENS.vocabulary.pad}


def test_continuations_are_distributed_as_the_generators_own():
    """The symbol behind a beginning is drawn with the probability that the generator gives it there."""
    generator, texts = lm(1), Padded(torch.tensor([[A, A + 1, A + 2, END]]), torch.tensor([4]))
    torch.manual_seed(0)
    with torch.no_grad():
        made, places, _ = continuations(texts, Game(generator=generator, reward=None), 20_000)
        probability = generator(texts)[0].softmax(-1)[0]
    for place in range(3):
        drawn = made.data[places == place, place + 1]
        share = torch.bincount(drawn, minlength=len(TOKENS.vocabulary)) / len(drawn)
        assert (share - probability[place + 1]).abs().max() < 0.02


def test_a_leak_is_read_along_every_continuation():
    torch.manual_seed(0)
    leak = RecurrentSpec().build(input=TOKENS).eval()
    generator = RnnLmSpec().build(produces=TOKENS, leaks=leak.leaks).eval()
    texts = Padded(torch.tensor([[A, A + 1, A + 2, A]]), torch.tensor([4]))
    seen = {}
    step = generator.step

    def recorded(tokens, state, features=None):
        for token, feature in zip(tokens.tolist(), features, strict=True):
            seen.setdefault(len(seen), (token, feature))
        return step(tokens, state, features)

    generator.step = recorded
    with torch.no_grad():
        made, _, _ = continuations(texts, Game(generator=generator, reward=None, leak=leak), 2)
        expected = {}
        for row in [*made.data, F.pad(texts.data[0], (0, TOKENS.length - 4))]:  # padding is read behind the texts' ends
            state = leak.initial_state(1)
            for token in [TOKENS.vocabulary.start, *row.tolist()]:
                feature, state = leak.leak(torch.tensor([token]), state)
                expected.setdefault(token, []).append(feature[0])
    assert len(seen) > 10
    for token, feature in seen.values():
        assert any(torch.allclose(feature, other, atol=1e-5) for other in expected[token])


def test_the_last_token_is_given_the_reward_of_the_text_itself():
    texts = Padded(torch.tensor([[A, END, 0], [A, A, A]]), torch.tensor([2, 3]))

    def reward(written, under):
        return written.lengths[:, None].float() + 10 * under[:, None]

    returns = RolloutCredit(n=4)(texts, Game(generator=Chain(), reward=reward))
    torch.testing.assert_close(returns, torch.tensor([[8.0, 2.0, 0.0], [18.0, 18.0, 13.0]]))


def test_rewards_in_pieces_are_the_same():
    texts = TOKENS.fake(4, torch.Generator().manual_seed(1))
    game = Game(generator=Chain(), reward=lambda written, _: written.data.sum(1, keepdim=True).float())
    torch.testing.assert_close(RolloutCredit(n=3, at_once=5)(texts, game), RolloutCredit(n=3)(texts, game))


def test_texts_must_be_of_limited_length():
    generator = RnnLmSpec().build(produces=Tokens(TOKENS.vocabulary))
    with pytest.raises(Mistake, match="limited length"):
        continuations(TOKENS.fake(2), Game(generator=generator, reward=None), 2)
