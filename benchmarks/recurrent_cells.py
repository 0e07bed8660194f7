"""The time and the memory of `lstm` and `gru` with dropout of the updates, against `torch.nn.LSTM` and `torch.nn.GRU`.

    python benchmarks/recurrent_cells.py [--check] [--quick]

One training pass is forward and backward from a fixed gradient of all outputs, the drawing of masks included, the
inputs' gradient too. The peer has no dropout and is as users get it: oneDNN on. Both sides have the same threads, type,
layout (batch first), weights' sizes, inputs and gradient. Repeats alternate; the ratio is that of the medians. Nothing
is compiled, so the first call of each side, printed beside, is all that there is to wait for; torch.nn.LSTM has run
once before its own, to see that it runs in oneDNN. Memory is what a process of its own grows by at its peak over three
passes, after the imports. It prints a table, then one line of JSON. `--quick` takes three repeats of the smaller size:
whether it works, not how fast.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from dovetail_recurrent_dropout.gru import GruCell
from dovetail_recurrent_dropout.lstm import LstmCell
from dovetail_recurrent_dropout.update import UpdateDropout
from dovetail_standard import products

THREADS = 2
RATE = 0.25
SIZES = {"small": (32, 35, 256), "large": (32, 100, 1024)}  # batch, time, width of input and hidden state
REPEATS = {"small": 60, "large": 9}
WARM_UP = 3
TARGETS = {"small": 1.45, "large": 1.15}
MEMORY_TARGET = 1.3
CELLS = ("lstm", "gru")
EXTRAS = ("gru before", "lstm fallback", "lstm plain")  # printed, without a target


def ours(cell, width):
    dropout = UpdateDropout(rate=RATE, sampling="step", scale="test")
    if cell.startswith("lstm"):
        return LstmCell(input=width, hidden=width, dropout=dropout, fused="plain" not in cell)
    return GruCell(input=width, hidden=width, dropout=dropout, reset="before" if "before" in cell else "after")


def peer(cell, width):
    kind = torch.nn.LSTM if cell.startswith("lstm") else torch.nn.GRU
    return kind(width, width, batch_first=True)


def training_pass(module, size):
    """A function that makes one pass."""
    batch, steps, width = SIZES[size]
    xs = torch.randn(batch, steps, width, requires_grad=True)
    gradient = torch.randn(batch, steps, width)

    def run():
        module.zero_grad(set_to_none=True)
        xs.grad = None
        ys, _ = module(xs)
        ys.backward(gradient)

    return run


def by_pytorchs_products(run):
    """The same pass where oneDNN's operators are not to be had."""

    def wrapped():
        kept, products.operators_are_right = products.operators_are_right, lambda: False
        try:
            run()
        finally:
            products.operators_are_right = kept

    return wrapped


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def uses_onednn():
    """Whether PyTorch's LSTM runs in oneDNN here."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        training_pass(peer("lstm", 256), "small")()
    return any("mkldnn_rnn" in event.key for event in profile.key_averages())


def time_of(cell, size, repeats):
    """Both medians and the first call of each, in seconds."""
    width = SIZES[size][2]
    runs = [training_pass(make(cell, width), size) for make in (ours, peer)]
    if "fallback" in cell:
        runs[0] = by_pytorchs_products(runs[0])
    first = [seconds(run) for run in runs]
    for run in runs * WARM_UP:
        run()
    taken = [[seconds(run) for run in runs] for _ in range(repeats)]
    return [statistics.median(side) for side in zip(*taken, strict=True)], first


def peak():
    """The largest memory that this process has had, in megabytes (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def growth(side, cell, size):
    """By how many megabytes this process grows."""
    torch.set_num_threads(THREADS)
    before = peak()
    run = training_pass({"ours": ours, "peer": peer}[side](cell, SIZES[size][2]), size)
    for _ in range(3):
        run()
    return peak() - before


def memory_of(cell, size):
    command = [sys.executable, __file__, "--growth"]
    outputs = [subprocess.check_output([*command, side, cell, size], text=True) for side in ("ours", "peer")]
    return [float(output) for output in outputs]


def processor():
    """The processor's name (Linux)."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main():
    quick = "--quick" in sys.argv
    sizes = {"small": SIZES["small"]} if quick else SIZES
    torch.set_num_threads(THREADS)
    assert torch.backends.mkldnn.is_available(), "oneDNN must be there"
    assert torch.backends.mkldnn.enabled, "oneDNN must be on"
    assert uses_onednn(), "torch.nn.LSTM must run in oneDNN"
    machine = f"{processor()}, {THREADS} threads of {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}"
    print(f"{machine}, torch {torch.__version__}")
    print(f"{'cell':15}{'size':8}{'ours':>10}{'torch':>10}{'ratio':>8}{'target':>8}   first call, ours and torch")
    results = {}
    for size, (batch, steps, width) in sizes.items():
        for cell in (*CELLS, *EXTRAS):
            (mine, other), first = time_of(cell, size, 3 if quick else REPEATS[size])
            ratio, target = mine / other, TARGETS[size] if cell in CELLS else None
            if target:
                results[f"{cell}-{batch}x{steps}x{width}"] = {"ratio": round(ratio, 3), "target": target}
            calls = "  ".join(f"{1e3 * call:.0f} ms" for call in first)
            aim = f"{target:8.2f}" if target else " " * 8
            print(f"{cell:15}{size:8}{1e3 * mine:7.1f} ms{1e3 * other:7.1f} ms{ratio:8.3f}{aim}   {calls}")
    for size, (batch, steps, width) in sizes.items():
        for cell in CELLS:
            mine, other = memory_of(cell, size)
            results[f"{cell}-memory-{batch}x{steps}x{width}"] = {
                "ratio": round(mine / other, 3),
                "target": MEMORY_TARGET,
            }
            print(f"{cell:15}{size:8}{mine:7.1f} MB{other:7.1f} MB{mine / other:8.3f}{MEMORY_TARGET:8.2f}")
    print("nothing is compiled: the first calls are those in the table. On a GPU: not measured.")
    print(json.dumps(results))
    return int("--check" in sys.argv and any(result["ratio"] > result["target"] for result in results.values()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--growth"]:
        print(growth(*sys.argv[2:]))
        sys.exit(0)
    sys.exit(main())
