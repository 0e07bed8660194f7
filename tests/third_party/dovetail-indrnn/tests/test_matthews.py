"""The metric indrnn/matthews by hand."""

import math

import dovetail
import pytest
import torch

from dovetail_indrnn.matthews import MatthewsSpec


def metric(classes=2, *batches):
    made = MatthewsSpec().build(outcome=dovetail.Fields({name: dovetail.Label(classes) for name in MatthewsSpec.needs}))
    for predictions, references in batches:
        made.update({"predictions": torch.tensor(predictions), "references": torch.tensor(references)})
    return made


def test_of_two_classes_it_is_the_fourfold_table():
    """matthews1975: of 3 true positives, 1 true negative, 1 false positive, 2 false negatives."""
    found = metric(2, ([1, 1, 1, 0], [1, 1, 1, 0]), ([1, 0, 0], [0, 1, 1])).compute()
    assert found == pytest.approx((3 * 1 - 1 * 2) / math.sqrt((3 + 1) * (3 + 2) * (1 + 1) * (1 + 2)))


def test_of_more_classes_it_is_the_correlation_of_their_indicators():
    predictions, references = [0, 1, 2, 2, 1, 0, 0], [0, 1, 2, 1, 1, 2, 0]
    x, y = (torch.nn.functional.one_hot(torch.tensor(v)).double() for v in (predictions, references))
    x, y = x - x.mean(0), y - y.mean(0)
    expected = (x * y).sum() / ((x * x).sum() * (y * y).sum()).sqrt()
    assert metric(3, (predictions, references)).compute() == pytest.approx(expected.item())


def test_one_class_alone_correlates_with_nothing():
    assert metric(2, ([1, 1, 1], [0, 1, 1])).compute() == 0.0


def test_merging_equals_one_pass():
    one, other = metric(2, ([1, 0], [1, 1])), metric(2, ([0, 0, 1], [0, 0, 0]))
    one.merge(other)
    both = metric(2, ([1, 0, 0, 0, 1], [1, 1, 0, 0, 0]))
    assert one.compute() == both.compute()


def test_nothing_has_no_correlation():
    with pytest.raises(ValueError, match="none was"):
        metric().compute()
