"""Systems: all that one training needs, read from tables, stage by stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from dovetail.config import BAD, Loader, Swap, is_optional, slot_base
from dovetail.errors import Where, a, close, unknown
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import DatasetSpec, MetricSpec, ObjectiveSpec, Spec
from dovetail.ranges import within
from dovetail.registries import Registry
from dovetail.tables import Given, given, put_all

SETTINGS = ("summary", "dataset", "objective", "metrics", "train", "stages")
_AT_WILL = {"identity": False}


def _is_device(_: Any, attribute: Any, value: str) -> None:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise ValueError(f"`{attribute.name}` must be `auto`, `cpu`, `cuda`, `cuda:1` … or `mps`, but is {value!r}")


@frozen(kw_only=True)
class Train:
    """How a stage is trained."""

    epochs: int = field(default=1, validator=within("[0, inf)"))
    """passes over the training split"""
    batch: int = field(default=32, validator=within("[1, inf)"))
    """examples in a batch, or parallel streams of a text"""
    limit: int | None = field(default=None, validator=within("[1, inf)"))
    """batches an epoch at most; all of the split where it is absent"""
    clip: float | None = field(default=None, validator=within("(0, inf)"))
    """largest norm of a phase's gradient, scaled down where it is larger"""
    evaluate: int = field(default=1, validator=within("[1, inf)"))
    """epochs between evaluations; the last epoch is always evaluated"""
    watch: str | None = None
    """the metric that chooses the model, `perplexity` or `bleu.4` of a table; without it the last model is tested"""
    select: Literal["best", "last"] = "best"
    """which model is tested: the best on the watched metric, or the last"""
    patience: int | None = field(default=None, validator=within("[1, inf)"))
    """evaluations without a better watched metric before training stops"""
    target: float | None = None
    """value of the watched metric at which training stops: the task is solved"""
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "bf16-true", "64-true"] = "32-true"
    """number format, in Fabric's words"""
    threads: int = field(default=1, validator=within("[1, inf)"))
    """CPU threads; results depend on it, so it is the run's and not the executor's"""
    device: str = field(default="auto", validator=_is_device, metadata=_AT_WILL)
    """`cpu`, `cuda`, `cuda:1` …; `auto` is a GPU where there is one"""
    workers: int = field(default=0, validator=within("[0, inf)"), metadata=_AT_WILL)
    """processes that load data beside the training process"""
    checkpoint: float = field(default=60.0, validator=within("[0, inf)"), metadata=_AT_WILL)
    """seconds between checkpoints, beside those at each evaluation"""


@frozen(kw_only=True)
class _StageTable:
    """A stage as it is written: what it changes of the system."""

    name: str | None = None
    objective: Given | None = None
    epochs: Given | None = None
    set: Mapping[str, Given] = FrozenDict()
    repeat: int = field(default=1, validator=within("[1, inf)"))
    reset: Given | None = None


@frozen(kw_only=True)
class StageSpec:
    """One training of a system: what `[[stages]]` makes of it, or the system as it is."""

    name: str
    dataset: DatasetSpec
    objective: ObjectiveSpec
    parts: Mapping[str, Spec | None] = field(factory=FrozenDict)
    metrics: Mapping[str, MetricSpec] = field(factory=FrozenDict)
    train: Train = field(factory=Train)
    reset: tuple[str, ...] = ()

    def slots(self) -> dict[str, Any]:
        """The top-level slots by path."""
        metrics = {f"metrics.{name}": metric for name, metric in self.metrics.items()}
        return {"dataset": self.dataset, "objective": self.objective, **self.parts, **metrics}


@frozen(kw_only=True)
class System:
    """A system as it will be trained: its stages, all filled in. `swaps` says what replacing components kept."""

    name: str
    stages: tuple[StageSpec, ...]
    registry: Registry = field(eq=False, repr=False)
    swaps: tuple[Swap, ...] = field(default=(), eq=False)


def load_system(registry: Registry, name: str, tables: Given, runs: Callable[[str], Any] | None = None) -> System:
    """Read a system's tables; raises `Faults` with everything that is wrong with their text."""
    loader = Loader(registry, f"system {name}", runs)
    stages = []
    swaps: dict[Swap, list[str]] = {}
    for stage in _stage_tables(loader, tables):
        stages.append(_load_stage(loader, *stage))
        for swap in dict.fromkeys(loader.swaps):
            swaps.setdefault(swap, []).append(stage[0])
        loader.swaps.clear()
    loader.faults = list(dict.fromkeys(loader.faults))
    loader.finish("data and spaces not checked: mend the above first")
    told = (swap if len(of) == len(stages) else evolve(swap, stage=", ".join(of)) for swap, of in swaps.items())
    return System(name=name, stages=tuple(stages), registry=registry, swaps=tuple(told))


def load_saved(
    registry: Registry,
    name: str,
    stages: list[dict[str, Any]],
    where: Where,
    runs: Callable[[str], Any] | None = None,
    *,
    versions: Mapping[str, int] = FrozenDict(),
) -> System:
    """Read a system back from the stages that were written of it, where all is filled in and every name is full.

    The files that it names need not be there any more. Of `versions`, those of the components when it was written, an
    older one's values are migrated.
    """
    loader = Loader(registry, f"system {name}", runs, files=False, versions=versions)
    loaded = []
    for stage in stages:
        table = given({**stage, **stage["parts"]}, where)
        loaded.append(_load_stage(loader, stage["name"], table.without("name", "parts", "reset"), table.at("reset")))
    loader.finish()
    return System(name=name, stages=tuple(loaded), registry=registry)


def _stage_tables(loader: Loader, tables: Given) -> list[tuple[str, Given, Given | None]]:
    """The name, the tables and the resets of each stage."""
    stages, rest = tables.at("stages"), tables.without("stages")
    if stages is not None and stages.is_table:  # of `stages.0.epochs=2` where there is no list for it to change
        loader.fault(stages.where, "stages", _unnumbered(stages))
    if stages is None or stages.is_table:
        return [("train", rest, None)]
    read = loader.value(stages, "stages", tuple[_StageTable, ...])
    if not read:
        loader.fault(stages.where, "stages", "must have at least one stage")
    result: list[tuple[str, Given, Given | None]] = []
    for index, stage in enumerate(read if read is not BAD else ()):
        changes = {"objective": stage.objective, "train.epochs": stage.epochs, **stage.set}
        table = put_all(rest, {key: value for key, value in changes.items() if value is not None})
        name = stage.name or f"stage-{index + 1}"
        names = [name] if stage.repeat == 1 else [f"{name}.{turn + 1}" for turn in range(stage.repeat)]
        if {*names} & {earlier for earlier, _, _ in result}:
            where = stages.value[index].where
            loader.fault(where, f"stages.{index}.name", f"`{name}` is the name of a stage before")
        result += [(each, table, stage.reset) for each in names]
    epochs = rest.at("train.epochs")
    own = all(table.at("train.epochs") is not epochs for _, table, _ in result)
    if result and own and epochs is not None and epochs.where.line is None:  # written in no file: an override
        instead = " ".join(f"stages.{index}.epochs={epochs.plain()}" for index in range(len(read)))
        loader.fault(epochs.where, "train.epochs", "changes nothing: each stage has its own", f"write {instead}")
    return result


def _unnumbered(stages: Given) -> str:
    """Why a table cannot change the stages that there are."""
    listed = stages.previous.value if stages.previous is not None else None
    if not isinstance(listed, list) or not listed:
        return "the system has no stages: its training is set by `train` and `objective`"
    names = [stage.at("name") for stage in listed]
    told = ", ".join(f"{index} (`{name.plain()}`)" if name else str(index) for index, name in enumerate(names))
    return f"must be changed by number, of {told}, but are by {', '.join(f'`{key}`' for key in stages.value)}"


def _load_stage(loader: Loader, name: str, tables: Given, reset: Given | None) -> Any:
    loader.slots.clear()
    loader.shares.clear()
    dataset = _needed(loader, tables, "dataset", DatasetSpec)
    objective = _needed(loader, tables, "objective", ObjectiveSpec)
    parts = FrozenDict(_parts(loader, tables, objective))
    metrics, train = _metrics(loader, tables.at("metrics")), tables.at("train")
    trained = loader.value(train, "train", Train) if train is not None else Train()
    _check_watch(loader, tables, tables.entries("metrics") if metrics is BAD else metrics)
    loader.check_shares()
    asked = {"dataset": dataset, "objective": objective, "parts": parts, "metrics": metrics}
    return StageSpec(name=name, train=trained, reset=_resets(loader, reset), **asked)


def _metrics(loader: Loader, metrics: Given | None) -> Any:
    """The metrics by name, without those that are `core/none`."""
    read = loader.value(metrics, "metrics", Mapping[str, MetricSpec | None]) if metrics is not None else FrozenDict()
    return read if read is BAD else FrozenDict({name: metric for name, metric in read.items() if metric is not None})


def _needed(loader: Loader, tables: Given, key: str, base: Any) -> Any:
    if key not in tables.value:
        return loader.fault(tables.where, key, f"is missing; a system needs {a(key)}", loader.possible(base))
    return loader.slot(tables.value[key], key, base)


def _parts(loader: Loader, tables: Given, objective: Any) -> dict[str, Any]:
    """The parts that the objective asks for; where it could not be read, tables named like a kind are taken for it."""
    table, kinds = tables.value, loader.registry.kinds
    known = objective is not BAD
    tails = {key: key.rpartition("_")[2] for key in table if key not in SETTINGS}
    guessed = {key: loader.registry.base(kind) | None for key, kind in tails.items() if kind in kinds}
    asked = objective.parts if known else guessed
    parts: dict[str, Any] = {}
    for part, hint in asked.items():
        base = slot_base(hint)
        assert base is not None, f"the part `{part}` of an objective must be typed with a spec base"
        if part in table:
            parts[part] = loader.slot(table[part], part, base, is_optional(hint))
        elif is_optional(hint):
            parts[part] = None
        else:
            needs = f"is missing; {loader.registry.component_of(objective)} asks for {a(base.kind)}"
            loader.fault(tables.where, part, needs, loader.possible(base))
    for key in tails:
        if key not in asked and (known or close(key, SETTINGS)):
            loader.unknown(table[key], key, key, [*SETTINGS, *asked])
    return parts


def _check_watch(loader: Loader, tables: Given, metrics: Mapping[str, Any]) -> None:
    watch = tables.at("train.watch")
    if watch is not None and isinstance(watch.value, str) and watch.value.partition(".")[0] not in metrics:
        loader.fault(watch.where, "train.watch", unknown("metric", watch.value, metrics))
    for path in ("train.patience", "train.target"):
        if watch is None and (given := tables.at(path)) is not None:
            loader.fault(given.where, path, "needs `watch`, the metric that must get better")


def _resets(loader: Loader, reset: Given | None) -> tuple[str, ...]:
    paths = loader.value(reset, "reset", tuple[str, ...]) if reset is not None else ()
    for index, path in enumerate(paths if paths is not BAD else ()):
        if path not in loader.slots and reset is not None:
            loader.fault(reset.value[index].where, "reset", unknown("slot", path, loader.slots))
    return paths
