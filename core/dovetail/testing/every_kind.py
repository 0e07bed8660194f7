"""What every component must do, whatever its kind."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import NOTHING, evolve, fields
from torch import nn

from dovetail import interfaces, tables
from dovetail.bibliography import read_references
from dovetail.errors import Mistake, close
from dovetail.frozendict import FrozenDict
from dovetail.report.describe import docstrings, in_toml
from dovetail.testing import subjects as _subjects  # noqa: F401 (registers how each kind is used)
from dovetail.testing.kit import Broken, Subject, check, documentation
from dovetail.testing.values import identical

IDENTITY = documentation("Concepts", "What a run is known by")
RANDOMNESS = documentation("Concepts", "Randomness")


@check(
    reason="a component that cannot be built small cannot be tested by anybody",
    source=documentation("Writing a plugin", "Pass the conformance kit"),
)
def examples(subject: Subject) -> None:
    """It declares at least two small configurations, and each can be built."""
    subject.build()


LARGE = 10_000_000
"""Parameters; what has more by default is built on the meta device alone."""


def has_defaults(subject: Subject) -> bool:
    return all(attribute.default is not NOTHING for attribute in fields(type(subject.spec)))


@check(
    reason="people try a component by its name alone first",
    source=documentation("Writing a plugin", "The component"),
    after=("examples",),
    applies=has_defaults,
    wants="a default for every hyperparameter",
)
def defaults(subject: Subject) -> None:
    """It can be built from its defaults for an example's spaces, or says why not; modules on the meta device, too."""
    plain = evolve(subject, example=evolve(subject.example, values=FrozenDict()))
    try:
        with torch.device("meta" if subject.trains else "cpu"):
            made = plain.build()
        if subject.trains and sum(p.numel() for p in made.parameters()) <= LARGE:
            plain.build()
    except Mistake:  # data that are missing, or spaces for which the defaults are not meant
        return
    except Exception as error:
        raise Broken(f"cannot be built from its defaults: {type(error).__name__}: {error}") from error


def as_table(subject: Subject) -> str:
    """A subject's spec as a table of TOML."""
    written = in_toml(subject.spec, subject.registry)
    return written if written.startswith("{") else f"{{ use = {written} }}"


@check(
    reason="specs are stored as TOML: a run that cannot be written down cannot be repeated",
    source=IDENTITY,
    after=("examples",),
)
def toml(subject: Subject) -> None:
    """Its spec, written as TOML and read again, is the same."""
    written = as_table(subject)
    file = subject.folder / "spec.toml"
    file.write_text(f"spec = {written}\n", encoding="utf-8")
    try:
        values = tables.read(file).plain()["spec"]
        values.pop("use")
        again = subject.read(values)
    except Mistake as error:
        raise Broken(f"the spec, written as TOML, cannot be read again: {written}: {error}") from error
    other = [
        name for name in (a.name for a in fields(type(again))) if getattr(again, name) != getattr(subject.spec, name)
    ]
    if again != subject.spec:
        raise Broken(f"the spec has another {', '.join(other)} after it was written as TOML and read again: {written}")


@check(
    reason="specs are compared, hashed and shared between runs",
    source=documentation("Architecture", "Components"),
    after=("examples",),
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
    source=RANDOMNESS,
    after=("examples",),
)
def same_seed(subject: Subject) -> None:
    """Two builds with one seed are equal to the last bit."""
    one, other = subject.build(1), subject.build(1)
    if isinstance(one, nn.Module) and not identical(dict(one.state_dict()), dict(other.state_dict())):
        raise Broken("two builds with the same seed have different tensors: draw from torch's global generator alone")


@check(
    reason="parts share a process: what one changes in it changes the others' results",
    source=RANDOMNESS,
    after=("same-seed", "evaluation"),
)
def no_global_state(subject: Subject) -> None:
    """Neither building nor use changes anything of the process; random numbers are torch's, and not in evaluation."""
    with subject.on_stream(), _nothing_changes("building", draws=True):
        module = subject.make()
    if subject.trains:
        module.eval()
        inputs = subject.inputs()
        with subject.on_stream(), _nothing_changes("use in evaluation", draws=subject.draws), torch.no_grad():
            subject.use(module, *inputs)
        module.train()
        with subject.on_stream(), _nothing_changes("use in training", draws=True):
            subject.use(module, *inputs)


UNUSUAL = 987_654_321
"""A seed that nobody chooses, so that seeding is noticed even where it was done before."""


@contextmanager
def _nothing_changes(when: str, draws: bool = False) -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(UNUSUAL)
    np.random.seed(UNUSUAL)
    try:
        before = _global_state(draws)
        yield
        for what, value in _global_state(draws).items():
            if value != before[what]:
                raise Broken(f"{when} changes {what}")
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _global_state(draws: bool) -> dict[str, Any]:
    drawn = {} if draws else {"torch's random numbers": tuple(torch.default_generator.get_state().tolist())}
    return drawn | {
        "torch's seed, which belongs to the run": torch.initial_seed(),
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": repr(np.random.get_state(legacy=True)),
        "torch's default type": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's default device": torch.get_default_device(),
        "torch's precision of products": torch.get_float32_matmul_precision(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "the working folder": Path.cwd(),
        "the environment's variables": dict(os.environ),
    }


@check(
    reason="people choose a component by what `dovetail show` says of it",
    source=documentation("Writing a plugin", "The component"),
    after=("examples",),
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


@check(
    reason="without `takes`, what does not fit ends in an error inside of the module, not in one that names both sides",
    source=documentation("Writing a plugin", "The component"),
    after=("examples",),
)
def takes(subject: Subject) -> None:
    """Each argument of `build` that is annotated with certain spaces is in the spec's `takes`."""
    spec, known = type(subject.spec), {*subject.registry.spaces} - {"Fields"}
    for name, argument in inspect.signature(spec.build).parameters.items():
        words = re.findall(r"\w+", inspect.formatannotation(argument.annotation))
        spaces = [word for word in words if word in known]
        if spaces and "Space" not in words and name not in spec.takes:
            annotated = f"`{name}` of `build` is annotated with {' and '.join(spaces)}"
            raise Broken(f"{annotated}, but `takes` of {spec.__name__} does not have it")


@check(
    reason="a hyperparameter that nothing reads is offered to whoever tunes and compares, and changes nothing",
    source=documentation("Writing a plugin", "The component"),
    after=("examples",),
)
def hyperparameters(subject: Subject) -> None:
    """Each is read, by building or using an example or in the spec's module; what it changes is not asked."""
    read: set[str] = set()
    watched = evolve(subject)
    watched.__dict__["spec"] = _watched(subject.spec, read)
    built = watched.build()
    if subject.trains:
        watched.use(built, *subject.inputs())
    names = {attribute.name for attribute in fields(type(subject.spec))}
    if unread := names - read - _read_in_module(type(subject.spec)):
        raise Broken(f"nothing reads {', '.join(sorted(unread))}: neither `build` nor what it builds")


def _watched(spec: Any, read: set[str]) -> Any:
    """A copy of a spec that notes which of its fields are read."""
    cls, names = type(spec), {attribute.name for attribute in fields(type(spec))}

    def get(self: Any, name: str) -> Any:
        read.update({name} & names)
        return object.__getattribute__(self, name)

    about = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__slots__": ()}
    twin = copy.copy(spec)
    object.__setattr__(twin, "__class__", type(cls.__name__, (cls,), {**about, "__getattribute__": get}))
    return twin


def _read_in_module(spec: type) -> set[str]:
    """The attributes that the modules of a spec and its bases read, but for those of another class's own `self`."""
    own = {base.__name__ for base in spec.__mro__}
    found: set[str] = set()

    def look(node: ast.AST, other: bool) -> None:
        if isinstance(node, ast.Attribute) and not (other and ast.unparse(node.value) == "self"):
            found.add(node.attr)
        for inner in ast.iter_child_nodes(node):
            look(inner, node.name not in own if isinstance(node, ast.ClassDef) else other)

    for module in {base.__module__ for base in spec.__mro__} - {interfaces.__name__, "abc", "builtins"}:
        look(ast.parse(inspect.getsource(sys.modules[module])), False)
    return found


@check(
    reason="a result is cited by the paper whose method it measures",
    source=documentation("Writing a plugin", "The registry"),
    after=("examples",),
)
def paper(subject: Subject) -> None:
    """The registry's paper is named by the code, and the other way round, and is in a references.bib beside it."""
    key, module = subject.component.paper, inspect.getmodule(type(subject.spec))
    if key and key not in inspect.getsource(module or type(subject.spec)):
        raise Broken(f"its plugin's registry.toml has the paper `{key}`, but its module does not name it")
    named = re.findall(r"^Papers?: ([\w, ]+)", inspect.getdoc(module) or "", re.MULTILINE)
    if named and not key:
        raise Broken(f"its module names the paper {named[0]}, but its plugin's registry.toml has no `paper` for it")
    file = next(plugin for plugin in subject.registry.plugins if plugin.name == subject.component.plugin).references
    if key and file.is_file() and key not in (known := read_references(file)):
        what = close(key, known) or "add it, as BibTeX"
        raise Broken(f"{file.name}, beside its plugin's registry.toml, has no entry `{key}`: {what}")
