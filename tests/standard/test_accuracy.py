"""Accuracy over labels and labels in a row."""

import pytest
import torch

from dovetail.spaces import Fields, Label, Labels, Padded
from dovetail_standard.accuracy import AccuracySpec

OUTCOME = Fields({"predictions": Label(3), "references": Label(3)})


def test_by_hand_and_merged():
    one, other = AccuracySpec().build(outcome=OUTCOME), AccuracySpec().build(outcome=OUTCOME)
    one.update({"predictions": torch.tensor([0, 1, 2]), "references": torch.tensor([0, 2, 2])})
    assert one.compute() == pytest.approx(2 / 3)
    other.update({"predictions": torch.tensor([1, 1]), "references": torch.tensor([0, 0])})
    one.merge(other)
    assert one.compute() == pytest.approx(2 / 5)
    one.reset()
    with pytest.raises(ValueError, match="`accuracy` must have seen a label, but has seen none"):
        one.compute()


def test_padding_does_not_count():
    space = Labels(None, 3)
    metric = AccuracySpec().build(outcome=Fields({"predictions": space, "references": space}))
    lengths = torch.tensor([3, 1])
    predictions, references = torch.tensor([[0, 1, 2], [1, 0, 0]]), torch.tensor([[0, 1, 1], [1, 0, 0]])
    metric.update({"predictions": Padded(predictions, lengths), "references": Padded(references, lengths)})
    assert metric.compute() == pytest.approx(3 / 4)
