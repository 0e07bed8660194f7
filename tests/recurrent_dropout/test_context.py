"""The convolution over each word and its neighbours."""

import pytest
import torch

from dovetail.errors import Misfit
from dovetail.spaces import Padded, Sequence, Tokens, Vocabulary
from dovetail_recurrent_dropout.context import ContextSpec
from dovetail_standard.embedding import EmbeddingSpec


def test_each_word_is_seen_with_two_on_either_side_and_zeros_beyond():
    encoder = ContextSpec(filters=7).build(input=Sequence(6, 3))
    words = torch.randn(2, 4, 3)
    seen = torch.nn.functional.pad(words, (0, 0, 2, 2)).unfold(1, 5, 1)  # batch word feature place
    expected = torch.einsum("bwfp,ofp->bwo", seen, encoder.convolution.weight) + encoder.convolution.bias
    result = encoder(Padded(words, torch.tensor([4, 4])))
    torch.testing.assert_close(result.data, expected.relu())
    assert encoder.output == Sequence(6, 7)


def test_padding_is_seen_as_zeros_and_stays_zero():
    encoder = ContextSpec(filters=4).build(input=Sequence(None, 3))
    words = torch.randn(1, 5, 3)
    padded = encoder(Padded(torch.cat([words, torch.full((1, 2, 3), 9.0)], dim=1), torch.tensor([5])))
    torch.testing.assert_close(padded.data[:, :5], encoder(Padded(words, torch.tensor([5]))).data)
    assert not padded.data[:, 5:].any()


def test_tokens_become_words_by_an_embedding_and_are_refused_without():
    tokens = Tokens(Vocabulary.of("ab"), 5)
    encoder = ContextSpec(filters=4, embedding=EmbeddingSpec(size=3)).build(input=tokens)
    encoder.output.check(encoder(tokens.fake(2)))
    with pytest.raises(Misfit, match="`input` must be a Sequence"):
        ContextSpec().build(input=tokens)
