"""What kept features save: epochs that compute and keep them, that read them, and that compute without keeping them.

    python benchmarks/features.py [--check]

The data are `standard/scenes`, of `SIDE` pixels, and the encoder is resnet18 up to `layer3`, on one thread. An epoch
takes every batch of the training split. The peer reads the very same images with the very same encoder by hand, and
keeps nothing, as a training without kept features does in each epoch; the seconds of all are wall time, medians of
`REPEATS` that alternate. Scenes are drawn before any clock runs, so that only the encoder and the disk are compared.

`first` computes and writes, `later` only reads, `reopened` reads as another process would: the dataset is opened anew,
whose seconds are beside it. Ratios are to the peer.

It prints a table, then one line of JSON.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from dovetail.assembly import open_dataset
from dovetail.registries import registry

THREADS = 1
SIDE = 112
COUNT = 96
BATCH = 32
REPEATS = 3
SCENES = {"use": "standard/scenes", "train": COUNT, "valid": 1, "test": 1, "size": SIDE}
ENCODER = {"use": "standard/resnet", "depth": 18, "layer": "layer3"}
TARGETS = {"first": 1.5, "later": 0.1}


def seconds(function):
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def epoch(split):
    for start in range(0, COUNT, BATCH):
        split.take(range(start, start + BATCH))


def by_hand(split, encoder):
    with torch.no_grad():
        for start in range(0, COUNT, BATCH):
            encoder(split.take(range(start, start + BATCH))["image"])


def measure(folder, names):
    spec = names.spec(
        "dataset", "standard/features", dataset=SCENES, encoder=ENCODER, cache=str(folder), batch=BATCH, device="cpu"
    )
    found = {}
    data = open_dataset(names, spec)
    split = data.split("train")
    split.whole.take(range(COUNT))  # draws the scenes
    found["by hand"], _ = seconds(lambda: by_hand(split.whole, split.extraction.encoder))
    found["first"], _ = seconds(lambda: epoch(split))
    found["later"], _ = seconds(lambda: epoch(split))
    found["opening"], data = seconds(lambda: open_dataset(names, spec))
    again = data.split("train")
    again.whole.take(range(COUNT))
    found["reopened"], _ = seconds(lambda: epoch(again))
    found["bytes"] = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    return found


def machine():
    load = os.getloadavg()[0]
    return f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; torch {torch.__version__}"


def main():
    torch.set_num_threads(THREADS)
    print(machine())
    names, runs = registry(), []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as place:
            runs.append(measure(Path(place), names))
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"{COUNT} images of {SIDE}×{SIDE}, {medians['bytes'] / 2**20:.1f} MiB of features")
    print(f"{'epoch':10}{'seconds':>10}{'ratio':>8}")
    results = {}
    for name in ("by hand", "first", "later", "opening", "reopened"):
        ratio = medians[name] / medians["by hand"]
        print(f"{name:10}{medians[name]:10.3f}{ratio:8.3f}")
        results[name] = {"seconds": round(medians[name], 4), "ratio": round(ratio, 4)}
        if name in TARGETS:
            results[name]["target"] = TARGETS[name]
    print(json.dumps(results))
    missed = [name for name, result in results.items() if "target" in result and result["ratio"] > result["target"]]
    if "--check" in sys.argv and missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
