"""A grid's results made up: values by arm and seed, without training anything."""

import json

import pytest

from dovetail.bench.grids import Arm, Axis, Grid, Published
from dovetail.bench.store import RunFolder
from dovetail.report.table import Outcome, Report, Row


class Stage:
    metrics = {"accuracy": None}


class System:
    name = "made-up"
    stages = (Stage,)


@pytest.fixture
def make_report(tmp_path):
    """`make_report({"none": {0: 0.5, 1: None}})`: an arm's values by seed, None where the run failed."""

    def make(arms, *, metric="accuracy.test", published=(), records=None, seeds=None, devices=None, **about):
        seeds = seeds or sorted({seed for values in arms.values() for seed in values})
        rows = []
        for label, values in arms.items():
            arm = Arm({"scheme": label}, System, label)
            outcomes = {}
            for seed in seeds:
                folder = RunFolder(tmp_path / f"{len(rows)}-s{seed}")
                folder.path.mkdir(exist_ok=True)
                if records:
                    lines = "".join(f"{json.dumps(record)}\n" for record in records(label, seed))
                    folder.file("metrics.jsonl").write_text(lines)
                outcomes[seed] = outcome(folder, seed, values.get(seed, "missing"), metric, (devices or {}).get(label))
            rows.append(Row(arm, outcomes))
        options = dict.fromkeys(arms)
        grid = Grid(
            name="made-up",
            axes=(Axis("scheme", "cell.dropout", options),),
            arms=tuple(row.arm for row in rows),
            base=rows[0].arm,
            seeds=tuple(seeds),
            published=tuple(Published({"scheme": label}, values, source) for label, values, source in published),
            show=tuple(about.pop("show", ())),
            **about,
        )
        return Report(grid, tuple(rows))

    return make


def outcome(folder, seed, value, metric, device):
    if value == "missing":
        return Outcome(seed, "missing", folder)
    if value is None:
        return Outcome(seed, "failed", folder, detail=f"run {folder.name}: the loss became nan\nmore")
    if isinstance(value, str):
        return Outcome(seed, "stale", folder, detail=value)
    values = value if isinstance(value, dict) else {metric: value}
    return Outcome(seed, "finished", folder, values, device or "cpu", 1.5)
