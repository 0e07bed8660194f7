"""Perplexity in both of its bases, and bits per character."""

import math

import pytest
import torch

from dovetail.spaces import Fields, Padded, Sequence
from dovetail_standard.perplexity import BitsPerCharacterSpec, PerplexitySpec

OUTCOME = Fields({"nll": Sequence(None, 1)})
SPECS = [PerplexitySpec(), PerplexitySpec(base="batch-mean"), BitsPerCharacterSpec()]


def outcome(*rows: list[float]) -> dict[str, Padded]:
    time = max(map(len, rows))
    data = torch.tensor([[*row, *[99.0] * (time - len(row))] for row in rows])[..., None]
    return {"nll": Padded(data, torch.tensor([len(row) for row in rows]))}


BATCHES = [outcome([1.0, 2.0, 3.0], [2.0]), outcome([0.5, 1.5])]


def scored(spec, batches) -> float:
    metric = spec.build(outcome=OUTCOME)
    for batch in batches:
        metric.update(batch)
    return metric.compute()


def test_by_hand():
    assert scored(SPECS[0], BATCHES) == pytest.approx(math.exp(10 / 6))
    assert scored(SPECS[1], BATCHES) == pytest.approx((math.exp(2) + math.exp(1)) / 2)
    assert scored(SPECS[2], BATCHES) == pytest.approx(10 / 6 / math.log(2))


def test_a_uniform_guess_is_as_perplexed_as_there_are_symbols():
    uniform = [outcome([math.log(8)] * 5)]
    assert scored(PerplexitySpec(), uniform) == pytest.approx(8)
    assert scored(BitsPerCharacterSpec(), uniform) == pytest.approx(3)


def test_the_mean_over_batches_is_never_lower_on_batches_of_one_size():
    batches = [outcome(row) for row in torch.rand(5, 4).mul(3).tolist()]
    assert scored(SPECS[1], batches) >= scored(SPECS[0], batches)


@pytest.mark.parametrize("spec", SPECS)
def test_order_does_not_matter_and_merging_equals_one_pass(spec):
    batches = [outcome(row) for row in torch.rand(5, 4).mul(3).tolist()]
    one, other = spec.build(outcome=OUTCOME), spec.build(outcome=OUTCOME)
    for batch in batches[:2]:
        one.update(batch)
    for batch in batches[2:]:
        other.update(batch)
    other.merge(one)
    assert other.compute() == scored(spec, batches) == scored(spec, batches[::-1])


@pytest.mark.parametrize("spec", SPECS)
def test_nothing_seen_is_an_error(spec):
    metric = spec.build(outcome=OUTCOME)
    metric.update(BATCHES[0])
    metric.reset()
    with pytest.raises(ValueError, match="`nll` must have a token, but none was seen"):
        metric.compute()


def test_a_perplexity_too_large_for_a_float_is_infinite():
    assert scored(PerplexitySpec(), [outcome([5000.0])]) == math.inf
