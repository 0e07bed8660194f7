"""What Dovetail's loop and grids cost: a training step against a hand-written loop, and a grid against its runs.

    python benchmarks/overhead.py [--check] [step] [grid]

A step is one batch taken, forward, backward and Adam's update. The peer is a loop by hand over the very same modules,
with the same batches, on one thread. Repeats of some steps alternate; seconds are of the processor's time,
which other programs disturb less; the ratio is that of the medians. `tiny` is so small that it shows what a step costs
on top, in microseconds.

The grid is 40 tiny runs, trained by the command as it stands from a new workspace and store: its wall time, the start
of Python and the report included, against the sum of the seconds that the runs say they trained. With one worker, which
is printed beside it, nothing is gained by training two at once, and the start weighs in full.

It prints tables, then one line of JSON.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from dovetail.bench.loop import Stage, Training
from dovetail.bench.store import RunFolder
from dovetail.registries import registry

THREADS = 1
SYSTEM = """
[systems.lstm]
dataset = { use = "standard/digits", form = "rows" }
encoder = { use = "standard/sequence", cell = { use = "standard/lstm", hidden = 224 } }
objective = "standard/classify"
train = { batch = 192, device = "cpu", checkpoint = 1e9 }

[systems.conv]
extends = "lstm"
dataset = { form = "image" }
encoder = { use = "standard/conv", channels = [64, 128] }

[systems.tiny]
extends = "lstm"
dataset = { form = "image" }
encoder = { use = "standard/mlp", hidden = [8] }
train = { batch = 4 }

[systems.run]
extends = "lstm"
encoder = { use = "standard/sequence", cell = { use = "standard/lstm", hidden = 16 } }
metrics = { accuracy = "standard/accuracy" }
train = { epochs = 5, batch = 64, watch = "accuracy" }

[grids.forty]
base = "run"
seeds = 10
[grids.forty.axes.cell]
path = "encoder.cell"
options = { lstm = "standard/lstm", gru = "standard/gru" }
[grids.forty.axes.hidden]
path = "encoder.cell.hidden"
values = [16, 24]
"""
SIZES = {"lstm": (5, 80), "conv": (5, 80), "tiny": (200, 60)}  # steps of a repeat, repeats
TARGETS = {"lstm": 1.03, "conv": 1.03}
LEAST = 5e-3  # seconds of a step that the target is for
GRID_TARGET = 1.3


def make_stage(name, folder):
    """The assembled system, ready to be trained as `dovetail run` trains it."""
    system = registry(folder / "registry.toml").system(name)
    run = RunFolder(folder / name)
    run.path.mkdir()
    training = Training(system, 0, run, [system.stages[0].dataset.build()])
    stage = Stage(training, 0, system.stages[0], training.datasets[0])
    stage.begin(None, None)
    stage.model.train()
    stage.totals = {update.name: torch.zeros((), dtype=torch.float64) for update in stage.updates}
    return stage


def our_steps(stage, split):
    """A function that makes steps with these batches, as the loop makes them."""

    def steps(order):
        stage.place.batch = 0
        stage.steps(split, order)

    return steps


def hand_written_steps(model, split):
    """The same by hand, with the same modules and an optimizer of its own."""
    encoder, readout = model.encoder, model.objective.readout
    optimizer = torch.optim.Adam([*encoder.parameters(), *readout.parameters()], lr=1e-3)

    def steps(order):
        for indices in order:
            batch = split.take(indices)
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(readout(encoder(batch["input"])), batch["label"]).backward()
            optimizer.step()

    return steps


def timed(function, *arguments):
    began = time.process_time()
    function(*arguments)
    return time.process_time() - began


def measure_step(name, folder):
    """The medians of a step's seconds: ours, and by hand."""
    count, repeats = SIZES[name]
    stage = make_stage(name, folder)
    split, size = stage.dataset.split("train"), stage.spec.train.batch
    ours, by_hand = our_steps(stage, split), hand_written_steps(stage.model, split)
    order = [list(range(start * size, (start + 1) * size)) for start in range(len(split) // size)]
    order = (order * count)[:count]
    times = {ours: [], by_hand: []}
    for turn in range(repeats):
        for function in (ours, by_hand) if turn % 2 else (by_hand, ours):
            times[function].append(timed(function, order) / count)
    return [statistics.median(times[function][3:]) for function in (ours, by_hand)]


def measure_steps(folder):
    results = {}
    print(f"{'step':8}{'ours':>12}{'by hand':>12}{'ratio':>8}{'added':>10}")
    for name in SIZES:
        ours, by_hand = measure_step(name, folder)
        assert name == "tiny" or by_hand >= LEAST, f"{name}: a step of {by_hand * 1e3:.2f} ms is too small to count"
        added = (ours - by_hand) * 1e6
        print(f"{name:8}{ours * 1e3:9.3f} ms{by_hand * 1e3:9.3f} ms{ours / by_hand:8.3f}{added:7.0f} µs")
        if name in TARGETS:
            results[f"step {name}"] = {"ratio": round(ours / by_hand, 4), "target": TARGETS[name]}
        else:
            results["tiny step"] = {"added_us": round(added, 1)}
    return results


def measure_grid(folder, workers):
    """Wall seconds of the whole command, and the sum of its runs' seconds."""
    store = folder / f"runs-{workers}"
    command = [sys.executable, "-m", "dovetail.cli.main", "--workspace", str(folder / "registry.toml"), "grid", "forty"]
    began = time.perf_counter()
    subprocess.run([*command, "--store", str(store), "--workers", str(workers)], check=True, capture_output=True)
    wall = time.perf_counter() - began
    seconds = [json.loads(file.read_text())["seconds"] for file in store.glob("*/result.json")]
    assert len(seconds) == 40, f"{len(seconds)} runs finished"
    return wall, sum(seconds)


def measure_grids(folder):
    print(f"\n{'grid of 40 tiny runs':24}{'wall':>10}{'runs':>10}{'ratio':>8}")
    results = {}
    for workers, words in ((0, "workers by default"), (1, "one worker")):
        wall, runs = measure_grid(folder, workers)
        print(f"{words:24}{wall:8.1f} s{runs:8.1f} s{wall / runs:8.3f}")
        results[f"grid, {words}"] = {"ratio": round(wall / runs, 4)} | ({} if workers else {"target": GRID_TARGET})
    return results


def machine():
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    load = os.getloadavg()[0]
    return f"{processor}, {os.cpu_count()} cores, load {load:.1f}; torch {torch.__version__}, {platform.system()}"


def main():
    torch.set_num_threads(THREADS)
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or ["step", "grid"]
    print(machine())
    results = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "registry.toml").write_text(SYSTEM, encoding="utf-8")
        if "step" in wanted:
            results |= measure_steps(folder)
        if "grid" in wanted:
            results |= measure_grids(folder)
    print(json.dumps(results))
    missed = [name for name, result in results.items() if "target" in result and result["ratio"] > result["target"]]
    if "--check" in sys.argv and missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
