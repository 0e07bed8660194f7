"""Assembly: from a stage's specs to modules that fit.

Each spec in a slot becomes a handle at its path, whose `build` checks the spaces, sets the random stream, resolves
sharing and earlier runs, and then calls the spec's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import attrs
import torch
from attrs import define, field, frozen
from torch import Tensor, nn

from dovetail.config import FromRun, Share, inside
from dovetail.errors import Misfit, Mistake, a, listed
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import Dataset, DatasetSpec, Metric, MetricSpec, Objective, Spec
from dovetail.randomness import on_stream
from dovetail.registries import Registry
from dovetail.spaces import Fields, Space
from dovetail.systems import StageSpec, System

Spaces = dict[str, Space | None]


class EarlierRun(Protocol):
    """A finished run, as assembly needs it: whose parts can be had."""

    identity: str

    def part(self, path: str) -> tuple[Any, list[Spaces], dict[str, Tensor]]:
        """The part's spec, the spaces that it was built with (build by build), and its tensors."""


Runs = Callable[[str], EarlierRun]
"""Finds earlier runs by name; raises `Mistake` where there is none."""


class SpaceMisfit(Mistake):
    """Two parts do not fit. `taker` and `giver` are the paths of the slots on both sides."""

    def __init__(self, message: str, taker: str, giver: str | None) -> None:
        super().__init__(message)
        self.taker, self.giver = taker, giver


@frozen(eq=False)
class Built:
    """One build of a slot."""

    spaces: Spaces
    module: Any


class Handle:
    """Stands in a slot for its spec: reads like the spec, and builds within the assembly."""

    def __init__(self, spec: Any, path: str, assembly: Assembly) -> None:
        self.spec, self.path, self.assembly = spec, path, assembly

    def __getattr__(self, name: str) -> Any:
        return getattr(self.spec, name)

    def __repr__(self) -> str:
        return f"<{self.path}: {self.spec!r}>"

    def build(self, **spaces: Any) -> Any:
        """The module for these spaces, or the one that the slot shares."""
        return self.assembly.build(self, spaces)

    @property
    def built_for(self) -> Spaces:
        """The spaces that a part of an earlier run was built with there; none where it is built anew."""
        spec = self.spec
        if isinstance(spec, Share) and spec.path in self.assembly.handles:
            return self.assembly.handles[spec.path].built_for
        return self.assembly.earlier(self.path, spec)[1][0] if isinstance(spec, FromRun) else {}


def built_for(part: Any) -> Spaces:
    """The spaces, by their names in `build`, that the part in a slot must be given since an earlier run built it so.

    Empty where the part is built anew and takes what it is given. What feeds a part that was trained on other data, a
    metric's encoder say, can so bring its values into the spaces that the part knows.
    """
    return part.built_for if isinstance(part, Handle) else {}


@define(eq=False)
class Assembly:
    """One assembling; remembers what each slot was built with and who gives which space."""

    registry: Registry
    seed: int = 0
    index: int = 0
    meta: bool = False
    runs: Runs | None = None
    stage: str = ""
    built: dict[str, list[Built]] = field(factory=dict)
    handles: dict[str, Handle] = field(factory=dict)
    givers: dict[int, tuple[str, Space]] = field(factory=dict)
    shared: set[str] = field(factory=set)
    building: set[str] = field(factory=set)

    def handle(self, value: Any, path: str) -> Any:
        """A handle for what fills a slot, and inside of it; anything else as it is."""
        inner = {name: self.handle(item, f"{path}.{name}") for name, item in inside(value)}
        changed = {name: inner[name] for name, item in inside(value) if inner[name] is not item}
        if isinstance(value, tuple):
            return tuple(inner.values()) if changed else value
        if isinstance(value, Mapping):
            return FrozenDict(inner) if changed else value
        if not isinstance(value, Spec | Share | FromRun):
            return value
        if isinstance(value, Share):
            self.shared.add(value.path)
        self.handles[path] = handle = Handle(attrs.evolve(value, **changed) if changed else value, path, self)
        return handle

    # ------------------------------------------------------------------------------------------------------- building

    def build(self, handle: Handle, given: Mapping[str, Any]) -> Any:
        path, spec = handle.path, handle.spec
        if isinstance(spec, Share):
            if spec.path not in self.handles:
                raise Mistake(f"{path}: shares `{spec.path}`, which lies outside of what is assembled here")
            return self.build(self.handles[spec.path], given)
        spaces = {name: space for name, space in given.items() if isinstance(space, Space | None)}
        earlier = self.built.setdefault(path, [])
        if earlier and path in self.shared:
            return self._same(handle, earlier[0], spaces)
        if path in self.building:
            raise Mistake(f"{path}: is shared by a slot inside of itself")
        self.building.add(path)
        with torch.device("meta") if self.meta else on_stream(self.seed, self.index, path, len(earlier)):
            module = self._module(handle, given, len(earlier))
        self.building.remove(path)
        earlier.append(Built(spaces, module))
        for name in ("output", "leaks", "produces", "outcome"):
            self.gives(path, getattr(module, name, None))
        return module

    def gives(self, path: str, space: Any) -> None:
        """Remember who gives a space, for error messages; the space must be one that a file can name."""
        if isinstance(space, Space):
            self.registry.space_name(type(space))
            self.givers.setdefault(id(space), (path, space))
        if isinstance(space, Fields):
            for inner in space.values():
                self.gives(path, inner)

    def module(self, path: str) -> Any:
        """What was built first at a path or at the one that it shares; None where nothing was."""
        spec = self.handles[path].spec if path in self.handles else None
        builds = self.built.get(spec.path if isinstance(spec, Share) else path)
        return builds[0].module if builds else None

    def _same(self, handle: Handle, first: Built, spaces: Spaces) -> Any:
        for name in {**first.spaces, **spaces}:
            if spaces.get(name) != first.spaces.get(name):
                rule = f"{first.spaces.get(name)}, as where it was first built, since it is shared"
                raise self._misfit(handle, Misfit(name, rule, spaces.get(name)))
        return first.module

    def _module(self, handle: Handle, given: Mapping[str, Any], turn: int) -> Any:
        try:
            if isinstance(handle.spec, FromRun):
                return self._from_run(handle, handle.spec, given, turn)
            _check_takes(handle.spec, given)
            return handle.spec.build(**given)
        except Misfit as misfit:
            raise self._misfit(handle, misfit) from misfit
        except Mistake:
            raise
        except Exception as error:
            name = self.name(handle.path)
            raise Mistake(f"{name} ({handle.path}) cannot be built: {type(error).__name__}: {error}") from error

    def _from_run(self, handle: Handle, reference: FromRun, given: Mapping[str, Any], turn: int) -> nn.Module:
        path = handle.path
        spec, built, tensors = self.earlier(path, reference)
        whose = f"{reference.part} of the run `{reference.run}`"
        if reference.kind and spec.kind != reference.kind:
            raise Mistake(f"{path}: {whose} is {a(spec.kind)}, but {a(reference.kind)} is wanted")
        if turn >= len(built) or _present(built[turn]) != _present(given):
            was = f"built for {_spell(built[turn])}" if turn < len(built) else f"built {len(built)} times there"
            raise SpaceMisfit(f"{path}: {whose} was {was}, but is given {_spell(given)}", path, None)
        inner = Assembly(self.registry, self.seed, self.index, self.meta, self.runs)
        module: nn.Module = inner.handle(spec, reference.part).build(**given)
        if not self.meta:
            prefix = f"{turn}." if turn else ""
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        return freeze(module) if reference.frozen else module

    def earlier(self, path: str, reference: FromRun) -> tuple[Any, list[Spaces], dict[str, Tensor]]:
        """The part of an earlier run that the slot at `path` takes: as `EarlierRun.part` has it."""
        if self.runs is None:
            raise Mistake(f"{path}: comes from the run `{reference.run}`, and no store was given to find it in")
        return self.runs(reference.run).part(reference.part)

    # --------------------------------------------------------------------------------------------------------- errors

    def name(self, path: str) -> str:
        """The component at a path in words: `cell standard/lstm`."""
        spec = self.handles[path].spec if path in self.handles else None
        if isinstance(spec, Spec):
            return str(self.registry.component_of(spec))
        return path

    def _misfit(self, handle: Handle, misfit: Misfit) -> SpaceMisfit:
        measures = isinstance(handle.spec, MetricSpec)
        giver = "objective" if measures else self.givers.get(id(misfit.value), (None,))[0]
        source = self.name(giver) if giver else self._parent(handle.path)
        takes = f"{self.name(handle.path)} takes {misfit.rule} as `{misfit.argument}`"
        gives = f"but {source} gives {misfit.value}" if misfit.value is not None else "but nothing is given"
        where = f"stage {self.stage}: {handle.path}" if self.stage else handle.path
        return SpaceMisfit(f"{where}: {takes}, {gives}", handle.path, giver)

    def _parent(self, path: str) -> str:
        above = path.rpartition(".")[0]
        while above and above not in self.handles:
            above = above.rpartition(".")[0]
        return self.name(above) if above else "the system"


def _check_takes(spec: Spec, given: Mapping[str, Any]) -> None:
    """Each argument, and each name of an outcome, is of a space that the spec takes."""
    outcome = given["outcome"] if isinstance(spec, MetricSpec) else {}
    for name in spec.needs if isinstance(spec, MetricSpec) else ():
        if name not in outcome:
            named = ", ".join(f"`{other}`" for other in outcome)
            raise Misfit("outcome", f"an outcome with `{name}`", named or None)
    for name, kinds in spec.takes.items():
        space = {**given, **outcome}.get(name)
        if space is not None and not isinstance(space, kinds):
            raise Misfit(name, " or ".join(kind.__name__ for kind in kinds), space)


def freeze(module: nn.Module) -> nn.Module:
    """Train nothing of it, and keep it in evaluation mode whatever mode its owner is set to."""
    module.requires_grad_(False).eval()
    module.train = lambda mode=True: module  # type: ignore[method-assign]  # noqa: ARG005
    return module


def _present(spaces: Mapping[str, Any]) -> dict[str, Any]:
    """The spaces that are given: one that is None is as good as absent."""
    return {name: space for name, space in spaces.items() if space is not None}


def _spell(spaces: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {space}" for name, space in spaces.items())


@define(eq=False)
class Model:
    """An assembled stage: modules, ready to use. `model.encoder` is a part, by name; `model.objective` has the loss."""

    stage: StageSpec
    objective: Objective
    parts: Mapping[str, nn.Module | None]
    metrics: Mapping[str, Metric]
    data: Fields
    dataset: Any = field(repr=False)
    built: Mapping[str, list[Built]] = field(repr=False)
    shared: set[str] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name in self.parts:
            return self.parts[name]
        raise AttributeError(f"the system has no part `{name}`; its parts are {listed(self.parts)}")

    def train(self, mode: bool = True) -> None:
        """Training or evaluation mode; frozen parts stay in evaluation mode."""
        self.objective.train(mode)

    def parameters(self, names: Iterable[str]) -> list[nn.Parameter]:
        """The trainable parameters of these parts, each once; `"objective"` stands for the objective's own."""
        owners = self._owners()
        wanted = set(names)
        return [p for p in self.objective.parameters() if p.requires_grad and owners.get(id(p), "objective") in wanted]

    def _owners(self) -> dict[int, str]:
        """The part that each parameter belongs to: a shared one to the part that its target lies in."""
        owners: dict[int, str] = {}
        for path in self.shared:
            for build in self.built.get(path, ()):
                owners.update({id(parameter): path.partition(".")[0] for parameter in build.module.parameters()})
        for name, module in self.parts.items():
            for parameter in module.parameters() if module is not None else ():
                owners.setdefault(id(parameter), name)
        return owners

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the objective and its parts, by name."""
        return self.objective.state_dict()


def open_dataset(registry: Registry, spec: DatasetSpec, runs: Runs | None = None) -> Dataset:
    """The dataset of a spec. What is random in its slots depends on their paths, never on a run's seed."""
    dataset: Dataset = Assembly(registry, runs=runs).handle(spec, "dataset").build()
    return dataset


def assemble(
    system: System,
    *,
    seed: int = 0,
    stage: int = 0,
    meta: bool = False,
    runs: Runs | None = None,
    data: Fields | None = None,
    dataset: Dataset | None = None,
) -> Model:
    """Build a stage of a system.

    Args:
        system: as `registry.system(…)` gives it.
        seed: of the initial weights.
        stage: which stage; the first.
        meta: build on the meta device, where nothing is allocated or initialised: the check.
        runs: finds earlier runs, for parts that come from one.
        data: the spaces of the data, where they are known already; the dataset is opened otherwise.
        dataset: the dataset, where it is open already.

    Raises:
        SpaceMisfit: two parts do not fit; names both and their spaces.
        Mistake: data or weights are missing.
    """
    spec = system.stages[stage]
    assembly = Assembly(system.registry, seed, stage, meta, runs, spec.name if len(system.stages) > 1 else "")
    handles = {path: assembly.handle(part, path) for path, part in spec.slots().items()}
    if data is None:
        dataset = dataset or open_dataset(system.registry, spec.dataset, runs)
        data = dataset.fields
    assembly.gives("dataset", data)
    with torch.device("meta") if meta else nullcontext():
        objective = handles["objective"].build(data=data, **{name: handles[name] for name in spec.parts})
        metrics = {name: handles[f"metrics.{name}"].build(outcome=objective.outcome) for name in spec.metrics}
    parts = {name: assembly.module(name) for name in spec.parts}
    return Model(spec, objective, parts, metrics, data, dataset, assembly.built, assembly.shared)
