"""A plugin made to be thrown away, with all that the interfaces must carry beyond what ships."""

import importlib
import json

import pytest
import torch
from safetensors.torch import load_file

import dovetail
from dovetail.assembly import assemble
from dovetail.bench import Store
from dovetail.bench.identity import run_key
from dovetail.errors import Faults
from dovetail.fitting import Checker, slots_of
from dovetail.notes import collect
from dovetail.registries import registry


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The registry of all plugins, the throw-away one installed by an entry point of its own."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "throwaway-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: throwaway\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[dovetail]\nthrowaway = throwaway.plugin\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        workspace = folder / "registry.toml"
        workspace.write_text("")
        yield registry(workspace)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def run(made, store):
    return dovetail.train(made.system("two-stages"), seed=1, store=store.path)


def batch_of(model, count=6):
    return model.dataset.split("train").take(range(count))


def test_a_kind_of_a_plugins_own_is_a_kind_like_any_other(made):
    assert [component.name for component in made.of_kind("planner")] == ["throwaway/linear", "throwaway/silent"]
    system = made.system("two-stages", {"generator.planner": "silent"})
    base, optional = slots_of(system.stages[0])["generator.planner"]
    assert (base.kind, optional) == ("planner", False)
    fits = Checker(made).fits("s", made.tables("two-stages"), "generator.planner")
    assert fits == ["throwaway/linear", "throwaway/silent"]
    assert [(swap.path, swap.kept) for swap in system.swaps] == [("objective", ("weight",))]
    with pytest.raises(Faults, match="`standard/lstm` is a cell, but a planner is wanted: throwaway/linear"):
        made.system("two-stages", {"generator.planner": "standard/lstm"})


def test_two_stages_are_trained_one_after_the_other(run):
    stages = [(record["stage"], record["epoch"]) for record in run.folder.records()]
    assert stages == [("likelihood", 1), ("likelihood", 2), ("game", 1)]
    losses = [{name for name in record if name.startswith("loss.")} for record in run.folder.records()]
    assert losses == [{"loss.likelihood"}, {"loss.likelihood"}, {"loss.judge", "loss.write"}]
    log = run.folder.file("log.txt").read_text()
    assert "stage game: 16 tensors kept\n" in log
    assert 1.0 < run.metrics["perplexity.test"] < 8.0


def test_the_second_stage_starts_from_what_the_first_came_to(made, store):
    changes = {"stages.1.epochs": 0, "train.select": "last"}
    run = dovetail.train(made.system("two-stages", changes), seed=1, store=store.path)
    alone = {"stages": [{"name": "likelihood"}], "train.select": "last"}
    first = dovetail.train(made.system("two-stages", alone), seed=1, store=store.path)
    one, two = (load_file(each.folder.file("model.safetensors")) for each in (run, first))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_phase_trains_its_own_parts_alone(made, store, run):
    alone = dovetail.train(made.system("two-stages", {"stages": [{"name": "likelihood"}]}), seed=1, store=store.path)
    fresh = assemble(made.system("two-stages"), seed=1).objective.state_dict()
    first, both = (load_file(each.folder.file("model.safetensors")) for each in (alone, run))
    reader = [name for name in fresh if name.startswith("discriminator.")]
    writer = [name for name in fresh if name.startswith("generator.")]
    assert all(torch.equal(first[f"model/{name}"], fresh[name]) for name in reader)
    assert not any(torch.equal(first[f"model/{name}"], fresh[name]) for name in writer)
    assert not any(torch.equal(both[f"model/{name}"], fresh[name]) for name in reader)


def test_an_auxiliary_loss_counts_by_its_weight(made):
    def loss(weight):
        model = assemble(made.system("two-stages", {"objective.weight": weight}), seed=1)
        with collect() as outer:
            value = model.objective(batch_of(model), "likelihood")
        assert outer.losses == {}  # the objective's own `collect` took it
        with collect() as noted:
            model.objective.likelihood(batch_of(model)["text"])
        return value.item(), noted.losses["plan"].item()

    (without, plan), (weighted, _) = loss(0.0), loss(0.25)
    assert plan > 0
    assert weighted == pytest.approx(without + 0.25 * plan, rel=1e-5)


def test_the_weight_of_an_auxiliary_loss_may_be_a_schedule(made, store):
    changes = {
        "objective.weight": {"use": "standard/constant", "value": 0.25},
        "stages": [{"name": "likelihood"}],
    }
    scheduled = dovetail.train(made.system("two-stages", changes), seed=1, store=store.path)
    number = dovetail.train(made.system("two-stages", {**changes, "objective.weight": 0.25}), seed=1, store=store.path)
    assert scheduled.folder.name != number.folder.name
    assert scheduled.metrics == pytest.approx(number.metrics)


def test_a_generator_reads_the_leak_while_it_samples(made):
    model = assemble(made.system("two-stages"), seed=1)
    torch.manual_seed(0)
    with collect(exhibits=True) as noted:
        text = model.generator.sample(7, leak=model.discriminator)
    model.data["text"].check(text)
    assert len(noted.exhibits["plan"]) == text.data.shape[1]
    assert isinstance(model.discriminator, dovetail.Leak)
    assert isinstance(model.generator, dovetail.Stepwise)
    states = [model.discriminator.initial_state(7)]
    start = torch.full((7, 1), 1)
    for column in torch.cat([start, text.data[:, :-1]], dim=1).T:
        features, state = model.discriminator.leak(column, states[-1])
        states.append(state)
        plan = model.generator.planner(features)
        assert torch.allclose(plan, noted.exhibits["plan"][len(states) - 2])


def test_another_discriminator_leads_to_other_samples(made):
    model = assemble(made.system("two-stages"), seed=1)
    with torch.no_grad():
        model.generator.planner.layer.weight.mul_(50)

    def sample():
        torch.manual_seed(0)
        return model.generator.sample(20, leak=model.discriminator).data.tolist()

    before = sample()
    assert sample() == before
    with torch.no_grad():
        model.discriminator.cell.weight_ih.mul_(-3)
    assert sample() != before


def test_sampling_goes_on_by_step_from_forward_and_from_the_start(made):
    model = assemble(made.system("two-stages"), seed=1)
    text = batch_of(model)["text"]
    leaks = model.objective.leaks(text)
    logits, state = model.generator(text, leak=leaks)
    again = model.generator.initial_state(6)
    first, _ = model.generator.step(again[0], again, leaks[:, 0])
    assert torch.allclose(first, logits[:, 0])
    assert torch.equal(state[0], text.data[:, -1])


# ------------------------------------------------------------------------------------------- a part of an earlier run


def reuse(made, store, run, **more):
    part = {"from_run": run.folder.name, "part": "discriminator", **more}
    return made.system("reuse", {"discriminator": part}, runs=store.earlier(made))


def test_a_frozen_part_of_an_earlier_run_is_used_and_stays_as_it_was(made, store, run):
    again = dovetail.train(reuse(made, store, run), seed=2, store=store.path)
    one, two = (load_file(each.folder.file("model.safetensors")) for each in (run, again))
    reader = [name for name in one if name.startswith("model/discriminator.")]
    assert reader
    assert all(torch.equal(one[name], two[name]) for name in reader)
    assert not torch.equal(one["model/generator.readout.weight"], two["model/generator.readout.weight"])


def test_a_part_that_is_not_frozen_is_trained_on(made, store, run):
    system = reuse(made, store, run, frozen=False)
    model = assemble(system, runs=store.earlier(made))
    assert len(model.parameters(["discriminator"])) == 7
    assert model.parameters(["discriminator"])[0].requires_grad
    frozen = assemble(reuse(made, store, run), runs=store.earlier(made))
    assert frozen.parameters(["discriminator"]) == []


def test_a_run_with_a_part_of_another_loads_without_its_data(made, store, run, monkeypatch):
    again = dovetail.train(reuse(made, store, run), seed=2, store=store.path)
    words = made.find("dataset", "throwaway/words").load()
    monkeypatch.setattr(words, "build", lambda self: pytest.fail("opens the data"))
    model = dovetail.load(again.folder.path, made)
    stored = load_file(again.folder.file("model.safetensors"))
    assert torch.equal(model.generator.readout.weight, stored["model/generator.readout.weight"])
    assert torch.equal(model.discriminator.readout.weight, stored["model/discriminator.readout.weight"])
    assert len(model.generator.sample(3, leak=model.discriminator).lengths) == 3


def test_a_run_with_a_part_of_another_is_known_by_that_runs_identity(made, store, run):
    system = reuse(made, store, run)
    other = dovetail.train(made.system("two-stages"), seed=3, store=store.path)
    assert run_key(system, 0, []) == run_key(reuse(made, store, run), 0, [])
    assert run_key(system, 0, []) != run_key(reuse(made, store, other), 0, [])
    about = json.loads(run.folder.file("run.json").read_text())
    assert system.stages[0].parts["discriminator"].identity == about["identity"]


def test_a_run_that_is_not_there_is_a_fault_at_its_place(made, store):
    part = {"from_run": "gone", "part": "discriminator"}
    with pytest.raises(Faults, match="overrides: discriminator: there is no run `gone`"):
        made.system("reuse", {"discriminator": part}, runs=store.earlier(made))
