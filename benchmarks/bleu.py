"""BLEU and self-BLEU beside Texygen's published values, and their time against fast-bleu's.

    python benchmarks/bleu.py [FOLDER] [--check] [--quick]

FOLDER holds `coco_texygen/test_coco.txt` and `texygen_samples/{seq,leakgan,mle}.txt`, of Texygen's repository. Without
them the published values are skipped, and the time is that of generated sentences of the same number.

fast-bleu (C++, OpenMP on all cores; `pip install fast-bleu` compiles it) is needed by this script alone. Both sides get
sentences of words, tokenised already, and give every sentence's scores for N = 2, 3, 4 and 5; what either prepares of
its references is in its time. Repeats alternate; the ratio is that of the medians. All scores are asserted to be the
same: to 1e-12 for N = 2 and 4, and to 1e-7 for 3 and 5, since fast-bleu has 1/N in 32 bits. It prints tables, then one
line of JSON. `--quick` takes one repeat: whether it works, not how fast.
"""

import json
import os
import statistics
import sys
import time
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from nltk.tokenize import word_tokenize

from dovetail_text_gan.bleu import bleu
from dovetail_text_gan.self_bleu import self_bleu

ORDERS = (2, 3, 4, 5)
REFERENCES = "coco_texygen/test_coco.txt"
SAMPLES = {name: f"texygen_samples/{name}.txt" for name in ("seq", "leakgan", "mle")}
PUBLISHED = {  # Texygen's table, of these samples
    "bleu": {
        "seq": (0.745, 0.498, 0.294, 0.180),
        "leakgan": (0.746, 0.528, 0.355, 0.230),
        "mle": (0.731, 0.497, 0.305, 0.189),
    },
    "self-bleu": {
        "seq": (0.950, 0.840, 0.670, 0.489),
        "leakgan": (0.966, 0.913, 0.848, 0.780),
        "mle": (0.916, 0.769, 0.583, 0.408),
    },
}
TOLERANCE = 0.0011
TARGETS = {"bleu": 0.7, "self-bleu": 0.3}
REPEATS = 5
COUNTS = {"samples": 9984, "references": 10000}


def read(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    return [word_tokenize(line, preserve_line=True) for line in lines]


def generated(count, seed):
    """Sentences of 8 to 15 words, as often as Zipf's law has them."""
    random = np.random.default_rng(seed)
    lengths = random.integers(8, 16, count)
    words = (random.zipf(1.3, lengths.sum()) % 5000).astype(str).tolist()
    ends = lengths.cumsum().tolist()
    return [words[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def beside_published(samples, references):
    """Print every published value and ours; the largest difference."""
    print(f"{'':12}{'samples':10}{'published':>10}{'ours':>10}{'difference':>12}")
    largest = 0.0
    for metric, table in PUBLISHED.items():
        for name, values in table.items():
            sentences = samples[name]
            found = bleu(sentences, references, ORDERS) if metric == "bleu" else self_bleu(sentences, ORDERS)
            for order, value in zip(ORDERS, values, strict=True):
                ours = found[order].mean()
                largest = max(largest, abs(ours - value))
                print(f"{f'{metric}-{order}':12}{name:10}{value:10.3f}{ours:10.4f}{ours - value:+12.4f}")
    print(f"the largest difference is {largest:.5f}; {TOLERANCE} is allowed")
    return largest


def against_fast_bleu(samples, references, repeats):
    """Print the times of both; the ratios."""
    peer = import_module("fast_bleu")
    weights = {order: (1 / order,) * order for order in ORDERS}
    pairs = {
        "bleu": (
            lambda: bleu(samples, references, ORDERS),
            lambda: peer.BLEU(references, weights).get_score(samples),
        ),
        "self-bleu": (
            lambda: self_bleu(samples, ORDERS),
            lambda: peer.SelfBLEU(samples, weights).get_score(),
        ),
    }
    print(f"{'':12}{'ours':>12}{'fast-bleu':>12}{'ratio':>9}{'target':>8}")
    ratios = {}
    for metric, pair in pairs.items():
        seconds = ([], [])
        for _ in range(repeats):
            scores = []
            for taken, run in zip(seconds, pair, strict=True):
                start = time.perf_counter()
                scores.append(run())
                taken.append(time.perf_counter() - start)
            ours, theirs = scores
            for order in ORDERS:
                exact = 1e-12 if order in (2, 4) else 1e-7
                np.testing.assert_allclose(ours[order], theirs[order], rtol=0, atol=exact)
        ours, theirs = map(statistics.median, seconds)
        ratios[metric] = ours / theirs
        print(f"{metric:12}{ours:10.3f} s{theirs:10.3f} s{ours / theirs:9.4f}{TARGETS[metric]:8.2f}")
    print("all scores are the same")
    return ratios


def processor():
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


def main():
    folder = next((Path(word) for word in sys.argv[1:] if not word.startswith("--")), None)
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; NumPy {np.__version__}")
    results = {}
    missing = [name for name in (REFERENCES, *SAMPLES.values()) if folder is None or not (folder / name).is_file()]
    if missing:
        why = "no FOLDER is given" if folder is None else f"{folder} has no {', '.join(missing)}"
        print(f"published values: skipped, since {why}")
        samples, references = (generated(count, seed) for seed, count in enumerate(COUNTS.values()))
    else:
        references = read(folder / REFERENCES)
        every = {name: read(folder / file) for name, file in SAMPLES.items()}
        results["bleu-published"] = {
            "ratio": round(beside_published(every, references) / TOLERANCE, 3),
            "target": 1.0,
        }
        samples = every["mle"]
    what = "generated" if missing else "mle"
    print(f"\n{len(samples)} samples ({what}) × {len(references)} references, N = {ORDERS}")
    if find_spec("fast_bleu") is None:
        print("time: skipped, since fast-bleu is not installed: pip install fast-bleu")
    else:
        print(f"fast-bleu {version('fast-bleu')}")
        ratios = against_fast_bleu(samples, references, 1 if "--quick" in sys.argv else REPEATS)
        for metric, ratio in ratios.items():
            results[f"{metric}-time"] = {"ratio": round(ratio, 4), "target": TARGETS[metric]}
    print(json.dumps(results))
    missed = [name for name, result in results.items() if result["ratio"] > result["target"]]
    return f"missed: {', '.join(missed)}" if missed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
