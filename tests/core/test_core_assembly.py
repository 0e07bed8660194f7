import pytest
import torch
from torch import nn
from toy_parts import RightSpec
from toy_systems import SYSTEM

from dovetail import Label, Mistake, Vector
from dovetail.assembly import Assembly, SpaceMisfit, assemble, built_for, freeze, open_dataset

PAIR = 'dataset = "toy/numbers"\nobjective = "toy/fit"\nencoder = { use = "toy/pair" }\n'


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_an_assembled_system_has_its_parts_by_name(bench):
    model = assemble(bench.load())
    assert model.encoder is model.objective.encoder
    assert model.other_encoder is None
    assert model.encoder.output == Vector(8)
    assert dict(model.data) == {"input": Vector(5), "label": Label(3)}
    assert list(model.metrics) == ["right"]
    with pytest.raises(
        AttributeError, match="the system has no part `generator`; its parts are encoder, other_encoder"
    ):
        _ = model.generator


def test_the_check_allocates_nothing(bench):
    model = assemble(bench.load(), meta=True)
    assert {parameter.device.type for parameter in model.objective.parameters()} == {"meta"}


def test_each_build_is_remembered_with_its_spaces(bench):
    model = assemble(bench.load(PAIR, "encoder.second=toy/linear"))
    assert {path: [build.spaces for build in builds] for path, builds in model.built.items() if "encoder" in path} == {
        "encoder": [{"input": Vector(5)}], "encoder.first": [{"input": Vector(5)}],
        "encoder.second": [{"input": Vector(7)}],
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- misfit


def test_a_misfit_names_both_spaces_and_both_components(bench):
    with pytest.raises(SpaceMisfit) as error:
        assemble(bench.load(SYSTEM, "encoder=toy/of-sequence"), meta=True)
    assert str(error.value) == (
        "encoder: encoder toy/of-sequence takes Sequence as `input`, but dataset toy/numbers gives Vector(size=5)"
    )
    assert (error.value.taker, error.value.giver) == ("encoder", "dataset")


def test_a_finer_misfit_names_them_too(bench):
    with pytest.raises(SpaceMisfit, match=r"encoder\.second: encoder toy/wide takes a Vector of even size as `input`, but encoder toy/linear gives Vector\(size=7\)") as error:  # fmt: skip  # noqa: E501
        assemble(bench.load(PAIR, "encoder.second=toy/wide"))
    assert (error.value.taker, error.value.giver) == ("encoder.second", "encoder.first")


def test_a_metric_that_needs_what_the_objective_does_not_give(bench):
    with pytest.raises(SpaceMisfit, match=r"metrics\.p: metric toy/picky takes an outcome with `samples` as `outcome`, but objective toy/fit gives `predictions`, `references`"):  # fmt: skip  # noqa: E501
        assemble(bench.load(SYSTEM, "metrics.p=toy/picky"))


def test_a_metric_that_takes_another_space(bench, monkeypatch):
    monkeypatch.setattr(RightSpec, "takes", {"predictions": (Vector,)})
    with pytest.raises(
        SpaceMisfit, match="metric toy/right takes Vector as `predictions`, but objective toy/fit gives Label"
    ):
        assemble(bench.load())


def test_a_component_that_cannot_be_built_is_named(bench):
    with pytest.raises(Mistake, match=r"encoder toy/broken \(encoder\) cannot be built: KeyError: 'missing'"):
        assemble(bench.load(SYSTEM, "encoder=toy/broken"))


def test_a_space_that_no_file_could_name_is_refused_before_training(bench):
    with pytest.raises(Mistake, match="toy_parts:Strange is no known space"):
        assemble(bench.load(SYSTEM, "encoder=toy/strange"), meta=True)


# ------------------------------------------------------------------------------------------------------------- sharing


def test_a_shared_slot_is_the_same_object(bench):
    model = assemble(bench.load(PAIR, "encoder.second={ share = 'encoder.first' }", "encoder.same=true"))
    assert model.encoder.second is model.encoder.first
    assert len(model.built["encoder.first"]) == 1
    assert "encoder.second" not in model.built


def test_a_share_is_built_on_its_targets_stream_whoever_asks_first(bench):
    alone = assemble(bench.load(PAIR))
    shared = assemble(bench.load(PAIR, "encoder.first={ share = 'encoder.second' }", "encoder.same=true",
                                 "encoder.second={ use = 'toy/linear', width = 7 }"))  # fmt: skip
    direct = assemble(bench.load(PAIR, "encoder.second={ use = 'toy/linear', width = 7 }", "encoder.same=true"))
    assert same(weights(shared.encoder.first), weights(direct.encoder.second))
    assert not same(weights(shared.encoder.first), weights(alone.encoder.first))


def test_a_later_asker_with_other_spaces_is_refused(bench):
    with pytest.raises(SpaceMisfit, match=r"takes Vector\(size=5\), as where it was first built, since it is shared as `input`, but encoder toy/linear gives Vector\(size=7\)"):  # fmt: skip  # noqa: E501
        assemble(bench.load(PAIR, "encoder.second={ share = 'encoder.first' }"))


def test_a_whole_part_may_be_a_share_and_its_parameters_belong_to_the_targets_part(bench):
    model = assemble(bench.load(SYSTEM, "other_encoder={ share = 'encoder' }"))
    assert model.other_encoder is model.encoder
    assert len(model.parameters(["encoder"])) == 2
    assert model.parameters(["other_encoder"]) == []
    other = assemble(bench.load(SYSTEM, "other_encoder.use=toy/pair", "other_encoder.second={ share = 'encoder' }",
                                "other_encoder.same=true"))  # fmt: skip
    assert len(other.parameters(["other_encoder"])) == 2
    assert len(other.parameters(["encoder"])) == 2
    assert len(other.parameters(["objective"])) == 2
    assert len(other.parameters(["encoder", "objective", "other_encoder"])) == 6


def test_a_slot_that_is_shared_by_a_slot_inside_of_it_is_refused(bench):
    with pytest.raises(Mistake, match="encoder: is shared by a slot inside of itself"):
        assemble(bench.load(PAIR, "encoder.second={ share = 'encoder' }"))


# ------------------------------------------------------------------------------------------------------------- streams


def test_swapping_a_part_leaves_the_others_initial_weights_bit_identical(bench):
    text = PAIR + 'other_encoder = "toy/linear"\n'
    one = assemble(bench.load(text, "encoder.second=toy/linear"), seed=3)
    two = assemble(
        bench.load(text, "encoder.second={ use = 'toy/many', items = ['toy/linear', 'toy/linear'] }"), seed=3
    )
    assert same(weights(one.encoder.first), weights(two.encoder.first))
    assert same(weights(one.other_encoder), weights(two.other_encoder))
    assert same(weights(one.objective.readout), weights(two.objective.readout))


def test_other_seeds_stages_and_paths_start_from_other_weights(bench):
    text = SYSTEM + 'other_encoder = { use = "toy/linear", width = 8 }\n[[stages]]\nrepeat = 2'
    system = bench.load(text)
    models = [assemble(system, seed=0), assemble(system, seed=1), assemble(system, seed=0, stage=1)]
    found = [model.encoder.layer.weight for model in models] + [models[0].other_encoder.layer.weight]
    assert len({tuple(weight.flatten().tolist()) for weight in found}) == 4


def test_the_nth_build_of_a_slot_has_its_own_stream(bench):
    text = 'dataset = "toy/numbers"\nobjective = "toy/fit"\nencoder = { use = "toy/many", twice = "toy/linear" }'
    one, two = assemble(bench.load(text)).encoder.items
    assert not torch.equal(one.layer.weight, two.layer.weight)
    again = assemble(bench.load(text, "encoder.items=['toy/linear']")).encoder.items
    assert torch.equal(again[1].layer.weight, one.layer.weight)


def test_assembling_leaves_the_global_generator_as_it_was(bench):
    before = torch.get_rng_state()
    assemble(bench.load(SYSTEM, "dataset.features=toy/linear"))
    assemble(bench.load(), meta=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_slots_of_a_dataset_do_not_depend_on_the_runs_seed(bench):
    system = bench.load(SYSTEM, "dataset.features=toy/linear")
    models = [assemble(system, seed=seed) for seed in (0, 1)]
    assert same(*(weights(model.dataset.features) for model in models))


# ------------------------------------------------------------------------------------------------------- earlier runs


class Earlier:
    """A store of one run, whose encoder was assembled before."""

    identity = "abc"

    def __init__(self, model):
        self.model = model

    def __call__(self, name):
        return self

    def part(self, path):
        builds = self.model.built[path]
        tensors = {f"{f'{n}.' if n else ''}{k}": v for n, b in enumerate(builds) for k, v in weights(b.module).items()}
        return self.model.stage.parts["encoder"], [build.spaces for build in builds], tensors


@pytest.fixture
def earlier(bench):
    return Earlier(
        assemble(bench.load(PAIR, "encoder.second={ share = 'encoder.first' }", "encoder.same=true"), seed=9)
    )


FROM = """
dataset = "toy/numbers"
objective = "toy/fit"
encoder = { use = "toy/pair", first = { from_run = "r", part = "encoder" } }
"""


def test_a_part_from_an_earlier_run_has_its_weights_and_stays_as_it_is(bench, earlier):
    model = assemble(bench.load(FROM, runs=earlier), runs=earlier)
    taken = model.encoder.first
    assert same(weights(taken), weights(earlier.model.encoder))
    assert taken.first is taken.second
    assert model.parameters(["encoder"]) == []
    x = torch.randn(2, 5)
    for train in (model.train, model.objective.train, model.encoder.train):
        train()
        assert model.objective.training or train == model.encoder.train
        assert not any(module.training for module in taken.modules())
        assert torch.equal(taken.first(x), taken.first(x))
    model.objective.eval()
    assert not any(module.training for module in model.objective.modules())


def test_a_part_that_is_not_frozen_is_trained_on(bench, earlier):
    model = assemble(bench.load(FROM, "encoder.first.frozen=false", runs=earlier), runs=earlier)
    model.train()
    assert same(weights(model.encoder.first), weights(earlier.model.encoder))
    assert len(model.parameters(["encoder"])) == 2
    assert model.encoder.first.training


def test_a_part_must_be_given_the_spaces_that_it_was_built_with(bench, earlier):
    text = FROM.replace("first = ", "second = ")
    with pytest.raises(SpaceMisfit, match=r"encoder\.second: encoder of the run `r` was built for input = Vector\(size=5\), but is given input = Vector\(size=7\)"):  # fmt: skip  # noqa: E501
        assemble(bench.load(text, runs=earlier), runs=earlier, meta=True)


def test_a_slot_shows_the_spaces_that_an_earlier_run_built_its_part_with(bench, earlier):
    system = bench.load(FROM, "encoder.second={ share = 'encoder.first' }", runs=earlier)
    assembly = Assembly(bench.registry, runs=earlier)
    handle = assembly.handle(system.stages[0].parts["encoder"], "encoder")
    assert built_for(handle.first) == built_for(handle.second) == {"input": Vector(5)}
    assert built_for(handle) == built_for(handle.spec) == {}


def test_a_part_of_another_kind_is_refused(bench, earlier):
    model = assemble(
        bench.load(SYSTEM, "objective.optimizer={from_run='r', part='encoder'}", runs=earlier), runs=earlier
    )
    with pytest.raises(Mistake, match="encoder of the run `r` is an encoder, but an optimizer is wanted"):
        model.objective.phases[0].optimizer.build(parameters=[])


def test_without_a_store_no_part_can_be_had(bench):
    with pytest.raises(Mistake, match="comes from the run `r`, and no store was given to find it in"):
        assemble(bench.load(FROM))


def test_a_frozen_module_keeps_its_mode_within_a_larger_one():
    inner = freeze(nn.Sequential(nn.Dropout(), nn.Linear(3, 2)))
    outer = nn.Sequential(inner, nn.Dropout()).train()
    assert (inner.training, inner[0].training, outer[1].training) == (False, False, True)
    assert outer.eval().training is False
    assert inner.train(True) is inner
    assert not inner[1].weight.requires_grad


# ------------------------------------------------------------------------------------------------------------- handles


def test_a_handle_reads_like_its_spec(bench):
    model = assemble(
        bench.load(SYSTEM, "objective.optimizer={ use = 'toy/plain', lr = { use = 'toy/flat', value = 0.5 } }")
    )
    optimizer = model.objective.phases[0].optimizer
    assert optimizer.lr.value == optimizer.lr.at(None) == 0.5
    assert repr(optimizer).startswith("<objective.optimizer: PlainSpec(")
    assert optimizer.kind == "optimizer"


def test_slots_in_tuples_and_mappings_are_handles_at_their_paths(bench):
    text = ('dataset = "toy/numbers"\nobjective = "toy/fit"\n'
            'encoder = { use = "toy/many", items = ["toy/linear"], named = { a = "toy/linear" } }')  # fmt: skip
    assert {"encoder.items.0", "encoder.named.a"} <= assemble(bench.load(text)).built.keys()


def test_a_dataset_alone(bench):
    stage = bench.stage(SYSTEM, "dataset.count=4")
    assert len(open_dataset(bench.registry, stage.dataset).split("train")) == 4
