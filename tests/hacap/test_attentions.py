"""Attentions over regions by hand, what is learnt about drawn places against all that could be drawn, the errors."""

import math

import pytest
import torch

from dovetail import Image, Misfit, Padded, Regions, Sequence, Vector
from dovetail_hacap.hard import HardSpec
from dovetail_hacap.projected import ProjectedSpec
from dovetail_hacap.soft import GatedSpec, SoftSpec
from dovetail_standard.conv import ConvSpec

REGIONS = Regions(2, 2)


def by_hand(attention):
    """One hidden unit that sees a place's first feature and the query: e = 2 ReLU(a_1 + f)."""
    with torch.no_grad():
        attention.scores.image.weight.copy_(torch.tensor([[1.0, 0.0]]))
        attention.scores.image.bias.zero_()
        attention.scores.language.weight.copy_(torch.tensor([[1.0]]))
        attention.scores.energy.weight.copy_(torch.tensor([[2.0]]))
    return attention


def test_soft_attention_by_hand():
    """Places (1, 4) and (0, 8), query 0.5: e = 3 and 1, so α = 1 / (1 + e^-2) = 0.8808 and 0.1192."""
    attention = by_hand(SoftSpec(hidden=1).build(memory=REGIONS, query=Vector(1)))
    memory = torch.tensor([[[1.0, 4.0], [0.0, 8.0]]])
    read, weights, _ = attention(memory, torch.tensor([[0.5]]), attention.initial_state(memory))
    first = 1 / (1 + math.exp(-2))
    torch.testing.assert_close(weights, torch.tensor([[first, 1 - first]]))
    torch.testing.assert_close(read, torch.tensor([[first, 4 * first + 8 * (1 - first)]]))


def test_a_gate_multiplies_what_soft_attention_reads_by_hand():
    """β = σ(2 · 0.5 - 1) = 0.5."""
    attention = by_hand(GatedSpec(hidden=1).build(memory=REGIONS, query=Vector(1)))
    with torch.no_grad():
        attention.gate.weight.fill_(2.0)
        attention.gate.bias.fill_(-1.0)
    memory, query = torch.tensor([[[1.0, 4.0], [0.0, 8.0]]]), torch.tensor([[0.5]])
    read, weights, _ = attention(memory, query, attention.initial_state(memory))
    first = 1 / (1 + math.exp(-2))
    torch.testing.assert_close(weights, torch.tensor([[first, 1 - first]]))
    torch.testing.assert_close(read, torch.tensor([[first, 4 * first + 8 * (1 - first)]]) / 2)


def test_a_gate_is_between_zero_and_one():
    attention = GatedSpec().build(memory=REGIONS, query=Vector(3))
    beta = attention.beta(torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * 3)
    assert beta.shape == (500, 1)
    assert ((beta > 0) & (beta < 1)).all()


@pytest.mark.parametrize(
    "spec", [SoftSpec(hidden=5), SoftSpec(hidden=5, heads=2), GatedSpec(hidden=5), HardSpec(hidden=5)]
)
def test_weights_sum_to_one_over_real_places_only(spec):
    torch.manual_seed(0)
    attention = spec.build(memory=Sequence(None, 4), query=Vector(3))
    memory = Padded(torch.randn(3, 6, 4), torch.tensor([6, 1, 4]))
    _, weights, _ = attention(memory, torch.randn(3, 3), attention.initial_state(memory))
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert not weights[~memory.mask].any()
    assert (weights[memory.mask] > 0).all()


def test_each_head_reads_its_own_features_by_its_own_weights():
    torch.manual_seed(0)
    attention = SoftSpec(hidden=5, heads=2).build(memory=Regions(3, 4), query=Vector(2))
    memory, query = torch.randn(2, 3, 4), torch.randn(2, 2)
    state = attention.initial_state(memory)
    each = attention.scores(memory, query, state[0]).softmax(1)
    read, weights, _ = attention(memory, query, state)
    for example in range(2):
        for feature in range(4):
            expected = sum(each[example, place, feature // 2] * memory[example, place, feature] for place in range(3))
            torch.testing.assert_close(read[example, feature], expected)
    torch.testing.assert_close(weights, each.mean(2))


def test_hard_attention_reads_one_place_and_the_most_probable_one_in_evaluation():
    torch.manual_seed(0)
    attention = HardSpec(hidden=5, soft=0.0).build(memory=Regions(3, 4), query=Vector(2))
    memory, query = torch.randn(200, 3, 4), torch.randn(200, 2)
    read, weights, state = attention(memory, query, attention.initial_state(memory))
    same = (read[:, None] == memory).all(2)
    assert (same.sum(1) == 1).all()
    torch.testing.assert_close(attention.chosen(state), weights[same].log())
    assert not torch.equal(same.float().argmax(1), weights.argmax(1))
    attention.eval()
    read, weights, _ = attention(memory, query, attention.initial_state(memory))
    assert torch.equal(read, memory[torch.arange(200), weights.argmax(1)])


def test_half_of_the_captions_read_the_mean_in_training():
    torch.manual_seed(0)
    attention = HardSpec(hidden=5).build(memory=Regions(3, 4), query=Vector(2))
    memory = torch.randn(1000, 3, 4)
    state = attention.initial_state(memory)
    read, weights, state = attention(memory, torch.randn(1000, 2), state)
    mean = (read - (weights[:, None] @ memory)[:, 0]).abs().amax(1) < 1e-6
    assert torch.equal(mean, state[1])
    assert 440 < mean.sum() < 560  # 500, within 4 standard deviations
    assert not attention.chosen(state)[mean].any()


def test_what_is_drawn_is_learnt_by_an_unbiased_gradient():
    """Three places, two words, likelihoods by a table: the mean of the surrogate's gradients is that of E[L]."""
    torch.manual_seed(1)
    attention = HardSpec(hidden=4, soft=0.0, entropy=0.0).build(memory=Regions(3, 2), query=Vector(2)).double()
    memory, queries = torch.randn(1, 3, 2).double(), torch.randn(2, 1, 2).double()
    likelihoods = torch.randn(3, 3).double() - 3
    probabilities = [attention(memory, query, attention.initial_state(memory))[1][0] for query in queries]
    expected = (probabilities[0][:, None] * probabilities[1] * likelihoods).sum()
    parameters = list(attention.parameters())
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(expected, parameters)])

    draws, mask = 20000, torch.ones(20000, 2, dtype=torch.bool)
    many = memory.expand(draws, -1, -1)
    state, looks, chosen, places = attention.initial_state(many), [], [], []
    for query in queries:
        read, weights, state = attention(many, query.expand(draws, -1), state)
        looks.append(weights)
        chosen.append(attention.chosen(state))
        places.append((read[:, None] == many).all(2).float().argmax(1))
    likelihood = likelihoods[places[0], places[1]]
    surrogate = attention.surrogate(torch.stack(looks, 1), torch.stack(chosen, 1), likelihood, mask)
    estimate = torch.cat(
        [g.flatten() for g in torch.autograd.grad(-2 * surrogate, parameters)]
    )  # it is divided by words
    assert exact.norm() > 0.02
    assert (estimate - exact).norm() < 0.05 * exact.norm()


def test_the_entropy_is_raised_over_real_words_alone():
    """λ_e H of one real word with α = ½, ½, divided by one word: -0.1 ln 2; REINFORCE has no gain over its own mean."""
    attention = HardSpec(entropy=0.1).build(memory=REGIONS, query=Vector(1))
    weights = torch.tensor([[[0.5, 0.5], [1.0, 0.0]]], requires_grad=True)
    chosen, mask = torch.log(torch.tensor([[0.5, 1.0]])), torch.tensor([[True, False]])
    loss = attention.surrogate(weights, chosen, torch.tensor([-7.0]), mask)
    assert loss.item() == pytest.approx(-0.1 * math.log(2))
    loss.backward()
    assert weights.grad.isfinite().all()
    assert attention.baseline.item() == pytest.approx(-7)
    attention.surrogate(weights, chosen, torch.tensor([-5.0]), mask)
    assert attention.baseline.item() == pytest.approx(-6.8)


def test_a_projection_may_know_its_places():
    torch.manual_seed(0)
    built = ProjectedSpec(size=4, places=True).build(input=Regions(3, 2, (1, 3)))
    assert built.output == Regions(3, 4, (1, 3))
    same = built(torch.ones(1, 3, 2))[0]
    assert not torch.allclose(same[0], same[1])
    torch.testing.assert_close(same - built.places, built.projection(torch.ones(3, 2)))
    with pytest.raises(Misfit, match="Regions"):
        ProjectedSpec(encoder=ConvSpec()).build(input=Image(3, 8, 8))


def test_errors():
    with pytest.raises(Misfit, match="3 heads divide"):
        SoftSpec(heads=3).build(memory=Regions(2, 4), query=Vector(1))
