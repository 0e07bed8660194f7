"""Clean processes: this interpreter and the same path, another folder and environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dovetail.testing.kit import Broken

PATIENCE = 300
"""Seconds for a process to end."""
KEPT = ("PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP", "LANG")
"""What a clean environment has of this one."""


def in_clean_process(program: str, *words: str, place: Path | None = None) -> str:
    """What a program prints in a clean process; raises `Broken` with its last words where it fails."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {name: value for name, value in os.environ.items() if name in KEPT} | {"PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(  # noqa: S603 (this interpreter)
            [sys.executable, "-c", program, *words],
            cwd=place or empty, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    if done.returncode:
        raise Broken(f"a clean process fails: {' / '.join(done.stderr.strip().splitlines()[-3:])}")
    return done.stdout
