"""How long each unit of a trained cell remembers, read from its recurrent weight.

Paper: li2018indrnn, section 3. What a unit of weight u holds is u^n of it after n steps without input: half of it is left
after log(1/2) / log|u| steps. A weight of at least one in magnitude forgets nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dovetail
from torch import nn

from dovetail_indrnn.indrnn import IndrnnCell

CELL = "indrnn/indrnn"
FILE = "memory.json"
"""In a run's folder: the half-lives of each cell, by the cell's name in the model."""


def half_life(u: float) -> float:
    """Steps after which half of a unit's state is left."""
    if abs(u) >= 1:
        return math.inf
    return math.log(0.5) / math.log(abs(u)) if u else 0.0


def half_lives(model: nn.Module) -> dict[str, list[float]]:
    """Those of every independently recurrent cell in a module, by its name there, shortest first."""
    cells = {name: module for name, module in model.named_modules() if isinstance(module, IndrnnCell)}
    return {name: sorted(map(half_life, cell.u.tolist())) for name, cell in cells.items()}


def has_cell(spec: Any) -> bool:
    """Whether a system, as a run stores it, has such a cell in a slot."""
    if isinstance(spec, Mapping):
        return spec.get("use") == CELL or any(map(has_cell, spec.values()))
    return spec == CELL or (isinstance(spec, list) and any(map(has_cell, spec)))


def write(folder: Path) -> None:
    """Write a finished run's half-lives beside its results; one that is infinite is null."""
    found = half_lives(dovetail.load(folder).objective)
    values = {name: [None if math.isinf(life) else life for life in lives] for name, lives in found.items()}
    folder.joinpath(FILE).write_text(json.dumps(values) + "\n", encoding="utf-8")


def lines(run: Path) -> list[str]:
    """What the command prints of a run: each cell's median half-life, and how many units never forget.

    Raises:
        Mistake: the run has no such cell.
    """
    found = half_lives(dovetail.load(run).objective)
    if not found:
        raise dovetail.Mistake(f"{run}: must be a run of a system with the cell {CELL}, but has none")
    return [
        f"{name}: {len(lives)} units, half-life {lives[len(lives) // 2]:.1f} steps in the middle,"
        f" {sum(map(math.isinf, lives))} never forget"
        for name, lives in found.items()
    ]
