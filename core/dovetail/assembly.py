"""Assembly: from a stage's specs to modules that fit. Each spec in a slot becomes a handle at its path, whose `build` checks
the spaces, sets the random stream, resolves sharing and earlier runs, and then calls the spec's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import attrs
import torch
from attrs import define, field, frozen
from torch import Tensor, nn

from dovetail.config import FromRun, Share
from dovetail.errors import Misfit, Mistake, listed
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import Metric, Objective, Spec
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


class Runs(Protocol):
    """Finds earlier runs by name; raises `Mistake` where there is none."""

    def __call__(self, name: str) -> EarlierRun: ...


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


@define(eq=False)
class Assembly:
    """One assembling of one stage; remembers what each slot was built with and who gives which space."""

    registry: Registry
    stage: StageSpec
    seed: int = 0
    index: int = 0
    meta: bool = False
    runs: Runs | None = None
    built: dict[str, list[Built]] = field(factory=dict)
    frozen: list[nn.Module] = field(factory=list)
    handles: dict[str, Handle] = field(factory=dict)
    givers: dict[int, tuple[str, Space]] = field(factory=dict)
    shared: set[str] = field(factory=set)

    def handle(self, spec: Any, path: str) -> Any:
        """The handle of what fills a slot, with handles in its own slots; None stays None."""
        if isinstance(spec, Spec):
            inner = {a.name: self._inside(getattr(spec, a.name), f"{path}.{a.name}") for a in attrs.fields(type(spec))}  # type: ignore[arg-type]
            changed = {name: value for name, value in inner.items() if value is not getattr(spec, name)}
            spec = attrs.evolve(spec, **changed) if changed else spec  # type: ignore[misc]
        elif isinstance(spec, Share):
            self.shared.add(spec.path)
        elif not isinstance(spec, FromRun):
            return spec
        self.handles[path] = handle = Handle(spec, path, self)
        return handle

    def _inside(self, value: Any, path: str) -> Any:
        if isinstance(value, Spec | Share | FromRun):
            return self.handle(value, path)
        if isinstance(value, tuple) and any(isinstance(item, Spec | Share | FromRun) for item in value):
            return tuple(self.handle(item, f"{path}.{index}") for index, item in enumerate(value))
        if isinstance(value, FrozenDict) and any(isinstance(item, Spec | Share | FromRun) for item in value.values()):
            return FrozenDict({key: self.handle(item, f"{path}.{key}") for key, item in value.items()})
        return value

    # -------------------------------------------------------------------------------------------------- building

    def build(self, handle: Handle, spaces: Spaces) -> Any:
        if isinstance(handle.spec, Share):
            if handle.spec.path not in self.handles:
                raise Mistake(
                    f"{handle.path}: shares `{handle.spec.path}`, which lies outside of what is assembled here"
                )
            return self.build(self.handles[handle.spec.path], spaces)
        earlier = self.built.setdefault(handle.path, [])
        if earlier and handle.path in self.shared:
            return self._same(handle, earlier[0], spaces)
        with torch.device("meta") if self.meta else on_stream(self.seed, self.index, handle.path, len(earlier)):
            if isinstance(handle.spec, FromRun):
                module = self._from_run(handle, spaces, len(earlier))
            else:
                self._check_takes(handle, spaces)
                module = self._call(handle, spaces)
        earlier.append(
            Built({name: space for name, space in spaces.items() if isinstance(space, Space | None)}, module)
        )
        for name in ("output", "leaks", "produces", "outcome"):
            self.gives(handle.path, getattr(module, name, None))
        return module

    def gives(self, path: str, space: Any) -> None:
        """Remember who gives a space, for error messages."""
        if isinstance(space, Space):
            self.givers.setdefault(id(space), (path, space))
        if isinstance(space, Fields):
            for inner in space.values():
                self.gives(path, inner)

    def _same(self, handle: Handle, first: Built, spaces: Spaces) -> Any:
        for name, space in first.spaces.items():
            if spaces.get(name) != space:
                rule = f"{space}, as where it was first built, since it is shared"
                raise self._misfit(handle, Misfit(name, rule, spaces.get(name)))
        return first.module

    def _check_takes(self, handle: Handle, spaces: Spaces) -> None:
        for argument, kinds in handle.spec.takes.items():
            space = spaces.get(argument)
            if space is not None and not isinstance(space, kinds):
                raise self._misfit(handle, Misfit(argument, " or ".join(kind.__name__ for kind in kinds), space))

    def _call(self, handle: Handle, spaces: Spaces) -> Any:
        try:
            return handle.spec.build(**spaces)
        except Misfit as misfit:
            raise self._misfit(handle, misfit) from misfit
        except Mistake:
            raise
        except Exception as error:
            name = self.name(handle.path)
            raise Mistake(f"{name} ({handle.path}) cannot be built: {type(error).__name__}: {error}") from error

    def _from_run(self, handle: Handle, spaces: Spaces, turn: int) -> Any:
        reference: FromRun = handle.spec
        if self.runs is None:
            raise Mistake(f"{handle.path}: comes from the run `{reference.run}`, and no store was given to find it in")
        spec, built, tensors = self.runs(reference.run).part(reference.part)
        if turn >= len(built) or built[turn] != spaces:
            was = built[turn] if turn < len(built) else "not built"
            raise SpaceMisfit(
                f"{handle.path}: {reference.part} of the run `{reference.run}` was built for {_spell(was)}, but is given {_spell(spaces)}",
                handle.path, None,
            )  # fmt: skip
        inner = Assembly(self.registry, self.stage, self.seed, self.index, self.meta, self.runs)
        module = inner.handle(spec, handle.path).build(**spaces)
        if not self.meta:
            prefix = f"{turn}." if turn else ""
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        if reference.frozen:
            module.requires_grad_(False)
            self.frozen.append(module)
        return module

    # ---------------------------------------------------------------------------------------------------- errors

    def name(self, path: str) -> str:
        """The component at a path in words: `cell standard/lstm`."""
        spec = self.handles[path].spec if path in self.handles else None
        if isinstance(spec, Spec):
            return str(self.registry.component_of(spec))
        return path

    def _misfit(self, handle: Handle, misfit: Misfit) -> SpaceMisfit:
        giver = self.givers.get(id(misfit.value), (None,))[0]
        source = self.name(giver) if giver else self._parent(handle.path)
        takes = f"{self.name(handle.path)} takes {misfit.rule} as `{misfit.argument}`"
        gives = f"but {source} gives {misfit.value}" if misfit.value is not None else "but nothing is given"
        return SpaceMisfit(f"{handle.path}: {takes}, {gives}", handle.path, giver)

    def _parent(self, path: str) -> str:
        above = path.rpartition(".")[0]
        while above and above not in self.handles:
            above = above.rpartition(".")[0]
        return self.name(above) if above else "the system"


def _spell(spaces: Any) -> str:
    return ", ".join(f"{name} = {space}" for name, space in spaces.items()) if isinstance(spaces, dict) else str(spaces)


@define(eq=False)
class Model:
    """An assembled stage: modules, ready to use. `model.encoder` is the part `encoder`; `model.objective` owns the loss."""

    stage: StageSpec
    objective: Objective
    parts: Mapping[str, nn.Module | None]
    metrics: Mapping[str, Metric]
    data: Fields
    dataset: Any
    built: Mapping[str, list[Built]] = field(repr=False)
    shared: set[str] = field(repr=False)
    frozen: list[nn.Module] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name in self.parts:
            return self.parts[name]
        raise AttributeError(f"the system has no part `{name}`; its parts are {listed(self.parts)}")

    def train(self, mode: bool = True) -> None:
        """Training or evaluation mode; frozen parts stay in evaluation mode."""
        self.objective.train(mode)
        for module in self.frozen:
            module.eval()

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


def assemble(
    system: System, *, seed: int = 0, stage: int = 0, meta: bool = False, runs: Runs | None = None, data: Fields | None = None,
    dataset: Any = None,
) -> Model:  # fmt: skip
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
    assembly = Assembly(system.registry, spec, seed, stage, meta, runs)
    handles = {path: assembly.handle(part, path) for path, part in spec.slots().items()}
    if data is None:
        dataset = dataset if dataset is not None else spec.dataset.build()
        data = dataset.fields
    assembly.gives("dataset", data)
    with torch.device("meta") if meta else nullcontext():
        objective = handles["objective"].build(data=data, **{name: handles[name] for name in spec.parts})
        metrics = {name: _metric(assembly, handles[f"metrics.{name}"], objective.outcome) for name in spec.metrics}
    parts = {
        name: assembly.built[name][0].module if handles[name] is not None and assembly.built.get(name) else None
        for name in spec.parts
    }
    return Model(spec, objective, parts, metrics, data, dataset, assembly.built, assembly.shared, assembly.frozen)


def _metric(assembly: Assembly, handle: Handle, outcome: Fields) -> Metric:
    for name in handle.spec.needs:
        kinds = handle.spec.takes.get(name, (Space,))
        if not isinstance(outcome.get(name), kinds):
            taken = "" if kinds == (Space,) else f" ({' or '.join(kind.__name__ for kind in kinds)})"
            gives = str(outcome[name]) if name in outcome else listed(outcome)
            needs = f"{assembly.name(handle.path)} needs `{name}`{taken}"
            raise SpaceMisfit(
                f"{handle.path}: {needs}, but {assembly.name('objective')} gives {gives}", handle.path, "objective"
            )
    metric: Metric = handle.build(outcome=outcome)
    return metric
