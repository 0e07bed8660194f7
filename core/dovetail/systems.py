"""Systems: all that one training needs, read from tables, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from dovetail.config import BAD, Loader, Swap, is_optional, slot_base
from dovetail.errors import Where, close, listed
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import DatasetSpec, MetricSpec, ObjectiveSpec, Spec
from dovetail.ranges import within
from dovetail.registries import Registry
from dovetail.tables import Given, given, put_all

SETTINGS = ("summary", "dataset", "objective", "metrics", "train", "stages")
_AT_WILL = {"identity": False}


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
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "bf16-true", "64-true"] = "32-true"
    """number format, in Fabric's words"""
    threads: int = field(default=1, validator=within("[1, inf)"))
    """CPU threads; results depend on it, so it is the run's and not the executor's"""
    device: str = field(default="auto", metadata=_AT_WILL)
    """`cpu`, `cuda`, `cuda:1` …; `auto` is a GPU where there is one"""
    workers: int = field(default=0, validator=within("[0, inf)"), metadata=_AT_WILL)
    """processes that load data beside the training process"""
    checkpoint: float = field(default=60.0, validator=within("[0, inf)"), metadata=_AT_WILL)
    """seconds between checkpoints, beside those at each evaluation"""


@frozen(kw_only=True)
class StageSpec(Spec):
    """One training of a system: what `[[stages]]` makes of it, or the system as it is."""

    kind = "stage"
    name: str
    dataset: DatasetSpec
    objective: ObjectiveSpec
    parts: Mapping[str, Spec | None] = field(factory=FrozenDict)
    metrics: Mapping[str, MetricSpec] = field(factory=FrozenDict)
    train: Train = field(factory=Train)
    reset: tuple[str, ...] = ()

    def build(self, **spaces: Any) -> Any:
        raise TypeError("a stage is assembled, not built")

    def slots(self) -> dict[str, Any]:
        """The top-level slots by path."""
        metrics = {f"metrics.{name}": metric for name, metric in self.metrics.items()}
        return {"dataset": self.dataset, "objective": self.objective, **self.parts, **metrics}


@frozen(kw_only=True)
class System:
    """A system as it will be trained: its stages, every value filled in. `swaps` says what replacing components kept."""

    name: str
    stages: tuple[StageSpec, ...]
    registry: Registry = field(eq=False, repr=False)
    swaps: tuple[Swap, ...] = field(default=(), eq=False)


def load_system(registry: Registry, name: str, tables: Given, runs: Callable[[str], Any] | None = None) -> System:
    """Read a system's tables; raises `Faults` with everything that is wrong with their text."""
    loader = Loader(registry, f"system {name}", runs)
    stages: list[StageSpec] = []
    swaps: dict[Swap, None] = {}
    for stage, table, reset in _stage_tables(loader, tables):
        loader.slots.clear()
        loader.shares.clear()
        loader.swaps.clear()
        stages.append(_load_stage(loader, stage, table, reset))
        swaps.update(dict.fromkeys(loader.swaps))
    loader.faults = list(dict.fromkeys(loader.faults))
    loader.finish("data and spaces not checked: mend the above first")
    return System(name=name, stages=tuple(stages), registry=registry, swaps=tuple(swaps))


def _stage_tables(loader: Loader, tables: Given) -> list[tuple[str, Given, Given | None]]:
    """The name, the tables and the resets of each stage."""
    stages = tables.at("stages")
    rest = evolve(tables, value={key: value for key, value in tables.value.items() if key != "stages"})
    if stages is None:
        return [("train", rest, None)]
    result = []
    known = ("name", "objective", "epochs", "set", "repeat", "reset")
    for index, stage in enumerate(stages.value if isinstance(stages.value, list) else [stages]):
        path = f"stages.{index}"
        if not stage.is_table:
            loader.fault(stage.where, path, f"must be a table, but is {stage.plain()!r}")
            continue
        for key, value in stage.value.items():
            if key not in known:
                loader.unknown(value, f"{path}.{key}", key, known)
        changes = {key: stage.value[key] for key in ("objective",) if key in stage.value}
        if "epochs" in stage.value:
            changes["train.epochs"] = stage.value["epochs"]
        if "set" in stage.value and _is_table(loader, stage.value["set"], f"{path}.set"):
            changes |= stage.value["set"].value
        name = (
            loader.value(stage.value["name"], f"{path}.name", str, None)
            if "name" in stage.value
            else f"stage-{index + 1}"
        )
        repeat = loader.value(stage.value["repeat"], f"{path}.repeat", int, None) if "repeat" in stage.value else 1
        table = put_all(rest, changes)
        turns = repeat if isinstance(repeat, int) else 1
        names = [f"{name}.{turn + 1}" for turn in range(turns)] if turns > 1 else [name]
        result += [(each, table, stage.value.get("reset")) for each in names]
    return result


def _load_stage(loader: Loader, name: str, tables: Given, reset: Given | None) -> Any:
    table = tables.value
    dataset = _needed(loader, tables, "dataset", DatasetSpec)
    objective = _needed(loader, tables, "objective", ObjectiveSpec)
    asked = objective.parts if isinstance(objective, ObjectiveSpec) else _guess_parts(loader, table)
    parts: dict[str, Any] = {}
    for part, hint in asked.items():
        base = slot_base(hint)
        assert base is not None, f"the part `{part}` of an objective must be typed with a spec base"
        if part in table:
            parts[part] = loader.slot(table[part], part, base, is_optional(hint))
        elif is_optional(hint):
            parts[part] = None
        else:
            loader.fault(
                tables.where,
                part,
                f"is missing; {loader.registry.component_of(objective).name if objective is not BAD else 'the objective'} asks for a {base.kind}",
            )
    for key, value in table.items():
        if key not in SETTINGS and key not in asked:
            loader.unknown(value, key, key, [*SETTINGS, *asked])
    metrics = _metrics(loader, table.get("metrics"))
    train = (
        loader.fill(Train, table["train"].value, table["train"], "train", None)
        if "train" in table and _is_table(loader, table["train"], "train")
        else Train()
    )  # type: ignore[arg-type]
    _check_watch(loader, train, metrics, table)
    loader.check_shares()
    resets = loader.value(reset, "reset", tuple[str, ...], None) if reset is not None else ()
    for path in resets if resets is not BAD else ():
        if path not in loader.slots:
            loader.fault(
                reset.where,
                "reset",
                f"there is no slot `{path}`; {close(path, loader.slots)}",
                f"the slots are {listed(loader.slots)}",
            )  # type: ignore[union-attr]
    if loader.faults:
        return BAD
    return StageSpec(
        name=name, dataset=dataset, objective=objective, parts=FrozenDict(parts), metrics=FrozenDict(metrics), train=train, reset=resets
    )  # fmt: skip


def _is_table(loader: Loader, value: Given, path: str) -> bool:
    if not value.is_table:
        loader.fault(value.where, path, f"must be a table, but is {value.plain()!r}")
    return value.is_table


def _needed(loader: Loader, tables: Given, key: str, base: Any) -> Any:
    if key not in tables.value:
        return loader.fault(tables.where, key, f"is missing; a system needs a {key}", loader.possible(base))
    return loader.slot(tables.value[key], key, base)


def _guess_parts(loader: Loader, table: Mapping[str, Given]) -> dict[str, Any]:
    """Where the objective could not be read: tables named like a kind are checked as that kind, others are let pass."""
    return {
        key: loader.registry.base(key) if key in loader.registry.kinds else Spec
        for key in table
        if key not in SETTINGS and key in loader.registry.kinds
    }


def _metrics(loader: Loader, given: Given | None) -> dict[str, Any]:
    if given is None or not _is_table(loader, given, "metrics"):
        return {}
    return {name: loader.slot(value, f"metrics.{name}", MetricSpec) for name, value in given.value.items()}


def _check_watch(loader: Loader, train: Any, metrics: Mapping[str, Any], table: Mapping[str, Given]) -> None:
    if train is BAD:
        return
    given = table["train"].at("watch") if "train" in table else None
    if train.watch is not None and train.watch.partition(".")[0] not in metrics and given is not None:
        loader.fault(
            given.where,
            "train.watch",
            f"there is no metric `{train.watch}`; {close(train.watch, metrics)}",
            f"the metrics are {listed(metrics)}",
        )
    if train.patience is not None and train.watch is None:
        loader.fault(table["train"].where, "train.patience", "needs `watch`, the metric that must get better")


def load_saved(
    registry: Registry, name: str, stages: list[dict[str, Any]], where: Where, runs: Callable[[str], Any] | None = None
) -> System:
    """Read a system back from the stages that were written of it, where every value is filled in and every name full."""
    loader = Loader(registry, f"system {name}", runs)
    loaded = []
    for stage in stages:
        parts = stage.get("parts", {})
        rest = {key: value for key, value in stage.items() if key in SETTINGS}
        table = given({**rest, **parts}, where)
        reset = given(stage["reset"], where) if stage.get("reset") else None
        loader.slots.clear()
        loader.shares.clear()
        loaded.append(_load_stage(loader, str(stage["name"]), table, reset))
    loader.finish()
    return System(name=name, stages=tuple(loaded), registry=registry)
