import torch

from dovetail.assembly import assemble
from dovetail.bench.measuring import Measuring, fill, schedules_in, watches_higher
from dovetail.interfaces import Progress

CPU = torch.device("cpu")


def test_every_metric_is_measured_over_every_split_and_tables_are_flattened(workplace):
    model = assemble(workplace.system(metrics__table="toys/table"))
    values = Measuring(4, 0, 0, CPU)(model, model.dataset, ("valid", "test"), Progress(0, 0))
    assert list(values) == [
        f"{name}.{split}" for split in ("valid", "test") for name in ("right", "table.one", "table.share")
    ]
    assert values["table.share.test"] == values["right.test"]


def test_measuring_is_the_same_again_whatever_was_drawn_before(workplace):
    model = assemble(workplace.system())
    measuring, seen = Measuring(4, 0, 0, CPU), []
    for _ in range(3):
        torch.rand(5)
        model.train()
        seen.append(measuring(model, model.dataset, ("valid",), Progress(7, 1)))
        assert model.objective.training
    assert seen[0] == seen[1] == seen[2]


def test_measuring_has_a_stream_of_its_own_for_each_seed_stage_and_step(workplace):
    model = assemble(workplace.system())
    drawn = []
    for seed, stage, step in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        Measuring(4, seed, stage, CPU)(model, model.dataset, ("valid",), Progress(step, 0))
        drawn.append(float(torch.rand(())))
    assert len(set(drawn)) == 4


def test_the_watched_metric_says_which_direction_is_better(workplace):
    for watch, higher in (("right", True), ("table.one", False), (None, False)):
        system = workplace.system(metrics__table="toys/table", **({"train__watch": watch} if watch else {}))
        assert watches_higher(assemble(system), system.stages[0].train) is higher


def test_schedules_are_found_and_filled(workplace):
    model = assemble(workplace.system(objective__weight={"use": "standard/linear", "start": 0.0, "finish": 8}))
    (schedule,) = schedules_in(model)
    fill([schedule], Progress(2, 0))
    assert float(schedule.value) == 0.25
