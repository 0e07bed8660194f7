"""Runs that an older version of a component made, read back by a newer one."""

import attrs
import pytest
import torch
from attrs import field, frozen
from bench_toys import Mean, Net

import dovetail
from dovetail import EncoderSpec, Fields, MetricSpec, Mistake, Space
from dovetail.bench import Bench
from dovetail.bench.files import write_json
from dovetail.bench.store import FinishedRun
from dovetail.errors import Faults


@frozen(kw_only=True)
class RenamedSpec(EncoderSpec):
    """`toys/net` as its author has it now: other names, and a number that was fixed before."""

    units: int = 7
    depth: int = 1
    rate: float = 0.25
    slope: float = field(default=1.0)

    def build(self, *, input: Space):
        return Net(input.size, self.units, self.depth, self.rate)


@frozen(kw_only=True)
class MigratingSpec(RenamedSpec):
    @classmethod
    def migrate(cls, values, version):
        if version < 2:
            values["units"] = values.pop("width")
        if version < 3:
            values["depth"] = values.pop("layers")
            del values["speed"], values["later"]
        return values


class Stacked(Net):
    """`Net` with another name for its layers."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.stack = self.layers
        del self.layers
        self.register_load_state_dict_pre_hook(rename)

    @property
    def layers(self):
        return self.stack


def rename(module, tensors, prefix, *_):
    for name in [name for name in tensors if name.startswith(f"{prefix}layers.")]:
        tensors[f"{prefix}stack.{name.removeprefix(f'{prefix}layers.')}"] = tensors.pop(name)


@frozen(kw_only=True)
class StackedSpec(MigratingSpec):
    def build(self, *, input: Space):
        return Stacked(input.size, self.units, self.depth, self.rate)


@frozen(kw_only=True)
class RefusingSpec(RenamedSpec):
    @classmethod
    def migrate(cls, values, version):
        raise Mistake("a net without a slope means nothing any more")


@frozen(kw_only=True)
class FailingSpec(RenamedSpec):
    @classmethod
    def migrate(cls, values, version):
        return {"units": values["breadth"]}


@frozen(kw_only=True)
class SilentSpec(RenamedSpec):
    @classmethod
    def migrate(cls, values, version):
        values["units"] = values.pop("width")


@frozen(kw_only=True)
class ScaledMeanSpec(MetricSpec):
    """`toys/mean` with another name for its values."""

    needs = ("predictions", "references")
    series: tuple[float, ...] = ()

    @classmethod
    def migrate(cls, values, version):
        return {"series": values["values"]}

    def build(self, *, outcome: Fields):
        return Mean(self.series)


@pytest.fixture
def run(workplace):
    return workplace.train(encoder__width=3)


def upgraded(workplace, cls, kind="encoder", name="toys/net", version=3):
    """The registry with a newer version of a component."""
    registry = workplace.registry
    component = registry.components[kind, name]
    newer = attrs.evolve(component, spec=f"{cls.__module__}:{cls.__name__}", version=version)
    registry.components[kind, name] = newer
    return registry


def test_a_migration_lets_an_old_run_load_and_leaves_its_folder_as_it_is(workplace, run):
    before = {file: file.read_bytes() for file in sorted(run.folder.path.iterdir())}
    old, new = dovetail.load(run.folder.path), dovetail.load(run.folder.path, upgraded(workplace, MigratingSpec))
    x = torch.rand(2, 5)
    assert torch.equal(old.encoder(x), new.encoder(x))
    spec = new.stage.parts["encoder"]
    assert spec == MigratingSpec(units=3, depth=1, rate=0.5, slope=1.0)
    assert {file: file.read_bytes() for file in sorted(run.folder.path.iterdir())} == before


def test_without_one_the_error_says_the_file_the_component_and_both_versions(workplace, run):
    with pytest.raises(Faults) as error:
        dovetail.load(run.folder.path, upgraded(workplace, RenamedSpec))
    text = str(error.value)
    assert f"{run.folder.file('run.json')}: encoder.width: unknown key" in text
    assert (
        f"{run.folder.file('run.json')}: encoder: version 1 of encoder toys/net wrote this, and 3 is installed\n"
        "    `RenamedSpec.migrate` can make the older values the newer"
    ) in text


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (RefusingSpec, "a net without a slope means nothing any more"),
        (FailingSpec, "`FailingSpec.migrate` raised KeyError: 'breadth'"),
        (SilentSpec, "`SilentSpec.migrate` must return a table, but returned None"),
    ],
)
def test_a_migration_that_fails_is_the_one_fault(workplace, run, cls, why):
    with pytest.raises(Faults) as error:
        dovetail.load(run.folder.path, upgraded(workplace, cls))
    versions = "version 1 of encoder toys/net wrote this, and 3 is installed"
    assert [fault.message for fault in error.value.faults] == [f"{versions}: {why}"]


def test_a_run_of_a_newer_version_asks_for_the_newer_plugin(workplace, run):
    with pytest.raises(
        Faults, match=r"version 1 of encoder toys/net .* 0 is installed: install the newer one of .* toys"
    ):
        dovetail.load(run.folder.path, upgraded(workplace, RenamedSpec, version=0))


def test_values_of_the_same_version_are_not_migrated(workplace, run):
    with pytest.raises(Faults, match="unknown key") as error:
        dovetail.load(run.folder.path, upgraded(workplace, MigratingSpec, version=1))
    assert "is installed" not in str(error.value)


@pytest.mark.parametrize("cls", [MigratingSpec, StackedSpec])
def test_a_part_of_an_old_run_is_taken_by_a_new_one_even_where_its_parameters_have_other_names(workplace, run, cls):
    registry = upgraded(workplace, cls)
    part = {"from_run": run.folder.name, "part": "encoder"}
    system = registry.system("tiny", {"encoder": part}, workplace.store.earlier(registry))
    assert system.stages[0].parts["encoder"].identity == run.folder.about()["identity"]
    again = dovetail.train(system, 1, workplace.store.path)
    models = [dovetail.load(each.folder.path, registry) for each in (run, again)]
    weights = [model.encoder.layers[0].weight for model in models]
    assert torch.equal(*weights)


def test_a_part_in_a_slot_that_a_migration_took_away_is_a_mistake(workplace):
    run = workplace.train(objective__weight={"use": "standard/constant", "value": 0.25})
    finished = FinishedRun(run.folder, workplace.registry, workplace.store)
    finished.spaces["slots"]["encoder.inner"] = [{}]
    with pytest.raises(Mistake, match=r"`encoder\.inner` of the run .* cannot be taken: .* has no `encoder\.inner`"):
        finished.part("encoder.inner")


def test_a_metric_that_was_not_watched_is_migrated_too(workplace):
    run = workplace.train(metrics__right__values=[0.5, 0.75])
    model = dovetail.load(run.folder.path, upgraded(workplace, ScaledMeanSpec, "metric", "toys/mean", 2))
    assert model.stage.metrics["right"] == ScaledMeanSpec(series=(0.5, 0.75))
    assert "metric toys/mean" not in " ".join(run.folder.about()["made_of"])


def test_a_run_that_does_not_say_the_versions_of_all_its_components_says_those_that_counted(workplace, run):
    about = run.folder.about()
    assert about["versions"] == run.folder.versions() == {
        "dataset toys/points": 1, "encoder toys/net": 1, "metric toys/mean": 1, "objective toys/fit": 3,
        "optimizer standard/adam": 1,
    }  # fmt: skip
    del about["versions"]
    write_json(run.folder.file("run.json"), about)
    assert run.folder.versions() == {
        "dataset toys/points": 1, "encoder toys/net": 1, "objective toys/fit": 3, "optimizer standard/adam": 1,
    }  # fmt: skip
    model = dovetail.load(run.folder.path, upgraded(workplace, MigratingSpec))
    assert model.stage.parts["encoder"].units == 3


def test_an_old_run_keeps_its_key_and_a_new_one_of_the_migrated_spec_has_its_own(workplace, run):
    registry = upgraded(workplace, MigratingSpec)
    bench = Bench(registry, workplace.store)
    system = registry.system("tiny", {"encoder.units": 3, "encoder.rate": 0.5})
    identity = bench.identify(system, 0)
    assert identity.key != run.folder.about()["key"]
    assert workplace.store.status(bench.folder(system, 0, identity), identity) == ("missing", [])


def test_a_raised_version_makes_the_runs_that_use_the_component_stale_and_no_others(workplace, run):
    scheduled = workplace.train(objective__weight={"use": "standard/constant", "value": 0.25})
    fresh, runs = ("finished", []), (run, scheduled)
    assert states(workplace, raised(workplace, "metric", "toys/mean"), *runs) == [fresh, fresh]
    reason = ["version of schedule standard/constant: 1 → 2"]
    assert states(workplace, raised(workplace, "schedule", "standard/constant"), *runs) == [fresh, ("stale", reason)]
    stale = ("stale", ["version of encoder toys/net: 1 → 2"])
    assert states(workplace, raised(workplace, "encoder", "toys/net"), *runs) == [stale, stale]


def raised(workplace, kind, name):
    registry = workplace.registry
    component = registry.components[kind, name]
    registry.components[kind, name] = attrs.evolve(component, version=component.version + 1)
    return registry


def states(workplace, registry, *runs):
    """The state of each run's system, read back by the registry."""
    bench, found = Bench(registry, workplace.store), []
    for run in runs:
        system = FinishedRun(run.folder, registry, workplace.store).system
        found.append(workplace.store.status(run.folder, bench.identify(system, 0)))
    return found
