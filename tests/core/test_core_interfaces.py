import pytest
import torch
from torch import nn
from toy_parts import FlatSpec, Linear, Numbers, NumbersSpec, PlainSpec, Right

from dovetail import interfaces
from dovetail.interfaces import Objective, Phase, Progress, Schedule, Spec, Split, Stepwise, value_at

ABSTRACT = ["Encoder", "Attention", "Cell", "Generator", "Discriminator", "Metric", "Objective", "Split", "Dataset"]


@pytest.mark.parametrize(
    "name",
    [*ABSTRACT, *(f"{name}Spec" for name in ABSTRACT if name != "Split"), "DecodingSpec", "ScheduleSpec", "Spec"],
)
def test_an_interface_without_its_methods_cannot_be_made(name):
    with pytest.raises(TypeError, match=f"Can't instantiate abstract class {name}"):
        getattr(interfaces, name)()


@pytest.mark.parametrize("name", ABSTRACT)
def test_a_part_that_forgets_a_method_cannot_be_made(name):
    base = getattr(interfaces, name)
    forgetful = type("Forgetful", (base,), {})
    with pytest.raises(TypeError, match="abstract method"):
        forgetful()


def test_every_kind_has_a_spec_base_of_its_name():
    bases = [
        cls for cls in vars(interfaces).values() if isinstance(cls, type) and issubclass(cls, Spec) and cls is not Spec
    ]
    assert {base.kind: base.__name__ for base in bases} == {
        kind: f"{kind.capitalize()}Spec"
        for kind in [
            "encoder",
            "attention",
            "cell",
            "generator",
            "decoding",
            "discriminator",
            "metric",
            "dataset",
            "objective",
            "optimizer",
            "schedule",
        ]
    }


def test_specs_are_frozen_hashable_and_by_keyword():
    assert NumbersSpec(count=2) == NumbersSpec(count=2) != NumbersSpec(count=3)
    assert hash(NumbersSpec(count=2)) == hash(NumbersSpec(count=2))
    with pytest.raises(AttributeError):
        NumbersSpec().count = 3
    with pytest.raises(TypeError):
        NumbersSpec(3)


def test_a_phase_makes_at_least_one_update():
    phase = Phase(name="a", parts=("encoder",), optimizer=PlainSpec())
    assert (phase.repeat, phase.every) == (1, 1)
    for name in ("repeat", "every"):
        with pytest.raises(ValueError, match=rf"`{name}` must be in \[1, inf\), but is 0"):
            Phase(name="a", parts=(), optimizer=PlainSpec(), **{name: 0})


def test_a_quantity_is_a_number_or_a_schedule():
    progress = Progress(step=3, epoch=1)
    assert value_at(2, progress) == 2.0
    assert value_at(FlatSpec(value=0.25), progress) == 0.25
    schedule = FlatSpec(value=0.25).build()
    assert isinstance(schedule, Schedule)
    assert schedule.at(progress) == 0.25
    schedule.value.fill_(7.0)
    assert schedule().item() == 7.0
    assert schedule.state_dict() == {}


class Bare(Objective):
    def forward(self, batch, phase):
        return torch.zeros(())

    def evaluate(self, loader):
        yield from ()


class Some(Split):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def take(self, indices, augment=None):
        return {}


def test_batches_are_all_in_order_without_an_order():
    assert [list(batch) for batch in Bare().batches(Some(5), 2, None)] == [[0, 1], [2, 3], [4]]
    assert Bare().batches(Some(0), 2, None) == []


def test_batches_are_shuffled_and_whole_with_an_order():
    batches = Bare().batches(Some(7), 3, torch.Generator().manual_seed(0))
    assert [len(batch) for batch in batches] == [3, 3]
    assert len({index for batch in batches for index in batch}) == 6
    assert batches == Bare().batches(Some(7), 3, torch.Generator().manual_seed(0))
    assert batches != Bare().batches(Some(7), 3, torch.Generator().manual_seed(1))


def test_a_split_that_is_smaller_than_a_batch_is_one_batch_and_an_empty_one_none():
    assert [sorted(batch) for batch in Bare().batches(Some(2), 3, torch.Generator())] == [[0, 1]]
    assert Bare().batches(Some(0), 3, torch.Generator()) == []


def test_a_new_epoch_forgets_what_was_carried():
    objective = Bare()
    objective.carried = {"state": torch.zeros(1)}
    objective.begin_epoch(1)
    assert objective.carried == {}


def test_protocols_are_told_by_their_methods():
    assert not isinstance(Linear(5, 2), Stepwise)
    assert isinstance(Right(), nn.Module)
    assert Numbers(3).split("train").take([1])["input"].shape == (1, 5)
