"""The three generators of Fig. 5.4: what each reads, and what it does not."""

import pytest
import torch

from dovetail import Misfit, Tokens, Vector, Vocabulary
from dovetail_standard.cells import GruSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_text_gan.leakgan import LeakganSpec

TOKENS = Tokens(Vocabulary.of("abcdef", joiner=""), 6)
LEAK = Vector(4)
SPEC = LeakganSpec(embedding=EmbeddingSpec(size=3), cell=GruSpec(hidden=5), hidden=7)
NO_CELL = LeakganSpec(cell=None, hidden=7)


def built(spec, leaks=None, given=None):
    torch.manual_seed(0)
    return spec.build(produces=TOKENS, leaks=leaks, given=given).eval()


@pytest.fixture
def texts():
    return TOKENS.fake(4, torch.Generator().manual_seed(0))


def test_leak_reads_the_features_alone(texts):
    generator = built(NO_CELL, LEAK)
    features = torch.randn(4, texts.data.shape[1], 4)
    logits, state = generator(texts, leak=features)
    torch.testing.assert_close(logits, generator.perceptron(features))
    others, _ = generator(TOKENS.fake(4, torch.Generator().manual_seed(9)), leak=features)
    torch.testing.assert_close(others, logits)
    assert len(state) == 1


def test_noleak_reads_its_own_state_alone(texts):
    generator = built(SPEC)
    embedded = generator.embedding.table(
        torch.cat([torch.full((4, 1), TOKENS.vocabulary.start), texts.data[:, :-1]], dim=1)
    )
    ys, _ = generator.cell(embedded)
    torch.testing.assert_close(generator(texts)[0], generator.perceptron(ys))
    with pytest.raises(ValueError, match="built without `leaks`"):
        generator(texts, leak=torch.zeros(4, texts.data.shape[1], 4))


def test_mixed_reads_both(texts):
    generator = built(SPEC, LEAK)
    features = torch.randn(4, texts.data.shape[1], 4)
    first, _ = generator(texts, leak=features)
    other_features, _ = generator(texts, leak=features + 1)
    other_texts, _ = generator(TOKENS.fake(4, torch.Generator().manual_seed(9)), leak=features)
    assert not torch.allclose(first, other_features)
    assert not torch.allclose(first[:, 1:], other_texts[:, 1:])


def test_the_perceptron_has_one_hidden_layer_and_a_nonlinearity():
    generator = built(SPEC, LEAK)
    assert [tuple(p.shape) for p in generator.perceptron.parameters()] == [(7, 9), (7,), (10, 7), (10,)]
    x = torch.randn(3, 9)
    hidden = torch.tanh(x @ generator.perceptron[0].weight.T + generator.perceptron[0].bias)
    expected = hidden @ generator.perceptron[2].weight.T + generator.perceptron[2].bias
    torch.testing.assert_close(generator.perceptron(x), expected)


def test_it_must_read_something():
    with pytest.raises(Misfit, match="must read something"):
        built(NO_CELL)


def test_a_condition_must_be_there_where_it_was_built_with_one(texts):
    generator = built(SPEC, given=Vector(2))
    with pytest.raises(ValueError, match="`given` must be a batch of"):
        generator(texts)
    assert generator(texts, torch.zeros(4, 2))[0].shape == (4, texts.data.shape[1], 10)
