"""What a run is known by: the arm key (its filled-in spec and seed) and the identity (that, and what else decides results)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from attrs import frozen

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


def arm_key(system: System, seed: int) -> str:
    """SHA-256 of the canonical spec with its seed. Metrics count only where one is watched."""
    return digest({"system": canonical_spec(system), "seed": seed})


def canonical_spec(system: System) -> list[Any]:
    """The stages as plain data, without what does not change results."""
    converter = spec_converter(system.registry, identity=True)
    stages = []
    for stage in system.stages:
        table = converter.unstructure(stage)
        watched = (stage.train.watch or "").partition(".")[0]
        table["metrics"] = {name: metric for name, metric in table["metrics"].items() if name == watched}
        stages.append(table)
    return stages


def identify(system: System, seed: int, fingerprints: list[str]) -> Identity:
    """The identity of a run of the system on data with these fingerprints, stage by stage."""
    key = arm_key(system, seed)
    made_of: dict[str, Any] = {"results version": RESULTS_VERSION}
    for stage, fingerprint in zip(system.stages, fingerprints, strict=True):
        made_of[f"data of {stage.name}"] = fingerprint
        for component in components_of(stage, system):
            made_of[f"version of {component}"] = component.version
    return Identity(key, digest({"key": key, **made_of}), made_of)


def components_of(stage: StageSpec, system: System) -> list[Any]:
    """The components that take part in a stage's results."""
    watched = (stage.train.watch or "").partition(".")[0]
    metrics = [metric for name, metric in stage.metrics.items() if name == watched]
    found: dict[str, Any] = {}

    def walk(value: Any) -> None:
        if isinstance(value, Spec):
            component = system.registry.component_of(value)
            found[str(component)] = component
            for name in type(value).__attrs_attrs__:
                walk(getattr(value, name.name))
        elif isinstance(value, tuple):
            for item in value:
                walk(item)
        elif hasattr(value, "values") and callable(value.values):
            for item in value.values():
                walk(item)

    for part in (stage.dataset, stage.objective, *stage.parts.values(), *metrics):
        walk(part)
    return [found[name] for name in sorted(found)]


def measured(system: System) -> dict[str, Any]:
    """The metrics that a run of the system ends with, as plain data."""
    converter = spec_converter(system.registry, identity=True)
    return {name: converter.unstructure(metric) for name, metric in system.stages[-1].metrics.items()}
