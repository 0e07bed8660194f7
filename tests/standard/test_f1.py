"""The F1 score."""

import pytest
import torch

from dovetail.errors import Misfit
from dovetail.spaces import Fields, Label, Labels, Padded
from dovetail_standard.f1 import F1Spec

LABEL = Label(3, ("other", "good", "bad"))
PREDICTIONS = torch.tensor([1, 1, 2, 0, 1, 2])
REFERENCES = torch.tensor([1, 0, 2, 0, 2, 1])
# good: precision 1/3, recall 1/2, F1 2/5; bad: 1/2, 1/2, 1/2; other: 1, 1/2, 2/3


def score(spec: F1Spec, space=LABEL, predictions=PREDICTIONS, references=REFERENCES) -> float:
    metric = spec.build(outcome=Fields({"predictions": space, "references": space}))
    metric.update({"predictions": predictions, "references": references})
    return metric.compute()


def test_by_hand_over_all_classes_and_over_some():
    assert score(F1Spec()) == pytest.approx((2 / 5 + 1 / 2 + 2 / 3) / 3)
    assert score(F1Spec(classes=("good", "bad"))) == pytest.approx((2 / 5 + 1 / 2) / 2)
    assert score(F1Spec(average="micro")) == pytest.approx(3 / 6)
    assert score(F1Spec(average="micro", classes=("good", "bad"))) == pytest.approx(2 * 2 / (5 + 4))


def test_classes_without_names_go_by_their_numbers():
    assert score(F1Spec(classes=("1",)), Label(3)) == pytest.approx(2 / 5)


def test_a_class_that_never_occurs_scores_zero():
    assert score(F1Spec(), Label(4)) == pytest.approx((2 / 5 + 1 / 2 + 2 / 3) / 4)


def test_padding_does_not_count():
    rows = [Padded(labels.view(2, 3), torch.tensor([3, 2])) for labels in (PREDICTIONS, REFERENCES)]
    expected = score(F1Spec(), LABEL, PREDICTIONS[:5], REFERENCES[:5])
    assert score(F1Spec(), Labels(3, 3), *rows) == expected


def test_merging_equals_one_pass():
    outcome = Fields({"predictions": LABEL, "references": LABEL})
    one, other = F1Spec().build(outcome=outcome), F1Spec().build(outcome=outcome)
    one.update({"predictions": PREDICTIONS[:2], "references": REFERENCES[:2]})
    other.update({"predictions": PREDICTIONS[2:], "references": REFERENCES[2:]})
    other.merge(one)
    assert other.compute() == score(F1Spec())


def test_nothing_seen_is_an_error():
    with pytest.raises(ValueError, match="`f1` must have seen a label, but has seen none"):
        F1Spec().build(outcome=Fields({"predictions": LABEL, "references": LABEL})).compute()


def test_a_class_that_the_labels_lack_is_a_misfit():
    with pytest.raises(Misfit, match="labels that have the classes ugly, but is labels of other, good, bad"):
        score(F1Spec(classes=("ugly",)))
