"""Classification by an encoder and a linear readout, and the auxiliary losses that objectives weigh."""

import pytest
import torch

from dovetail import notes
from dovetail.errors import Misfit, Mistake
from dovetail.interfaces import Progress
from dovetail.spaces import Fields, Image, Label, Sequence, Vector
from dovetail_standard.cells import GruSpec
from dovetail_standard.classify import ClassifySpec
from dovetail_standard.identity import Identity, IdentitySpec
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.schedules import LinearSpec
from dovetail_standard.sequence import SequenceSpec

DATA = Fields({"input": Vector(5), "label": Label(3, ("a", "b", "c"))})


class Noting(IdentitySpec):
    """An encoder that notes half of its input's squares as `activity`."""

    def build(self, *, input):
        built = Identity(space=input)
        built.register_forward_hook(lambda _, inputs, __: notes.loss("activity", inputs[0].square().sum() / 2))
        return built


def test_the_loss_is_the_cross_entropy_of_the_readout():
    objective = ClassifySpec().build(data=DATA, encoder=IdentitySpec())
    batch = {"input": torch.randn(2, 5), "label": torch.tensor([2, 0])}
    logits = batch["input"] @ objective.readout.weight.T + objective.readout.bias
    expected = -logits.log_softmax(-1)[torch.arange(2), batch["label"]].mean()
    torch.testing.assert_close(objective(batch, "classify"), expected)


def test_smoothing_spreads_probability_over_all_classes():
    batch = {"input": torch.randn(2, 5), "label": torch.tensor([2, 0])}
    objective = ClassifySpec(smoothing=0.3).build(data=DATA, encoder=IdentitySpec())
    target = 0.7 * torch.eye(3)[batch["label"]] + 0.1
    expected = -(target * objective.logits(batch).log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(objective(batch, "classify"), expected)


def test_it_learns_to_tell_sequences_apart_by_their_first_step():
    torch.manual_seed(0)
    data = Fields({"rows": Sequence(4, 2), "sort": Label(2)})
    spec = ClassifySpec(input="rows", target="sort", optimizer=AdamSpec(lr=0.01))
    objective = spec.build(data=data, encoder=SequenceSpec(cell=GruSpec(hidden=8)))
    batch = data.fake(64)
    batch["sort"] = (batch["rows"].data[:, 0, 0] > 0).long()
    optimizer = objective.phases[0].optimizer.build(parameters=objective.parameters())
    for _ in range(150):
        optimizer.zero_grad()
        objective(batch, "classify").backward()
        optimizer.step()
    [outcome] = objective.evaluate([batch])
    assert (outcome["predictions"] == outcome["references"]).float().mean() > 0.95


def test_evaluation_yields_labels_without_gradients_and_restores_the_mode():
    objective = ClassifySpec().build(data=DATA, encoder=IdentitySpec())
    seen = []
    objective.encoder.register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_grad_enabled())))
    for outcome in objective.evaluate([DATA.fake(2), DATA.fake(3)]):
        assert torch.is_grad_enabled()
        objective.outcome.check(outcome)
    assert seen == [(False, False)] * 2
    assert objective.training


def test_noted_losses_count_by_their_weights():
    batch = {"input": torch.ones(2, 5), "label": torch.tensor([2, 0])}
    plain = ClassifySpec().build(data=DATA, encoder=Noting())
    weighted = ClassifySpec(auxiliary={"activity": 0.1}).build(data=DATA, encoder=Noting())
    weighted.load_state_dict(plain.state_dict())
    torch.testing.assert_close(weighted(batch, "classify"), plain(batch, "classify") + 0.1 * 5)


def test_a_weight_may_be_a_schedule_that_the_loop_fills():
    batch = {"input": torch.ones(2, 5), "label": torch.tensor([2, 0])}
    spec = ClassifySpec(auxiliary={"activity": LinearSpec(start=0.0, end=1.0, finish=10)})
    objective = spec.build(data=DATA, encoder=Noting())
    [schedule] = objective.auxiliary.schedules
    before = objective(batch, "classify")
    schedule.value.fill_(schedule.at(Progress(step=4, epoch=0)))
    torch.testing.assert_close(objective(batch, "classify"), before + 0.4 * 5)


def test_a_weight_for_a_loss_that_nobody_notes_is_a_mistake():
    objective = ClassifySpec(auxiliary={"kl": 1.0}).build(data=DATA, encoder=Noting())
    with pytest.raises(
        Mistake, match="`auxiliary` must name losses that the parts note, but is `kl`; they note `activity`"
    ):
        objective(DATA.fake(2), "classify")


def test_an_encoder_of_images_is_a_misfit():
    data = Fields({"input": Image(1, 4, 6), "label": Label(3)})
    with pytest.raises(Misfit, match="`encoder` must be an encoder whose output is a Vector, but is Image"):
        ClassifySpec().build(data=data, encoder=IdentitySpec())


def test_a_field_that_is_missing_or_of_another_space_is_a_misfit():
    with pytest.raises(Misfit, match="fields of which `kind` is a Label, but is input = Vector, label = Label"):
        ClassifySpec(target="kind").build(data=DATA, encoder=IdentitySpec())
    with pytest.raises(Misfit, match="fields of which `input` is a Label"):
        ClassifySpec(target="input").build(data=DATA, encoder=IdentitySpec())


def test_groups_of_the_dataset_are_in_the_outcome():
    data = Fields({**DATA, "source": Label(2, ("web", "sms"))})
    objective = ClassifySpec(group="source").build(data=data, encoder=IdentitySpec())
    batch = data.fake(4)
    [outcome] = objective.evaluate([batch])
    objective.outcome.check(outcome)
    assert outcome["groups"] is batch["source"]
    with pytest.raises(Misfit, match="fields of which `source` is a Label"):
        ClassifySpec(group="source").build(data=DATA, encoder=IdentitySpec())


def test_batch_statistics_are_refused_where_predictions_are_made_as_in_training():
    class Normalised(IdentitySpec):
        def build(self, *, input):
            built = Identity(space=input)
            built.norm = torch.nn.BatchNorm1d(5)
            return built

    with pytest.raises(Misfit, match="`encoder` must be without batch normalisation where `masked` is true"):
        ClassifySpec(masked=True).build(data=DATA, encoder=Normalised())
