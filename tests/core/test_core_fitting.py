import pytest
from toy_parts import NumbersSpec
from toy_systems import SYSTEM

import dovetail
from dovetail.assembly import assemble
from dovetail.errors import Mistake
from dovetail.fitting import Checker, slots_of
from dovetail.interfaces import DatasetSpec, EncoderSpec, MetricSpec, ObjectiveSpec, OptimizerSpec, ScheduleSpec
from dovetail.registries import NONE


@pytest.fixture
def checker(toys):
    return Checker(toys)


def test_slots_by_path_with_what_they_take(bench):
    text = ('dataset = "toy/numbers"\nobjective = "toy/fit"\nmetrics = { right = "toy/right" }\n'
            'encoder = { use = "toy/many", items = ["toy/pair"], named = { a = "toy/linear" } }')  # fmt: skip
    assert slots_of(bench.stage(text)) == {
        "dataset": (DatasetSpec, False),
        "dataset.features": (EncoderSpec, True),
        "objective": (ObjectiveSpec, False),
        "objective.optimizer": (OptimizerSpec, False),
        "encoder": (EncoderSpec, False),
        "encoder.items.0": (EncoderSpec, False),
        "encoder.items.0.first": (EncoderSpec, False),
        "encoder.items.0.second": (EncoderSpec, True),
        "encoder.named.a": (EncoderSpec, False),
        "encoder.twice": (EncoderSpec, True),
        "other_encoder": (EncoderSpec, True),
        "metrics.right": (MetricSpec, False),
    }
    changed = bench.stage(text, "objective.optimizer={ use = 'toy/plain', lr = 'toy/flat' }")
    assert slots_of(changed)["objective.optimizer.lr"] == (ScheduleSpec, False)


def test_what_fits_a_slot(bench, checker):
    assert checker.fits("s", bench.tables(), "encoder") == ["toy/linear", "toy/pair"]
    assert checker.fits("s", bench.tables(), "other_encoder") == ["toy/linear", "toy/pair", NONE]
    assert checker.fits("s", bench.tables(), "metrics.right") == ["toy/right"]
    even = bench.tables(SYSTEM, "encoder={ use = 'toy/pair', first = { use = 'toy/linear', width = 6 } }")
    assert checker.fits("s", even, "encoder.second") == ["toy/linear", "toy/pair", "toy/wide", NONE]


def test_a_slot_that_is_not_there(bench, checker):
    with pytest.raises(Mistake, match=r"system s has no slot `encodre`; its slots are dataset, dataset\.features"):
        checker.fits("s", bench.tables(), "encodre")


def test_a_misfit_says_what_would_fit_on_both_sides(bench, checker):
    with pytest.raises(Mistake) as error:
        checker.check("s", bench.tables(SYSTEM, "encoder=toy/pair", "encoder.second=toy/wide"))
    assert str(error.value).split("\n    ") == [
        "system s: encoder.second: encoder toy/wide takes a Vector of even size as `input`, "
        "but encoder toy/linear gives Vector(size=7)",
        "`encoder.second` could be core/none, toy/linear, toy/pair",
        "`encoder.first` could be toy/linear",
    ]


def test_where_nothing_fits_the_answer_says_so(bench, checker):
    with pytest.raises(Mistake, match=r"would fit as `metrics\.right`"):
        checker.check("s", bench.tables(SYSTEM, "metrics.right=toy/picky", "metrics.more=toy/picky"))


def test_text_comes_first_then_data_then_spaces(bench, checker, monkeypatch):
    monkeypatch.setattr(NumbersSpec, "build", lambda self: (_ for _ in ()).throw(Mistake("numbers: get them there")))
    tables = bench.tables(SYSTEM, "encoder=toy/of-sequence")
    with pytest.raises(Mistake, match=r"^system s: numbers: get them there\nspaces not checked: mend the above first$"):
        checker.check("s", tables)
    with pytest.raises(Mistake, match="data and spaces not checked: mend the above first"):
        checker.check("s", bench.tables(SYSTEM, "encoder.width=99"))


def test_equal_datasets_are_opened_once(bench, checker):
    one, two = (checker.load("s", bench.tables(SYSTEM, f"encoder.width={width}")).stages[0] for width in (3, 4))
    assert checker.dataset(one.dataset) is checker.dataset(two.dataset)
    assert checker.dataset(NumbersSpec(count=2)) is not checker.dataset(one.dataset)


def test_every_stage_is_checked(bench, checker):
    text = SYSTEM + "[[stages]]\n[[stages]]\nset = { encoder = 'toy/of-sequence' }"
    with pytest.raises(Mistake, match=r"encoder: encoder toy/of-sequence takes Sequence"):
        checker.check("s", bench.tables(text))


@pytest.fixture(scope="module")
def shipped():
    return Checker(dovetail.registry())


@pytest.mark.parametrize(
    "path",
    [
        "dataset",
        "objective",
        "objective.optimizer",
        "encoder",
        "encoder.cell",
        "encoder.cell.dropout",
        "encoder.embedding",
        "encoder.head",
        "metrics.accuracy",
    ],
)
def test_what_fits_the_quickstarts_slots_is_exactly_what_assembles(shipped, path):
    registry = shipped.registry
    tables = registry.tables("quickstart-base")
    base, optional = shipped.slots("quickstart-base", tables)[path]
    fitting = shipped.fits("quickstart-base", tables, path)
    assert registry.component_of(base_of(registry, path)).name in fitting if base_of(registry, path) else optional
    for name in [component.name for component in registry.of_kind(base.kind)] + ([NONE] if optional else []):
        try:
            assemble(registry.system("quickstart-base", {path: name}))
        except Mistake:
            assert name not in fitting
        else:
            assert name in fitting


def base_of(registry, path):
    """The spec that stands at a path of the quickstart's system."""
    stage = registry.system("quickstart-base").stages[0]
    here = {**stage.slots()}
    first, *rest = path.split(".") if path not in here else [path]
    spec = here[first]
    for name in rest:
        spec = getattr(spec, name)
    return spec
