"""What `dovetail list` costs: its time as a share of `import torch`'s, and that it does not import torch.

Both commands run by turns in processes of their own; the median of each counts.
"""

import json
import statistics
import subprocess
import sys
import time

REPEATS = 11
TARGET = 0.20
LIST = "import sys; sys.argv = ['dovetail', 'list']; from dovetail.cli.main import main; main()"
TORCH = "import torch"
MODULES = (
    "import sys; from dovetail.cli.main import make_app; sys.argv = ['dovetail', 'list'];"
    "make_app()(['list'], standalone_mode=False); sys.exit('torch' in sys.modules)"
)


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    for code in (LIST, TORCH):
        seconds(code)
    times = [(seconds(LIST), seconds(TORCH)) for _ in range(REPEATS)]
    listing, torch = (statistics.median(column) for column in zip(*times, strict=True))
    imported = subprocess.run([sys.executable, "-c", MODULES], check=False, stdout=subprocess.DEVNULL).returncode
    print(f"dovetail list  {listing:.3f} s\nimport torch   {torch:.3f} s   (medians of {REPEATS}, by turns)")
    print(f"torch imported by the list: {'yes' if imported else 'no'}")
    print(json.dumps({"list": {"ratio": round(listing / torch, 3), "target": TARGET}}))
    return int("--check" in sys.argv and (listing / torch > TARGET or imported))


if __name__ == "__main__":
    sys.exit(main())
