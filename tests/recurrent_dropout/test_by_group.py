"""Metrics of groups apart, and of predictions made with masks on."""

import pytest
import torch

from dovetail.spaces import Fields, Label, Sequence
from dovetail_recurrent_dropout.by_group import ByGroupSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.masked import MaskedSpec
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_standard.accuracy import AccuracySpec
from dovetail_standard.classify import ClassifySpec
from dovetail_standard.sequence import SequenceSpec

LABEL, GROUPS = Label(3), Label(4, ("train", "valid", "sms", "web"))
OUTCOME = Fields({"predictions": LABEL, "references": LABEL, "groups": GROUPS, "masked": LABEL})
BATCH = {
    "predictions": torch.tensor([0, 1, 2, 2, 1]),
    "references": torch.tensor([0, 1, 1, 2, 0]),
    "groups": torch.tensor([2, 3, 2, 3, 2]),
    "masked": torch.tensor([0, 1, 1, 2, 1]),
}


def test_each_group_that_is_seen_has_its_own_number():
    metric = ByGroupSpec(metric=AccuracySpec()).build(outcome=OUTCOME)
    metric.update(BATCH)
    assert metric.compute() == {"sms": pytest.approx(1 / 3), "web": 1.0}
    assert (metric.direction, metric.unit) == ("higher", "fraction")


def test_merging_groups_equals_one_pass_and_none_is_an_error():
    one, other, whole = (ByGroupSpec(metric=AccuracySpec()).build(outcome=OUTCOME) for _ in range(3))
    with pytest.raises(ValueError, match="`by-group` must have seen an example, but has seen none"):
        one.compute()
    for metric, rows in ((one, slice(2)), (other, slice(2, None)), (whole, slice(None))):
        metric.update({name: value[rows] for name, value in BATCH.items()})
    one.merge(other)
    assert one.compute() == whole.compute()


def test_masked_measures_the_masked_predictions():
    metric = MaskedSpec(metric=AccuracySpec()).build(outcome=OUTCOME)
    metric.update(BATCH)
    assert metric.compute() == 0.8
    metric.reset()
    with pytest.raises(ValueError, match="has seen none"):
        metric.compute()


def test_an_objective_predicts_with_masks_on_and_leaves_its_mode_as_it_was():
    torch.manual_seed(0)
    data = Fields({"input": Sequence(7, 3), "label": Label(4), "source": Label(2, ("a", "b"))})
    encoder = SequenceSpec(cell=LstmSpec(hidden=16, dropout=UpdateSpec(rate=0.9)))
    objective = ClassifySpec(masked=True, group="source").build(data=data, encoder=encoder)
    objective.readout.weight.data.mul_(30)
    batch = data.fake(200)
    for mode in (True, False):
        objective.train(mode)
        [outcome] = objective.evaluate([batch])
        assert objective.training is mode
    objective.outcome.check(outcome)
    assert (outcome["masked"] != outcome["predictions"]).float().mean() > 0.05
    assert torch.equal(outcome["groups"], batch["source"])
