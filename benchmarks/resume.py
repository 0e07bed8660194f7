"""Kills `dovetail run` and `dovetail grid` with signal 9 at points drawn from a seed, and compares what they come to.

    python benchmarks/resume.py [--check] [system …]

Each system is trained once without a stop, and once by the same command again and again, all of whose processes are
killed: at a moment of its training, or while a checkpoint is being written (its temporary file is there). In the end
the final metrics, the evaluations (without their seconds) and the model's file must be equal to the last bit, and no
file may be left over. It prints a table, then one line of JSON.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors import safe_open

SEED = 11
KILLS = {"rows": 6, "text": 6, "stages": 6, "gan": 6, "grid": 6}
WORKSPACE = """
[systems.rows]
dataset = { use = "standard/digits", form = "rows" }
objective = "standard/classify"
metrics = { accuracy = "standard/accuracy" }
train = { epochs = 4, batch = 32, watch = "accuracy", checkpoint = 0.0, device = "cpu" }
[systems.rows.encoder]
use = "standard/sequence"
cell = { use = "recurrent-dropout/lstm", hidden = 128, dropout = { use = "recurrent-dropout/update", rate = 0.25 } }

[systems.stages]
extends = "rows"
stages = [
  { name = "small", epochs = 2 },
  { name = "large", epochs = 3, set = { "encoder.cell.hidden" = 160 }, reset = ["encoder"] },
]

[systems.text]
dataset = { use = "standard/text-chars", path = "text.txt", window = 20 }
metrics = { bpc = "standard/bits-per-character" }
train = { epochs = 4, batch = 8, clip = 1.0, watch = "bpc", checkpoint = 0.0, device = "cpu" }
[systems.text.generator]
use = "standard/rnn-lm"
embedding = { use = "standard/embedding", size = 16 }
cell = { use = "standard/lstm", hidden = 192 }
output_dropout = 0.3
[systems.text.objective]
use = "standard/language-model"
carry_epochs = true
optimizer = { use = "standard/adam", lr = { use = "standard/plateau", start = 0.003, divisor = 2.0 } }

[systems.gan]
dataset = "standard/digits"
generator = { use = "standard/dcgan", start = 2, width = 32 }
discriminator = { use = "standard/dcgan", end = 2, width = 32 }
objective = { use = "standard/adversarial", discriminator_updates = 2 }
metrics = { fd = { use = "standard/frechet-distance", encoder = "standard/flatten" } }
train = { epochs = 3, batch = 32, checkpoint = 0.0, device = "cpu" }

[grids.grid]
base = "rows"
seeds = 2
set = { "train.epochs" = 3 }
[grids.grid.axes.cell]
path = "encoder.cell"
options = { lstm = "recurrent-dropout/lstm", gru = "recurrent-dropout/gru" }
"""
LINE = "it is a truth universally acknowledged, that a run that was killed must be in want of a checkpoint. "


def command(folder, name, store):
    kind = "grid" if name == "grid" else "run"
    words = [sys.executable, "-m", "dovetail.cli.main", "--workspace", str(folder / "registry.toml"), kind, name]
    return [*words, "--store", str(store)]


def finish(folder, name, store):
    subprocess.run(command(folder, name, store), check=True, capture_output=True, cwd=folder)


def kill(folder, name, store, mode, wait):
    """Start the command, and kill all its processes; whether it was still at work."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(folder, name, store), cwd=folder, start_new_session=True, **silent)
    before = {file: file.stat().st_mtime_ns for file in store.glob("*/checkpoint.safetensors")}
    while process.poll() is None and not any(
        before.get(file) != file.stat().st_mtime_ns for file in store.glob("*/checkpoint.safetensors")
    ):
        time.sleep(0.01)  # until it trains
    moment = time.monotonic() + wait
    while process.poll() is None:
        written = next(store.glob("*/.checkpoint.safetensors.*.tmp"), None) if mode == "write" else None
        if time.monotonic() >= moment and (mode == "time" or written):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


def place(store):
    """Where the runs' checkpoints stand, and how many files were left half written."""
    places = []
    for file in sorted(store.glob("*/checkpoint.safetensors")):
        with safe_open(file, framework="pt") as opened:
            at = json.loads(opened.metadata()["dovetail"])["header"]["place"]
        places.append(f"stage {at['stage']} epoch {at['epoch']} batch {at['batch']}")
    return "; ".join(places) or "-", len(list(store.glob("*/.*.tmp")))


def outcome(store):
    found = {}
    for run in sorted(store.glob("*/result.json")):
        records = [json.loads(line) for line in (run.parent / "metrics.jsonl").read_text().splitlines()]
        found[run.parent.name] = {
            "metrics": json.loads(run.read_text())["metrics"],
            "evaluations": [{key: value for key, value in record.items() if key != "seconds"} for record in records],
            "model": (run.parent / "model.safetensors").read_bytes(),
            "files": sorted(path.name for path in run.parent.iterdir()),
        }
    return found


def compare(folder, name, draw):
    """Kill a system's command so often, and say what differs in the end."""
    whole, killed, hits = folder / f"{name}-whole", folder / f"{name}-killed", 0
    finish(folder, name, whole)
    seconds = sum(json.loads(file.read_text())["seconds"] for file in whole.glob("*/result.json"))
    for turn in range(KILLS[name]):
        mode = ("time", "write")[turn % 2]
        wait = draw.uniform(0, seconds / (KILLS[name] + 1) * (0.5 if name == "grid" else 1))
        hit = kill(folder, name, killed, mode, wait)
        where, left = place(killed)
        hits += hit
        print(
            f"{name:8}{turn + 1:3}  {mode:6}{wait:6.2f} s  {'killed' if hit else 'done':8}{left:3} half  {where}",
            flush=True,
        )
    finish(folder, name, killed)
    one, other = outcome(whole), outcome(killed)
    different = [
        f"{run}: {part}" for run, parts in one.items() for part in parts if parts[part] != other.get(run, {}).get(part)
    ]
    print(
        f"{name:8}     {len(one)} runs, {hits} kills: {'equal' if not different else f'DIFFERENT: {different}'}",
        flush=True,
    )
    return {"kills": hits, "runs": len(one), "different": len(different)}


def main():
    os.environ["OMP_NUM_THREADS"] = "1"
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or list(KILLS)
    draw, results = random.Random(SEED), {}
    print(f"{'system':8}{'#':>3}  {'mode':6}{'after':>8}  {'':8}{'left':>8}  the checkpoints stand at")
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        (folder / "registry.toml").write_text(WORKSPACE, encoding="utf-8")
        (folder / "text.txt").write_text(LINE * 400, encoding="utf-8")
        for name in wanted:
            results[name] = compare(folder, name, draw)
    print(json.dumps(results))
    if "--check" in sys.argv and any(result["different"] for result in results.values()):
        sys.exit("a killed run came to something else")


if __name__ == "__main__":
    main()
