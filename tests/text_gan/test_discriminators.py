"""Discriminators of texts: against a plain loop, padding, and what they leak."""

import pytest
import torch
from torch.nn import functional as F

from dovetail import Misfit, Padded, Tokens, Vocabulary
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.leaks import leaked
from dovetail_text_gan.convolutional import ConvolutionalSpec
from dovetail_text_gan.recurrent import RecurrentSpec

TOKENS = Tokens(Vocabulary.of("abcdef", joiner=""), 6)
EMBEDDING = EmbeddingSpec(size=3)


@pytest.fixture
def texts():
    return TOKENS.fake(4, torch.Generator().manual_seed(0))


def recurrent(**values):
    torch.manual_seed(0)
    return RecurrentSpec(embedding=EMBEDDING, cell=LstmSpec(hidden=5), **values).build(input=TOKENS).eval()


def test_a_text_is_scored_after_its_last_token_and_a_step_after_its_token(texts):
    whole, steps = recurrent(), recurrent(scores="step")
    scores, each = whole(texts), steps(texts)
    for row, length in enumerate(texts.lengths.tolist()):
        state, seen = whole.initial_state(1), []
        for token in [TOKENS.vocabulary.start, *texts.data[row, :length].tolist()]:
            feature, state = whole.leak(torch.tensor([token]), state)
            seen.append(feature[0])
        torch.testing.assert_close(scores[row], whole.readout(seen[-1]))
        torch.testing.assert_close(whole.features(texts)[row], seen[-1])
        torch.testing.assert_close(each.data[row, :length], torch.stack([steps.readout(x) for x in seen[1:]]))
    assert not each.data[~texts.mask].any()


def test_what_leaks_before_a_token_does_not_know_it(texts):
    judge = recurrent()
    before = leaked(judge, texts, TOKENS.vocabulary.start)
    assert before.shape == (4, texts.data.shape[1], 5)
    for place in range(texts.data.shape[1]):
        changed = texts.data.clone()
        changed[:, place:] = (changed[:, place:] + 1) % 10
        other = leaked(judge, Padded(changed, texts.lengths), TOKENS.vocabulary.start)
        torch.testing.assert_close(other[:, : place + 1], before[:, : place + 1])


def convolutional(widths=(1, 2, 4), filters=(3, 2, 2)):
    torch.manual_seed(0)
    return ConvolutionalSpec(embedding=EMBEDDING, widths=widths, filters=filters).build(input=TOKENS).eval()


def test_filters_maxima_and_highway_by_a_plain_loop(texts):
    judge = convolutional()
    for row, length in enumerate(texts.lengths.tolist()):
        vectors = judge.embedding.table(texts.data[row, :length])
        maxima = []
        for bank in judge.banks:
            width = bank.kernel_size[0]
            behind = torch.cat([vectors, torch.zeros(width, 3)])
            windows = torch.stack([behind[start : start + width] for start in range(length)])
            activity = torch.einsum("twi,fiw->tf", windows, bank.weight) + bank.bias
            maxima.append(activity.relu().amax(0))
        c = torch.cat(maxima)
        gate = judge.gate(c).sigmoid()
        features = gate * judge.transform(c).relu() + (1 - gate) * c
        torch.testing.assert_close(judge.features(texts)[row], features)
        torch.testing.assert_close(judge(texts)[row], judge.readout(features))


def test_seqgans_filters_are_1720():
    judge = ConvolutionalSpec().build(input=TOKENS)
    assert judge.leaks.size == 1720
    assert judge(TOKENS.fake(2)).shape == (2, 1)


def test_padding_changes_no_score(texts):
    judge = convolutional()
    longer = Padded(F.pad(texts.data, (0, 3)), texts.lengths)
    torch.testing.assert_close(judge(longer), judge(texts))


def test_there_must_be_as_many_counts_as_widths():
    with pytest.raises(Misfit, match="as many positive numbers"):
        convolutional(widths=(1, 2), filters=(3,))
