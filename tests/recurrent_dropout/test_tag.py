"""Tagging each step of a sequence."""

import pytest
import torch

from dovetail.errors import Misfit
from dovetail.spaces import Fields, Labels, Padded, Sequence
from dovetail_recurrent_dropout.tag import TagSpec
from dovetail_standard.cells import GruSpec
from dovetail_standard.identity import IdentitySpec
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.sequence import SequenceSpec

DATA = Fields({"input": Sequence(5, 3), "label": Labels(5, 4)})


def test_the_loss_is_the_mean_cross_entropy_of_the_real_steps():
    objective = TagSpec().build(data=DATA, encoder=IdentitySpec())
    lengths = torch.tensor([5, 2])
    batch = {"input": Padded(torch.randn(2, 5, 3), lengths), "label": Padded(torch.randint(4, (2, 5)), lengths)}
    logits = batch["input"].data @ objective.readout.weight.T + objective.readout.bias
    chosen = logits.log_softmax(-1).gather(2, batch["label"].data[..., None])[..., 0]
    torch.testing.assert_close(objective(batch, "tag"), -(chosen[0].sum() + chosen[1, :2].sum()) / 7)


def test_what_stands_on_padding_changes_nothing():
    objective = TagSpec().build(data=DATA, encoder=IdentitySpec())
    batch = DATA.fake(3)
    lengths = torch.tensor([5, 1, 2])
    batch = {name: Padded(value.data, lengths) for name, value in batch.items()}
    other = {name: Padded(value.data.clone(), lengths) for name, value in batch.items()}
    other["input"].data[1, 1:], other["label"].data[2, 2:] = 9.0, 3
    torch.testing.assert_close(objective(batch, "tag"), objective(other, "tag"))


def test_it_learns_to_tag_each_step_by_the_step_before():
    torch.manual_seed(0)
    data = Fields({"input": Sequence(6, 1), "label": Labels(6, 2)})
    spec = TagSpec(optimizer=AdamSpec(lr=0.02))
    objective = spec.build(data=data, encoder=SequenceSpec(cell=GruSpec(hidden=8), pooling="none"))
    xs, lengths = torch.randn(64, 6, 1), torch.randint(2, 7, (64,))
    before = torch.cat([torch.zeros(64, 1), xs[:, :-1, 0]], dim=1)
    batch = {"input": Padded(xs, lengths), "label": Padded((before > 0).long(), lengths)}
    optimizer = objective.phases[0].optimizer.build(parameters=objective.parameters())
    for _ in range(200):
        optimizer.zero_grad()
        objective(batch, "tag").backward()
        optimizer.step()
    [outcome] = objective.evaluate([batch])
    objective.outcome.check(outcome)
    right = outcome["predictions"].data == outcome["references"].data
    assert right[batch["label"].mask].float().mean() > 0.95


def test_an_encoder_of_one_vector_is_refused():
    with pytest.raises(Misfit, match=r"`encoder` must be an encoder whose output is a Sequence \(`pooling` none\)"):
        TagSpec().build(data=DATA, encoder=SequenceSpec(cell=GruSpec(hidden=2)))
