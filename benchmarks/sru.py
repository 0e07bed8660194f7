"""The time of `sru` against `torch.nn.LSTM`, against a loop over `torch.nn.LSTMCell`, and by the length of sequences.

    python benchmarks/sru.py [--check] [--quick] [--one-thread] [--cuda]

One training pass is forward and backward from a fixed gradient of all outputs, the inputs' gradient and the drawing of
masks included. All sides have the same width, threads, type, layout (batch first), inputs and gradient; the peers are
as users get them: oneDNN on. `torch.nn.LSTM` has no dropout, nor has ours beside it; the loop drops what it reads as
ours does, the same features at all steps of a sequence. Repeats alternate; a ratio is that of the medians, how many
times as long the peer takes. Beside it stands the ceiling, the ratio of the multiplications that the equations ask for.
The first call of each side, printed too, has what is made once. It prints tables, then one line of JSON. `--quick`
takes three repeats of a small size: whether it works, not how fast. With `--one-thread` times are the processor's,
which other programs disturb less. `--cuda` measures on a GPU.
"""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import torch

from dovetail_hacap.sru import SruCell

THREADS = 2
BATCH, TIME, WIDTH = 32, 100, 512
RATE = 0.2
REPEATS, WARM_UP = 25, 3
LENGTHS, LENGTH_REPEATS = (50, 100, 200, 400), 9
TARGETS = {"lstm": 1.7, "lstm-cell loop": 3.0}  # at least
LINEAR_TARGET = 1.25  # at most: the longest time of a step over the shortest, among the lengths


class LstmCellLoop(torch.nn.Module):
    """What one writes where PyTorch's layer does not drop what one wants dropped."""

    def __init__(self, width, rate):
        super().__init__()
        self.cell = torch.nn.LSTMCell(width, width)
        self.keep = 1 - rate

    def forward(self, xs):
        mask = torch.empty_like(xs[:, 0]).bernoulli_(self.keep).div_(self.keep)
        h = c = torch.zeros_like(mask)
        ys = []
        for x in xs.unbind(1):
            h, c = self.cell(x * mask, (h, c))
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


PAIRS = {
    "lstm": (
        lambda width: SruCell(input=width, hidden=width),
        lambda width: torch.nn.LSTM(width, width, batch_first=True),
    ),
    "lstm-cell loop": (
        lambda width: SruCell(input=width, hidden=width, dropout=RATE),
        lambda width: LstmCellLoop(width, RATE),
    ),
}


def ceiling(n):
    """The multiplications of a step of an LSTM over those of an SRU, both of width n; backward has twice as many."""
    return (8 * n * n + 3 * n) / (4 * n * n + 4 * n)


def training_pass(module, batch, steps, width, device):
    """A function that makes one pass."""
    module = module.to(device)
    xs = torch.randn(batch, steps, width, device=device, requires_grad=True)
    gradient = torch.randn(batch, steps, width, device=device)

    def run():
        module.zero_grad(set_to_none=True)
        xs.grad = None
        ys, _ = module(xs)
        ys.backward(gradient)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def seconds(run):
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    run()
    return clock() - start


def medians(runs, repeats):
    """The median of each in seconds, their repeats alternating, and the first call of each."""
    first = [seconds(run) for run in runs]
    for run in runs * WARM_UP:
        run()
    taken = [[seconds(run) for run in runs] for _ in range(repeats)]
    return [statistics.median(side) for side in zip(*taken, strict=True)], first


def against_peers(batch, steps, width, repeats, device):
    results = {}
    print(
        f"{'peer':16}{'sru':>10}{'peer':>10}{'times':>8}{'target':>8}{'ceiling':>9}   first call, ours and the peer's"
    )
    for name, (ours, peer) in PAIRS.items():
        runs = [training_pass(make(width), batch, steps, width, device) for make in (ours, peer)]
        (mine, other), first = medians(runs, repeats)
        results[name] = {"times": round(other / mine, 3), "at_least": TARGETS[name]}
        calls = "  ".join(f"{1e3 * call:.0f} ms" for call in first)
        aims = f"{other / mine:8.2f}{TARGETS[name]:8.2f}{ceiling(width):9.2f}"
        print(f"{name:16}{1e3 * mine:7.1f} ms{1e3 * other:7.1f} ms{aims}   {calls}")
    return results


def by_length(batch, width, repeats, device):
    cell = SruCell(input=width, hidden=width)
    found, _ = medians([training_pass(cell, batch, steps, width, device) for steps in LENGTHS], repeats)
    each = [time / steps for time, steps in zip(found, LENGTHS, strict=True)]
    print(f"\n{'time':16}{'sru':>10}{'a step':>12}{'times':>8}")
    for steps, total, one in zip(LENGTHS, found, each, strict=True):
        print(f"{steps:<16}{1e3 * total:7.1f} ms{1e6 * one:9.0f} µs{one / min(each):8.2f}")
    return {"steps' times": {"times": round(max(each) / min(each), 3), "at_most": LINEAR_TARGET}}


def processor(device):
    """The processor's name (Linux), or the GPU's."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def missed(result):
    return result["times"] < result.get("at_least", 0) or result["times"] > result.get("at_most", float("inf"))


def main():
    quick, device = "--quick" in sys.argv, "cuda" if "--cuda" in sys.argv else "cpu"
    threads = 1 if "--one-thread" in sys.argv else THREADS
    torch.set_num_threads(threads)
    batch, steps, width = (4, 20, 64) if quick else (BATCH, TIME, WIDTH)
    machine = f"{processor(device)}, {threads} threads of {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}"
    print(f"{machine}, torch {torch.__version__}, batch {batch}, time {steps}, width {width}")
    results = against_peers(batch, steps, width, 3 if quick else REPEATS, device)
    results |= by_length(batch, width, 3 if quick else LENGTH_REPEATS, device)
    if device == "cpu":
        print("on a GPU: not measured")
    print(json.dumps(results))
    return int("--check" in sys.argv and any(missed(result) for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
