"""What an upgrade of a plugin changes: what it brings, and which runs of the store it makes stale or missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve, frozen

from dovetail.bench.identity import Identity
from dovetail.bench.store import Store
from dovetail.errors import Mistake, listed
from dovetail.report.sources import INSTALLED, Source, find_source, look

ABSENT = "not in the grid"
"""The state of a run whose arm the grid has with one side only."""

Side = Mapping[str, Any]
"""An answer of `dovetail.report.inventory`, or a part of it."""


@frozen
class Change:
    """One thing that is different. `subject` is what it is of: `cell my-plugin/mgu`."""

    subject: str
    text: str


@frozen
class Fate:
    """What becomes of runs of a grid: their state in the store with the old plugin, with the new one, and why.

    `runs` are the seeds by arm. Where both states are `missing`, the run is not stored, and is another from now on.
    """

    before: str
    after: str
    why: tuple[str, ...]
    runs: dict[str, list[int]]


@frozen
class GridChange:
    """What an upgrade does to a grid: the fates of the runs that change, and how many stay as they are.

    `unread` says why it cannot be read with one of the sides.
    """

    name: str
    arms: int = 0
    seeds: int = 0
    kept: int = 0
    fates: tuple[Fate, ...] = ()
    unread: str = ""


@frozen
class Upgrade:
    """What is different between two sides of a plugin.

    plugins: the distribution and the versions of each.
    changes: in what they bring.
    grids: those that change; a system of which single runs are stored is among them.
    same: the names of the others that have to do with the plugins.
    unread: the names of those that can be read with neither side.
    lost: finished runs that could be read back before and cannot any more, by the reason.
    workspace: why it cannot be read with one of the sides, so that nothing of it is compared.
    """

    plugins: dict[str, str]
    changes: tuple[Change, ...]
    grids: tuple[GridChange, ...]
    same: tuple[str, ...]
    unread: tuple[str, ...]
    lost: dict[str, list[str]]
    workspace: str = ""


def compare_sources(old: str, new: str, workspace: Path | None, disable: Collection[str], store: Store) -> Upgrade:
    """Compare two sides of a plugin, each a source folder, a wheel, an installed plugin's name, or `installed`.

    Each side is looked at in a process of its own. Raises `Mistake` where one is no plugin, or a broken one.
    """
    file = str(workspace.absolute()) if workspace else None
    request = {"workspace": file, "disable": [*disable], "store": str(store.path.absolute())}
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        first, second = find_source(old, Path(one)), find_source(new, Path(other))
        if not first.distribution and not second.distribution:
            raise Mistake(
                f"`{old}` and `{new}` are both what is installed; compare a folder (./{new}) or a wheel with it"
            )
        if first.distribution:
            before = look(first, request)
            return compare(before, look(_beside(second, before), request), store)
        after = look(second, request)
        return compare(look(_beside(first, after), request), after, store)


def _beside(source: Source, other: Side) -> Source:
    """The source; where it is `installed`, those of the other side's plugins."""
    return evolve(source, plugins=tuple(other["plugins"])) if source.text == INSTALLED else source


def compare(old: Side, new: Side, store: Store) -> Upgrade:
    """What is different between two answers of `dovetail.report.inventory`; the states of runs are the store's."""
    if not old["plugins"].keys() & new["plugins"].keys():
        raise Mistake(f"these are different plugins: {listed(old['plugins'])} and {listed(new['plugins'])}")
    plugins = {name: _versions(name, old, new) for name in sorted({*old["plugins"], *new["plugins"]})}
    changes = tuple(_changes(old, new))
    for side, words in ((old, "old"), (new, "new")):
        if side["unread"]:
            return Upgrade(plugins, changes, (), (), (), {}, f"with the {words} plugin: {side['unread']}")
    found = dict(_becomes(old, new, store))
    changed = tuple(grid for grid in found.values() if grid and (grid.fates or grid.unread))
    unread = tuple(name for name, grid in found.items() if grid is None)
    same = tuple(name for name, grid in found.items() if grid and not (grid.fates or grid.unread))
    return Upgrade(plugins, changes, changed, same, unread, _lost(old["runs"], new["runs"]))


def _versions(name: str, old: Side, new: Side) -> str:
    """`dovetail-mgu 0.1.0 → 0.2.0`."""
    before, after = old["plugins"].get(name), new["plugins"].get(name)
    if before is None or after is None:
        about = before or after
        return f"{about['distribution']} {about['version']}, only in the {'new' if before is None else 'old'}"
    renamed = f"{after['distribution']} " if after["distribution"] != before["distribution"] else ""
    return f"{before['distribution']} {before['version']} → {renamed}{after['version']}"


# --------------------------------------------------------------------------------------------------- what they bring


def _changes(old: Side, new: Side) -> Iterator[Change]:
    for subject, before, after in _pairs(old["components"], new["components"]):
        if before is None:
            yield Change(subject, f"added, version {after['version']}")
        elif after is None:
            yield Change(subject, "removed")
        else:
            yield from (Change(subject, text) for text in _of_component(before, after))
    for what in ("kind", "space"):
        for name, before, after in _pairs(old[f"{what}s"], new[f"{what}s"]):
            if before is None or after is None:
                yield Change(f"{what} {name}", "added" if before is None else "removed")
                continue
            if before.get("build") != after.get("build"):
                yield Change(f"{what} {name}", f"build{before['build']} → build{after['build']}")
            yield from (Change(f"{what} {name}", text) for text in _of_fields(before["fields"], after["fields"]))
    for what in ("system", "grid"):
        for name, before, after in _pairs(*(dict.fromkeys(side["declared"][what], True) for side in (old, new))):
            if before != after:
                yield Change(f"{what} {name}", "added" if before is None else "removed")


def _pairs(old: Side, new: Side) -> Iterator[tuple[str, Any, Any]]:
    """Each name with what it stands for on both sides, None where there is nothing."""
    for name in sorted({*old, *new}):
        yield name, old.get(name), new.get(name)


def _of_component(before: Side, after: Side) -> Iterator[str]:
    if before["version"] != after["version"]:
        lower = ", which is lower" if after["version"] < before["version"] else ""
        yield f"version {before['version']} → {after['version']}{lower}"
    if before["deprecated"] != after["deprecated"]:
        yield f"deprecated: use {after['deprecated']}" if after["deprecated"] else "no longer deprecated"
    for argument, was, now in _pairs(before["takes"], after["takes"]):
        if was != now:
            yield f"takes as `{argument}`: {was or 'anything'} → {now or 'anything'}"
    yield from _of_fields(before["fields"], after["fields"])


def _of_fields(old: Side, new: Side) -> Iterator[str]:
    for name, before, after in _pairs(old, new):
        if after is None:
            yield f"`{name}` removed"
        elif before is None:
            default = f"default {after['default']}" if after["default"] else "required"
            limits = f" in {after['range']}" if after["range"] else ""
            yield f"`{name}` added: {after['type']}{limits}, {default}; counts {after['counts']}"
        else:
            nothing = {"default": "required", "range": "any"}
            for what in ("type", "range", "default", "counts"):
                if before[what] != after[what]:
                    was, now = (each[what] or nothing[what] for each in (before, after))
                    yield f"`{name}` {what}: {was} → {now}"


# ------------------------------------------------------------------------------------------------- what becomes of runs


@frozen
class _Run:
    """One run of a grid as one side knows it: what it is known by, and the values that count."""

    system: str
    seed: int
    identity: Identity
    values: dict[str, Any]

    def state(self, store: Store) -> str:
        return store.status(store.folder(self.system, self.seed, self.identity.key), self.identity)[0]


_Runs = dict[tuple[str, int], _Run]


def _read(grids: Side, name: str) -> _Runs | str:
    """The runs of a grid by arm and seed, or why it cannot be read; none where it is not the plugins'."""
    grid = grids.get(name, {"arms": {}})
    if "error" in grid:
        return str(grid["error"])
    return {
        (name, int(seed)): _Run(arm["system"], int(seed), Identity(key, identity, arm["made_of"]), arm["values"])
        for name, arm in grid["arms"].items()
        for seed, (key, identity) in arm["seeds"].items()
    }


def _becomes(old: Side, new: Side, store: Store) -> Iterator[tuple[str, GridChange | None]]:
    """What becomes of each grid, and of a system's stored runs of no grid; None for what neither side reads."""
    counted: set[str] = set()
    for name in sorted({*old["grids"], *new["grids"]}):
        before, after = _read(old["grids"], name), _read(new["grids"], name)
        counted |= {run.identity.key for run in before.values()} if isinstance(before, dict) else set()
        yield f"grid {name}", _compare_runs(f"grid {name}", before, after, store)
    for name in sorted({*old["systems"], *new["systems"]}):
        before, after = _read(old["systems"], name), _read(new["systems"], name)
        if isinstance(before, dict):
            alone = {at: run for at, run in before.items() if run.identity.key not in counted}
            before = {at: run for at, run in alone.items() if run.state(store) != "missing"}
            after = {at: run for at, run in after.items() if at in before} if isinstance(after, dict) else after
        if before:
            yield f"system {name}", _compare_runs(f"system {name}", before, after, store)


def _compare_runs(name: str, before: _Runs | str, after: _Runs | str, store: Store) -> GridChange | None:
    if isinstance(before, str):
        return (
            None
            if isinstance(after, str)
            else GridChange(name, unread=f"could not be read with the old plugin: {before}")
        )
    if isinstance(after, str):
        return GridChange(name, unread=f"cannot be read with the new plugin: {after}")
    fates: dict[tuple[str, str, tuple[str, ...]], dict[str, list[int]]] = {}
    kept = 0
    for arm, seed in dict.fromkeys([*before, *after]):
        one, two = before.get((arm, seed)), after.get((arm, seed))
        was, becomes = (run.state(store) if run else ABSENT for run in (one, two))
        if one and two and (one.identity.identity == two.identity.identity or was == becomes != "missing"):
            kept += 1
        elif (one and two) or not {was, becomes} <= {ABSENT, "missing"}:
            why = _why(one, two) if one and two else ()
            fates.setdefault((was, becomes, why), {}).setdefault(arm, []).append(seed)
    arms, seeds = ({place[index] for place in before or after} for index in (0, 1))
    return GridChange(name, len(arms), len(seeds), kept, tuple(Fate(*about, runs) for about, runs in fates.items()))


def _why(one: _Run, two: _Run) -> tuple[str, ...]:
    """The values that differ; where none does, the versions."""
    if one.identity.key == two.identity.key:
        return tuple(two.identity.changes(one.identity.made_of))
    pairs = _pairs(one.values, two.values)
    return tuple(f"{path}: {_spelt(was)} → {_spelt(now)}" for path, was, now in pairs if was != now)


def _spelt(value: Any) -> str:
    return "absent" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _lost(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[str]]:
    """The runs that only the old side can read back, by what the new one says of them."""
    lost: dict[str, list[str]] = {}
    for name, before, reason in _pairs(old, new):
        if reason and before == "":
            lost.setdefault(reason, []).append(name)
    return lost
