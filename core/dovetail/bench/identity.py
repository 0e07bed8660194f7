"""What a run is known by: its key (filled-in spec, data and seed) and its identity (all that decides results)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from attrs import frozen

from dovetail.config import inside
from dovetail.conversion import spec_converter
from dovetail.interfaces import Spec
from dovetail.systems import StageSpec, System

RESULTS_VERSION = 1
"""Raised when the same spec and seed give other results because the core changed."""


@frozen
class Identity:
    """A run's key, its identity, and what the identity was made of (to say what changed)."""

    key: str
    identity: str
    made_of: dict[str, Any]

    def changes(self, other: dict[str, Any]) -> list[str]:
        """What differs from another run of the same key."""
        names = sorted({*self.made_of, *other})
        return [
            f"{name}: {other.get(name)} → {self.made_of.get(name)}"
            for name in names
            if other.get(name) != self.made_of.get(name)
        ]


def canonical(value: Any) -> str:
    """JSON with sorted keys and the shortest form of floats; raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def arm_key(system: System) -> str:
    """SHA-256 of what two arms of a grid can differ in: what decides results, and where their data are."""
    converter = spec_converter(system.registry)
    return digest([canonical_spec(system), [converter.unstructure(stage.dataset) for stage in system.stages]])


def run_key(system: System, seed: int, fingerprints: list[str]) -> str:
    """SHA-256 of the canonical spec, the data's fingerprints and the seed. Metrics count only where one is watched."""
    return digest({"system": canonical_spec(system), "data": fingerprints, "seed": seed})


def canonical_spec(system: System) -> list[Any]:
    """The stages as plain data, without what does not change results."""
    converter = spec_converter(system.registry, identity=True)
    stages = []
    for stage in system.stages:
        table = converter.unstructure(stage)
        unwatched = _unwatched(stage)
        table["metrics"] = {k: metric for k, metric in table["metrics"].items() if f"metrics.{k}" not in unwatched}
        stages.append(table)
    return stages


def identify(system: System, seed: int, fingerprints: list[str]) -> Identity:
    """The identity of a run of the system on data with these fingerprints, stage by stage."""
    key = run_key(system, seed, fingerprints)
    made_of: dict[str, Any] = {"results version": RESULTS_VERSION}
    for stage in system.stages:
        deciding = {path: part for path, part in stage.slots().items() if path not in _unwatched(stage)}
        for component in components_in(deciding, system):
            made_of[f"version of {component}"] = component.version
    return Identity(key, digest({"key": key, **made_of}), made_of)


def measured(system: System) -> dict[str, Any]:
    """The metrics that a run of the system ends with, as JSON: each one's table and its components' versions."""
    converter = spec_converter(system.registry, identity=True)
    found = {
        name: {
            "metric": converter.unstructure(metric),
            "versions": {str(component): component.version for component in components_in(metric, system)},
        }
        for name, metric in system.stages[-1].metrics.items()
    }
    plain: dict[str, Any] = json.loads(canonical(found))
    return plain


def versions(system: System) -> dict[str, int]:
    """The versions of all components of a system, by kind and name: of what read its spec, whether it counts or not."""
    found = components_in(tuple(tuple(stage.slots().values()) for stage in system.stages), system)
    return {str(component): component.version for component in found}


def _unwatched(stage: StageSpec) -> set[str]:
    """The paths of the metrics that do not choose the model, and so do not count."""
    watched = (stage.train.watch or "").partition(".")[0]
    return {f"metrics.{name}" for name in stage.metrics if name != watched}


def components_in(value: Any, system: System) -> list[Any]:
    """The components of a spec and of all that fills its slots, by name."""
    found: dict[str, Any] = {}

    def walk(value: Any) -> None:
        if isinstance(value, Spec):
            component = system.registry.component_of(value)
            found[str(component)] = component
        for _, item in inside(value):
            walk(item)

    walk(value)
    return [found[name] for name in sorted(found)]
