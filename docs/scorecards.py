"""What the conformance kit finds of each component, in a line; kept between builds for as long as no code changes."""

import hashlib
import json
from pathlib import Path

import torch

import dovetail
from dovetail.registries import Registry
from dovetail.testing import Result, examine


def scorecards(registry: Registry, file: Path) -> dict[str, str]:
    """The line of each component; `file` keeps them until Dovetail, a plugin or PyTorch is another."""
    state = _state(registry)
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if kept.get("state") != state:
        lines = {str(component): line(examine(component, registry)) for component in registry.components.values()}
        kept = {"state": state, "lines": lines}
        file.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    lines: dict[str, str] = kept["lines"]
    return lines


def line(results: list[Result]) -> str:
    """How many checks passed of those that apply, and what is to be said of the others."""
    of = {status: [f for f in results if f.status == status] for status in ("passed", "absent", "expected")}
    asked = len(results) - len(of["absent"])
    parts = [f"{len(of['passed'])} of {asked} checks passed"]
    parts += [f"`{found.check.name}` is expected to fail: {found.detail}" for found in of["expected"]]
    red = [f"`{found.check.name}`" for found in results if not found.good]
    parts += [f"not passed: {', '.join(red)}"] if red else []
    parts += [f"not applicable: {', '.join(f'`{found.check.name}`' for found in of['absent'])}"] if of["absent"] else []
    return "; ".join(parts)


def _state(registry: Registry) -> str:
    """SHA-256 over the code of Dovetail and of every plugin, and PyTorch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    modules = [dovetail, *(plugin.module for plugin in registry.plugins if plugin.module is not None)]
    for folder in sorted({Path(module.__file__).parent for module in modules}):
        for file in sorted(file for kind in ("*.py", "*.toml") for file in folder.rglob(kind)):
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
