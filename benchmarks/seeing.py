"""Whether a captioner sees: its captions of unseen images beside those of the same images in another order.

    python benchmarks/seeing.py RUN [--store FOLDER] [--check]

RUN is a finished run of a system of `hacap` on drawn scenes, such as `hacap.likelihood-s0`. Its captions, the
most probable words of each, are written for the test images; then once more with each image in the place of the next
one's. It prints the truth and CIDEr of both, and one line of JSON. Targets: truth ≥ 0.90, and CIDEr at least twice that
of the images in another order.
"""

import argparse
import json
import sys

import torch

import dovetail
from dovetail.assembly import open_dataset
from dovetail.bench.store import FinishedRun, Store
from dovetail_hacap.cider import CiderSpec
from dovetail_standard.truth import TruthSpec

TRUTH, TIMES, BATCH = 0.90, 2.0, 250


def scores(objective, dataset, image, *, moved):
    """The truth and CIDEr of the test split's captions, each image moved by so many places."""
    split = dataset.split("test")
    order = torch.arange(len(split)).roll(moved).tolist()
    metrics = {
        "truth": TruthSpec().build(outcome=objective.outcome),
        "cider": CiderSpec().build(outcome=objective.outcome),
    }
    batches = []
    for start in range(0, len(split), BATCH):
        places = range(start, min(start + BATCH, len(split)))
        seen = split.take([order[place] for place in places])[image]
        batches.append({**split.take(places), image: seen})
    for outcome in objective.evaluate(batches):
        for metric in metrics.values():
            metric.update(outcome)
    return metrics["truth"].compute()["truth"], metrics["cider"].compute()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--store")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    registry, store = dovetail.registry(), Store.at(asked.store)
    folder = store.find(asked.run)
    run, objective = FinishedRun(folder, registry, store), dovetail.load(folder.path, registry).objective
    dataset = open_dataset(registry, run.system.stages[-1].dataset, store.earlier(registry))
    image = run.system.stages[-1].objective.image
    found = {name: scores(objective, dataset, image, moved=moved) for name, moved in (("own", 0), ("another", 1))}
    print(f"{folder.name}: {len(dataset.split('test'))} test images")
    print(f"{'images':10}{'truth':>8}{'CIDEr':>8}")
    for name, (truth, cider) in found.items():
        print(f"{name:10}{truth:8.3f}{cider:8.3f}")
    ratio = found["own"][1] / found["another"][1]
    print(f"CIDEr {ratio:.1f} times that of images in another order (target {TIMES}); truth target {TRUTH}")
    print(json.dumps({"truth": found["own"][0], "cider": found["own"][1], "ratio": ratio}))
    return int(asked.check and (found["own"][0] < TRUTH or ratio < TIMES))


if __name__ == "__main__":
    sys.exit(main())
