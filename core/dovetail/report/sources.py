"""A plugin where it is: a source folder, a wheel, or installed; and what a process of its own says of it.

Only metadata is read here: pyproject.toml, or a wheel's entry points. A plugin's code runs in a process that has it
first on its path, before whatever else is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions, entry_points
from pathlib import Path
from typing import Any

from attrs import frozen

from dovetail.errors import Mistake, close, listed
from dovetail.plugins import GROUP
from dovetail.tables import read

INSTALLED = "installed"
"""What stands for the installed distribution of the plugin that is compared with it."""


@frozen
class Source:
    """One side of a comparison, as it was asked for; what is installed has no `distribution` and no `paths` here.

    `plugins` are the installed plugins that are meant; empty where all of the distribution are.
    """

    text: str
    distribution: str = ""
    plugins: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()


def find_source(text: str, scratch: Path) -> Source:
    """The plugin at a folder or wheel, or the installed one of this name; what must be written for it is in `scratch`.

    Raises:
        Mistake: there is nothing of this name, or no plugin in it.
    """
    installed = {point.name for point in entry_points(group=GROUP)}
    if text == INSTALLED or text in installed:
        return Source(text, plugins=() if text == INSTALLED else (text,))
    path = Path(text)
    if path.is_dir():
        return _folder(text, path.resolve(), scratch)
    if path.is_file():
        return _wheel(text, path, scratch)
    guess = close(text, installed) or f"the installed plugins are {listed(installed)}"
    raise Mistake(f"`{text}` is no folder, no wheel and no installed plugin; {guess}")


def _folder(text: str, folder: Path, scratch: Path) -> Source:
    """A source folder, which is described to Python as an installed distribution is."""
    file = folder / "pyproject.toml"
    if not file.is_file():
        raise Mistake(f"{text}: has no pyproject.toml, so there is no plugin in it")
    tables = read(file)
    points = {name: point.plain() for name, point in tables.entries(f"project.entry-points.{GROUP}").items()}
    project = {key: value.plain() for key, value in tables.entries("project").items()}
    if not points or not isinstance(project.get("name"), str):
        raise Mistake(
            f"{file}: names no plugin: it needs a [project] with a `name` and [project.entry-points.{GROUP}];"
            " where a build tool writes these, build the wheel and compare that"
        )
    paths = dict.fromkeys(_parent(folder, str(point).partition(":")[0], file) for point in points.values())
    _describe(scratch, project["name"], str(project.get("version", "dynamic")), points)
    _hide_others(scratch, project["name"], points)
    return Source(text, project["name"], paths=(scratch, *paths))


def _parent(folder: Path, module: str, file: Path) -> Path:
    """The folder from which a module of a source folder is imported: `src`, the folder itself, or one right in it."""
    package = module.partition(".")[0]
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    for place in (folder / "src", folder, *inner):
        if (place / package).is_dir() or (place / f"{package}.py").is_file():
            return place
    raise Mistake(f"{file}: its entry point is in `{module}`, but there is no package `{package}` in {folder}")


def _wheel(text: str, file: Path, scratch: Path) -> Source:
    unpacked = scratch / "wheel"
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(unpacked)
    except (zipfile.BadZipFile, OSError) as error:
        raise Mistake(f"{text}: is no wheel: {error}") from error
    found = [each for each in distributions(path=[str(unpacked)]) if _points(each)]
    if not found:
        raise Mistake(f"{text}: has no plugin in it: no entry point in the group `{GROUP}`")
    name = found[0].metadata["Name"]
    _hide_others(scratch, name, _points(found[0]))
    return Source(text, name, paths=(unpacked, scratch))


def _points(distribution: Distribution) -> list[str]:
    return [point.name for point in distribution.entry_points if point.group == GROUP]


def _describe(scratch: Path, name: str, version: str, points: Mapping[str, Any]) -> None:
    """What Python finds of an installed distribution."""
    about = scratch / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    lines = "".join(f"{key} = {value}\n" for key, value in points.items())
    about.joinpath("entry_points.txt").write_text(f"[{GROUP}]\n{lines}", "utf-8")


def _hide_others(scratch: Path, name: str, points: Iterable[str]) -> None:
    """Hide what else is installed of these plugins: a distribution that had another name before."""
    owners = {point.dist.name for point in entry_points(group=GROUP) if point.dist and point.name in points}
    for owner in owners - {name, "dovetail"}:
        if owner.lower().replace("_", "-") != name.lower().replace("_", "-"):
            _describe(scratch, owner, "0", {})


def look(source: Source, request: Mapping[str, Any]) -> dict[str, Any]:
    """What `dovetail.report.inventory` says of a source in a process of its own; raises `Mistake` with its reason."""
    before = [str(path) for path in source.paths]
    path = [*before, *filter(None, [os.environ.get("PYTHONPATH")])]
    asked = {"distribution": source.distribution, "plugins": source.plugins, **request}
    done = subprocess.run(  # noqa: S603 (this interpreter)
        [sys.executable, "-P", "-m", "dovetail.report.inventory", json.dumps(asked)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        last = "\n    ".join(_last(done.stderr.splitlines()))
        raise Mistake(f"{source.text}: cannot be looked at: exit status {done.returncode}\n    {last}") from error
    if "error" in found:
        raise Mistake(f"{source.text}: {found['error']}")
    return found


def _last(lines: list[str]) -> Iterator[str]:
    yield from [line for line in lines if line.strip()][-3:]
