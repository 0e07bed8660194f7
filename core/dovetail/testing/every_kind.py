"""What every component must do, whatever its kind."""

from __future__ import annotations

import inspect
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import fields
from torch import nn

from dovetail import tables
from dovetail.report.describe import docstrings, in_toml
from dovetail.testing import subjects as _subjects  # noqa: F401 (registers how each kind is used)
from dovetail.testing.kit import Broken, Subject, check
from dovetail.testing.values import identical

ARCHITECTURE = "docs/architecture.md"


@check(
    reason="a component that cannot be built small cannot be tested by anybody",
    source=f"{ARCHITECTURE}, the conformance kit",
)
def examples(subject: Subject) -> None:
    """It declares at least two small configurations, and each can be built."""
    subject.build()


@check(
    reason="specs are stored as TOML: a run that cannot be written down cannot be repeated",
    source=f"{ARCHITECTURE}, identity",
    after=("examples",),
)
def toml(subject: Subject) -> None:
    """Its spec, written as TOML and read again, is the same."""
    written = in_toml(subject.spec, subject.registry)
    use = written if written.startswith("{") else f"{{ use = {written} }}"
    file = subject.folder / "spec.toml"
    file.write_text(f"spec = {use}\n", encoding="utf-8")
    values = tables.read(file).plain()["spec"]
    values.pop("use")
    if subject.read(values) != subject.spec:
        raise Broken(f"the spec is another one after it was written as TOML and read again: {written}")


@check(
    reason="specs are compared, hashed and shared between runs",
    source=f"{ARCHITECTURE}, components",
)
def frozen(subject: Subject) -> None:
    """Its spec is frozen, hashable, and takes keywords alone."""
    spec = subject.spec
    hash(spec)
    name = next(iter(fields(type(spec))), None)
    if name is not None:
        try:
            setattr(spec, name.name, getattr(spec, name.name))
        except AttributeError:
            pass
        else:
            raise Broken(f"`{name.name}` can be set: decorate the spec with @frozen(kw_only=True)")
    positional = [a.name for a in fields(type(spec)) if a.init and not a.kw_only]
    if positional:
        raise Broken(f"takes {', '.join(positional)} by position: decorate the spec with @frozen(kw_only=True)")


@check(
    reason="an ablation compares runs that differ in one thing: the same seed must give the same weights",
    source=f"{ARCHITECTURE}, random streams",
    after=("examples",),
)
def same_seed(subject: Subject) -> None:
    """Two builds with one seed are equal to the last bit."""
    one, other = subject.build(1), subject.build(1)
    if isinstance(one, nn.Module) and not identical(dict(one.state_dict()), dict(other.state_dict())):
        raise Broken("two builds with the same seed have different tensors: draw from torch's global generator alone")


@check(
    reason="parts share a process: what one changes in it changes the others' results",
    source=f"{ARCHITECTURE}, random streams",
    after=("examples",),
)
def no_global_state(subject: Subject) -> None:
    """Neither building nor use in evaluation changes anything of the process. (Building has a random stream.)"""
    before = _global_state()
    module = subject.build()
    _unchanged(before, "building")
    if subject.trains and not subject.draws:
        module.eval()
        inputs = subject.inputs()
        before = _global_state()
        with torch.no_grad():
            subject.use(module, *inputs)
        _unchanged(before, "use in evaluation")


def _global_state() -> dict[str, Any]:
    return {
        "torch's random numbers": tuple(torch.default_generator.get_state().tolist()),
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": repr(np.random.get_state(legacy=True)),
        "torch's default type": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "the working folder": Path.cwd(),
    }


def _unchanged(before: dict[str, Any], when: str) -> None:
    for what, value in _global_state().items():
        if value != before[what]:
            raise Broken(f"{when} changes {what}")


@check(
    reason="people choose a component by what `dovetail show` says of it",
    source="docs/plugins.md",
)
def documented(subject: Subject) -> None:
    """Summary, docstrings of the spec and of each hyperparameter, and of what is built with its shapes."""
    component, spec = subject.component, type(subject.spec)
    if not component.summary:
        raise Broken("has no `summary` in its plugin's registry.toml")
    if not inspect.cleandoc(spec.__dict__.get("__doc__") or "").strip():
        raise Broken(f"{spec.__name__} has no docstring")
    docs = docstrings(spec)
    if silent := [attribute.name for attribute in fields(spec) if not docs.get(attribute.name)]:
        raise Broken(f"{spec.__name__}: no docstring under {', '.join(silent)}")
    if subject.trains:
        built = type(subject.build())
        if not inspect.cleandoc(built.__dict__.get("__doc__") or "").strip():
            raise Broken(f"{built.__name__} has no docstring")
        text = inspect.getsource(inspect.getmodule(built) or built)
        if "Shape:" not in text and "Axes:" not in text:
            raise Broken(f"{built.__name__}: no docstring of its module says its shapes (`Shape:` or `Axes:`)")
