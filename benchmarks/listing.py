"""How long `dovetail list` takes, against `python -c "import torch"`, and that it has not imported torch.

    python benchmarks/listing.py [--check]

Both are whole processes, started in turn; the ratio is that of the medians. It prints a table, then one line of JSON.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 9
TARGET = 0.20
LIST = "import sys; from dovetail.cli.main import main; sys.argv = ['dovetail', 'list']; main()"
COMMANDS = {
    "dovetail list": [sys.executable, "-c", LIST],
    "import torch": [sys.executable, "-c", "import torch"],
}
ASSERT = """
import atexit, sys
from dovetail.cli.main import main
heavy = {"torch", "lightning_fabric", "numpy"}
atexit.register(lambda: print("imported:", sorted(heavy & set(sys.modules)), file=sys.stderr))
sys.argv = ["dovetail", "list"]
main()
"""


def timed(command):
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def machine():
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    return f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}"


def main():
    print(machine())
    done = subprocess.run([sys.executable, "-c", ASSERT], check=True, capture_output=True, text=True)
    assert "imported: []" in done.stderr, done.stderr
    assert "cell" in done.stdout
    times = {name: [] for name in COMMANDS}
    for _ in range(REPEATS):
        for name, command in COMMANDS.items():
            times[name].append(timed(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:16}{seconds:8.3f} s")
    ratio = medians["dovetail list"] / medians["import torch"]
    print(json.dumps({"listing": {"ratio": round(ratio, 4), "target": TARGET}}))
    if "--check" in sys.argv and ratio > TARGET:
        sys.exit("missed: listing")


if __name__ == "__main__":
    main()
