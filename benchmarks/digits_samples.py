"""What a classifier of real digits finds in the samples of a `digits-dcgan` run, and how the Fréchet distance fell.

    dovetail run digits-dcgan && python benchmarks/digits_samples.py runs/digits-dcgan-s0-…

The classifier is scikit-learn's support vector machine, trained on the training split and tested on the test split.
"""

import json
import sys
from pathlib import Path

import torch
from sklearn.svm import SVC

import dovetail

SAMPLES = 3000
SMALLEST_SHARE = 0.03
LARGEST_RATIO = 0.2


def main(folder: str) -> int:
    model = dovetail.load(folder)
    dataset = model.stage.dataset.build()
    pixels, labels = {}, {}
    for name in ("train", "test"):
        split = dataset.split(name)
        batch = split.take(range(len(split)))
        pixels[name], labels[name] = batch["input"].flatten(1).numpy(), batch["label"].numpy()
    classifier = SVC().fit(pixels["train"], labels["train"])
    accuracy = classifier.score(pixels["test"], labels["test"])
    print(f"the classifier's accuracy on real test digits: {accuracy:.3f}")
    torch.manual_seed(0)
    with torch.no_grad():
        samples = model.generator.sample(SAMPLES)
    found = torch.tensor(classifier.predict(samples.flatten(1).numpy())).bincount(minlength=10) / SAMPLES
    print(
        "shares of the classes in the samples:",
        "  ".join(f"{digit}: {share:.3f}" for digit, share in enumerate(found.tolist())),
    )
    records = [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    first, last = records[0]["fd.valid"], records[-1]["fd.valid"]
    print(f"Fréchet distance on the validation split: {first:.3f} after the first epoch, {last:.3f} at the end")
    share, ratio = float(found.min()), last / first
    print(
        json.dumps(
            {
                "digits-fd": {"ratio": ratio, "target": LARGEST_RATIO},
                "digits-smallest-share": {"ratio": share, "target": SMALLEST_SHARE},
            }
        )
    )
    return int("--check" in sys.argv and (ratio > LARGEST_RATIO or share < SMALLEST_SHARE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
