"""What plugins bring, and what the runs of the grids are known by with them: as JSON, from a process of its own.

`python -m dovetail.report.inventory REQUEST` prints it; `dovetail.report.sources` asks and reads the answer.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from dovetail.bench import Bench, Store
from dovetail.bench.grids import Arm, Grid, load_grid, single
from dovetail.bench.identity import canonical_spec, versions
from dovetail.bench.store import FinishedRun
from dovetail.bench.trials import Searched, searches
from dovetail.errors import DovetailError, Faults, Mistake, listed
from dovetail.interfaces import Spec
from dovetail.plugins import Plugin, find_plugins
from dovetail.registries import Registry
from dovetail.registries import registry as make_registry
from dovetail.report.describe import FieldDoc, describe_fields
from dovetail.systems import System

COUNTS = {True: "always", False: "never"}
"""Whether a hyperparameter counts in a run's key, by what its metadata say of `identity`."""


def inventory(
    distribution: str, plugins: list[str], workspace: str | None, disable: list[str], store: str
) -> dict[str, Any]:
    """What these plugins bring, and what becomes of the workspace's runs with them.

    Args:
        distribution: whose plugins they are; where it is empty, `plugins` names them.
        plugins: installed plugins by name.
        workspace: the registry.toml whose grids are read; None for those of the plugins alone.
        disable: plugins that are switched off.
        store: the folder of runs.

    Raises:
        Mistake: there are no such plugins, or one of them is not ready.
    """
    registry = Registry(find_plugins(disable))
    chosen = [
        plugin
        for plugin in registry.plugins
        if (plugin.distribution == distribution if distribution else plugin.name in plugins)
    ]
    if not chosen:
        raise Mistake(f"the plugin {listed(plugins)} is not installed" if plugins else "has no plugin in it")
    for plugin in chosen:
        if plugin.state != "ready":
            raise Mistake(f"the plugin `{plugin.name}` is {plugin.state}: {plugin.reason}")
    names = {plugin.name for plugin in chosen}
    found = {**_brought(registry, chosen), "unread": "", "grids": {}, "systems": {}, "runs": {}}
    try:
        bench = Bench(make_registry(workspace, disable), Store(store))
    except Mistake as error:
        return {**found, "unread": _words(error)}
    asked = {"grids": _grids, "systems": _systems, "runs": _stored}
    return {**found, **{what: answer(bench, names) for what, answer in asked.items()}}


# ------------------------------------------------------------------------------------------------------ what it brings


def _brought(registry: Registry, chosen: list[Plugin]) -> dict[str, Any]:
    names = {plugin.name for plugin in chosen}
    components = {
        str(component): {
            "version": component.version,
            "deprecated": component.deprecated,
            "summary": component.summary,
            "takes": {
                name: listed(each.__name__ for each in spaces) for name, spaces in component.load().takes.items()
            },
            "fields": _fields(component.load(), registry),
        }
        for component in registry.components.values()
        if component.plugin in names
    }
    kinds = {
        name: {"build": _signature(registry.base(name)), "fields": _fields(registry.base(name), registry)}
        for plugin in chosen
        for name in plugin.tables.entries("kinds")
    }
    spaces = {
        name: {"fields": _fields(registry.space(name), registry)}
        for plugin in chosen
        for name in plugin.tables.entries("spaces")
    }
    systems, grids = (
        [f"{plugin.name}/{name}" for plugin in chosen for name in plugin.tables.entries(what)]
        for what in ("systems", "grids")
    )
    about = {plugin.name: {"distribution": plugin.distribution, "version": plugin.version} for plugin in chosen}
    return {"plugins": about, "components": components, "kinds": kinds, "spaces": spaces,
            "declared": {"system": systems, "grid": grids}}  # fmt: skip


def _fields(cls: type, registry: Registry) -> dict[str, dict[str, str]]:
    """The fields of a class by name: type, default, range, and whether they count in a run's key."""
    if not attrs.has(cls):
        return {}
    metadata = {attribute.name: attribute.metadata for attribute in attrs.fields(cls)}

    def about(field: FieldDoc) -> dict[str, str]:
        counts = COUNTS.get(metadata[field.name].get("identity", True), "as a function of the spec")
        if counts == "always" and metadata[field.name].get("added", False):
            counts = "where it is not at its default"
        return {"type": field.type, "default": field.default, "range": field.range, "counts": counts}

    return {field.name: about(field) for field in describe_fields(cls, registry)}


def _signature(base: type[Spec]) -> str:
    return str(inspect.signature(base.build)).replace("'", "")


# --------------------------------------------------------------------------------------------------- what becomes of it


def _grids(bench: Bench, names: set[str]) -> dict[str, Any]:
    """Each grid that has to do with the plugins, or why it cannot be read."""
    return _read(bench.registry.grids, lambda name: load_grid(bench.registry, name, bench.checker), bench, names)


def _systems(bench: Bench, names: set[str]) -> dict[str, Any]:
    """Each system that has to do with the plugins and has stored runs, with their seeds; or why it cannot be read."""
    registry, about = bench.registry, bench.store.index.about().values()
    seeds = {name: sorted({run["seed"] for run in about if run["name"] == name}) for name in registry.systems}

    def read(name: str) -> Grid:
        return single(name, registry.system(name, runs=bench.checker.runs), tuple(seeds[name]))

    return _read([name for name in registry.systems if seeds[name]], read, bench, names)


def _read(entries: Iterable[str], read: Callable[[str], Grid], bench: Bench, names: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in entries:
        try:
            grid = read(name)
            if name.partition("/")[0] in names or _concerns(grid, bench.registry, names):
                searched = searches(grid, bench)
                trained = {arm: _trained(grid, arm, searched.get(arm)) for arm in grid.arms}
                found[name] = {"arms": {arm.name: _arm(arm, systems, bench) for arm, systems in trained.items()}}
        except DovetailError as error:
            found[name] = {"error": _words(error)}
    return found


def _concerns(grid: Grid, registry: Registry, names: set[str]) -> bool:
    """Whether an arm has a component of the plugins, or is of a system of theirs or of one that extends such."""
    used = {name.partition(" ")[2].partition("/")[0] for arm in grid.arms for name in versions(arm.system)}
    systems = {name for arm in grid.arms for name in _chain(registry, arm.system.name)}
    return bool(names & (used | {name.partition("/")[0] for name in systems}))


def _chain(registry: Registry, name: str) -> Iterator[str]:
    """A system and those that it extends."""
    full, table = registry.named("systems", name)
    yield full
    if (parent := table.at("extends")) is not None:
        yield from _chain(registry, str(parent.value))


def _trained(grid: Grid, arm: Arm, search: Searched | None) -> dict[int, System]:
    """The system that is trained with each seed: of an arm that is searched, its trials and its winner."""
    if search is None:
        return dict.fromkeys(grid.seeds, arm.system)
    again = dict.fromkeys(grid.seeds, search.winner.system) if search.winner else {}
    return {trial.outcome.seed: trial.system for trial in search.trials} | again


def _arm(arm: Arm, systems: Mapping[int, System], bench: Bench) -> dict[str, Any]:
    """The key and the identity of each seed, what they are made of, and the values that count."""
    system = arm.system
    identities = {seed: bench.identify(each, seed) for seed, each in systems.items()}
    values: dict[str, Any] = {}
    for stage, table in zip(system.stages, canonical_spec(system), strict=True):
        at = f"{stage.name}: " if len(system.stages) > 1 else ""
        data = bench.checker.dataset(stage.dataset).fingerprint
        parts = table.pop("parts")
        values |= {at + path: value for path, value in _flat({**table, **parts, "data": data}, "")}
    return {
        "system": system.name,
        "made_of": next(iter(identities.values())).made_of,
        "values": values,
        "seeds": {seed: [each.key, each.identity] for seed, each in identities.items()},
    }


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The values in tables and lists, by path."""
    if isinstance(value, dict | list | tuple):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(item, f"{path}.{name}".lstrip("."))
    else:
        yield path, value


def _stored(bench: Bench, names: set[str]) -> dict[str, str]:
    """Why a finished run with a component of the plugins cannot be read back; empty where it can."""
    found = {}
    for folder in bench.store.runs():
        if folder.state() != "finished":
            continue
        if names & {name.partition(" ")[2].partition("/")[0] for name in folder.versions()}:
            found[folder.name] = _unreadable(FinishedRun(folder, bench.registry, bench.store))
    return found


def _unreadable(run: FinishedRun) -> str:
    try:
        _ = run.system
    except DovetailError as error:
        return _words(error)
    return ""


def _words(error: DovetailError) -> str:
    """What is wrong, without the files that say so, which differ from side to side."""
    if isinstance(error, Faults):
        return "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults)
    return str(error)


def main() -> None:
    """Print the answer alone: whatever a plugin prints goes to standard error."""
    warnings.filterwarnings("ignore")
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        found = inventory(**json.loads(sys.argv[1]))
    except DovetailError as error:
        found = {"error": str(error)}
    with os.fdopen(answer, "w", encoding="utf-8") as opened:
        json.dump(found, opened)


if __name__ == "__main__":
    main()
