"""What a plugin must do as a package: listing it is light, its names resolve, its wheel and its sdist have them all.

Asked of a plugin as a whole, in clean processes: this interpreter, the same path, another folder and environment.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from functools import cache, cached_property, partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from attrs import frozen

from dovetail.errors import Mistake, close, listed, unknown
from dovetail.hooks import API
from dovetail.plugins import GROUP, Plugin
from dovetail.registries import Registry, registry
from dovetail.tables import Given
from dovetail.testing.clean import in_clean_process
from dovetail.testing.kit import CHECKS, Broken, Nonconformance, Result, check, documentation, judge, spell

PACKAGE = documentation("Writing a plugin", "The package")
REGISTRY = documentation("Writing a plugin", "The registry")
HEAVY = ("torch", "numpy", "lightning_fabric")
"""What listing must not import."""
SHARE = 0.2
"""Of the time to import torch: what listing a plugin may cost."""

LIST = f"""
import json, sys, time
import typer
from dovetail.plugins import Behaviour, find_plugins
mine, others = sys.argv[1], sys.argv[2:]

def seconds(off):
    began = time.process_time()
    found = find_plugins(off)
    Behaviour(found).call("dovetail_commands", app=typer.Typer())
    return time.process_time() - began, found

seconds([mine, *others])
bare, _ = seconds([mine, *others])
taken, found = seconds(others)
heavy = sorted({{*sys.modules}} & {{*{HEAVY}}})
(plugin,) = [plugin for plugin in found if plugin.name not in ("core", *others) and plugin.state != "disabled"]
print(json.dumps({{"state": plugin.state, "reason": plugin.reason, "heavy": heavy, "seconds": taken - bare}}))
"""
TORCH = """
import time
began = time.process_time()
import torch
print(time.process_time() - began)
"""
NAMES = re.compile(r"systems\.[^.]+\.extends|grids\.[^.]+\.base|.*\.use")
"""Where a system or a grid names another, or a component."""
RESOLVE = """
import json, sys
from dovetail.testing.packaging import unresolved
print(json.dumps(unresolved(sys.argv[1])))
"""
BUILD = """
import sys
from importlib import import_module
_, what, folder, backend, *path = sys.argv
sys.path[:0] = path
module, _, inner = backend.partition(":")
made = import_module(module)
for name in filter(None, inner.split(".")):
    made = getattr(made, name)
print("built", getattr(made, "build_" + what)(folder))
"""


@frozen(slots=False, eq=False)
class Package:
    """A plugin as it is installed."""

    plugin: Plugin

    def __str__(self) -> str:
        return f"plugin {self.plugin.name}"

    @cached_property
    def entry(self) -> EntryPoint:
        """The entry point that it was loaded from."""
        module = getattr(self.plugin.module, "__name__", None)
        found = [point for point in entry_points(group=GROUP) if _owner(point) == self.plugin.distribution]
        return next(point for point in found if point.value == module or point.name == self.plugin.name)

    @cached_property
    def listing(self) -> dict[str, Any]:
        """What it costs to find and load the plugin, all others switched off, in a clean process."""
        others = {point.name for point in entry_points(group=GROUP)} - {self.entry.name}
        found: dict[str, Any] = json.loads(in_clean_process(LIST, self.entry.name, *sorted(others)))
        return found

    @cached_property
    def source(self) -> Path | None:
        """Its source folder, where it is installed from one to be edited."""
        url = json.loads((self.entry.dist.read_text("direct_url.json") if self.entry.dist else None) or "{}")
        if not url.get("dir_info", {}).get("editable"):
            return None
        folder = Path(url2pathname(urlparse(url["url"]).path))
        return folder if (folder / "pyproject.toml").is_file() else None

    @cached_property
    def backend(self) -> tuple[str, ...]:
        """What builds it: `module:object`, and the folders to find it in; nothing where it is not to be had here."""
        if self.source is None:
            return ()
        about = tomllib.loads((self.source / "pyproject.toml").read_text(encoding="utf-8")).get("build-system", {})
        name = about.get("build-backend", "setuptools.build_meta:__legacy__")
        path = [str(self.source / folder) for folder in about.get("backend-path", ())]
        return (name, *path) if path or find_spec(name.partition(":")[0].partition(".")[0]) else ()

    @cached_property
    def registry(self) -> tuple[str, bytes]:
        """Its registry.toml: where it is below the folder that its packages are in, and its content."""
        module = self.plugin.module
        file, top = Path(module.dovetail_registry()).resolve(), Path(module.__file__).resolve()
        for _ in module.__name__.split("."):
            top = top.parent
        return file.relative_to(top).as_posix(), file.read_bytes()

    def build(self, what: str, source: Path, folder: Path) -> Path:
        """The wheel or the sdist that the backend makes of a source folder."""
        last = in_clean_process(BUILD, what, str(folder), *self.backend, place=source).strip().splitlines()[-1]
        return folder / last.removeprefix("built ")


def _owner(point: EntryPoint) -> str:
    return point.dist.name if isinstance(point.dist, Distribution) else "unknown"


@cache
def _torch_seconds() -> float:
    return float(in_clean_process(TORCH))


@check(
    "plugin",
    reason="a plugin for another interface is listed, and left out",
    source=REGISTRY,
)
def interface(package: Package) -> None:
    """Its `api` is the number of this plugin interface, and it is ready, here and in a clean process."""
    plugin = package.plugin
    if plugin.state != "ready":
        raise Broken(f"is {plugin.state}: {plugin.reason}")
    if plugin.about("api") != API:
        raise Broken(f"its registry.toml says `api = {plugin.about('api')}`, and this is {API}")
    if package.listing["state"] != "ready":
        raise Broken(f"is {package.listing['state']} in a clean process: {package.listing['reason']}")


@check(
    "plugin",
    reason="every command lists the plugins first: whoever installs yours waits for it each time",
    source=PACKAGE,
    after=("interface",),
)
def light_listing(package: Package) -> None:
    """Listing imports neither torch nor NumPy, and costs at most a fifth of importing torch."""
    found = package.listing
    if found["heavy"]:
        raise Broken(
            f"listing it imports {listed(found['heavy'])}: import it where it is used, not in {package.entry.value}"
        )
    if found["seconds"] > SHARE * _torch_seconds():
        raise Broken(f"listing it takes {found['seconds']:.2f} s, where importing torch takes {_torch_seconds():.2f} s")


@check(
    "plugin",
    reason="a name that resolves to nothing is found by whoever uses it",
    source=REGISTRY,
    after=("interface",),
)
def names_resolve(package: Package) -> None:
    """Every spec, kind, space and component that its registry.toml names is there, in a clean process."""
    if wrong := json.loads(in_clean_process(RESOLVE, package.plugin.name)):
        raise Broken("; ".join(wrong))


def unresolved(name: str) -> list[str]:
    """What a plugin's registry.toml names and is not there."""
    names = registry()
    tables = next(plugin for plugin in names.plugins if plugin.name == name).tables
    own = [component for component in names.components.values() if component.plugin == name]
    loads: dict[str, Callable[[], Any]] = {f"{c.kind}.{c.short}.spec": c.load for c in own}
    loads |= {f"kinds.{kind}": partial(names.base, kind) for kind in tables.entries("kinds")}
    loads |= {f"spaces.{space}": partial(names.space, space) for space in tables.entries("spaces")}
    wrong = []
    for path, load in loads.items():
        try:
            load()
        except Mistake as error:
            place = tables.at(path)
            assert place is not None, "its registry names it"
            wrong.append(f"{place.where}: {error}")
    return [*wrong, *_unknown_names(names, tables)]


def _unknown_names(names: Registry, tables: Given) -> list[str]:
    """What systems and grids name: components after `use` or with a plugin's name before a slash, and bases."""
    known = {full for _, full in names.components} | {*names.systems, *names.grids} | {"core/none"}
    plugins = {plugin.name for plugin in names.plugins}
    wrong = []

    def look(given: Given, path: str) -> None:
        value = given.value
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                look(item, f"{path}.{key}")
        elif isinstance(value, str):
            plugin, slash, rest = value.partition("/")
            named = NAMES.fullmatch(path) or (slash and plugin in plugins and " " not in rest)
            if named and value not in known:
                wrong.append(f"{given.where}: {path}: nothing is named `{value}`; {close(value, known)}".rstrip("; "))

    for table in ("systems", "grids"):
        for name, entry in tables.entries(table).items():
            look(entry, f"{table}.{name}")
    return wrong


def is_built_here(package: Package) -> bool:
    return bool(package.backend)


WANTS = "a source folder that is installed to be edited, and its build backend in this environment"


@check(
    "plugin",
    reason="who packages for a distribution builds from the sdist",
    source=PACKAGE,
    after=("interface",),
    applies=is_built_here,
    wants=WANTS,
)
def sdist(package: Package) -> None:
    """Its sdist has its registry.toml."""
    name, content = package.registry
    with tempfile.TemporaryDirectory() as folder:
        _, members = _sdist(package, Path(folder))
        found = [file for file in members if file.as_posix().endswith(f"/{name}")]
        if not found:
            raise Broken(f"the sdist has no {name}: include it in pyproject.toml")
        if found[0].read_bytes() != content:
            raise Broken(f"the sdist has another {name} than is installed")


@check(
    "plugin",
    reason="tests run in the checkout, people install the wheel",
    source=PACKAGE,
    after=("sdist",),
    applies=is_built_here,
    wants=WANTS,
)
def wheel(package: Package) -> None:
    """The wheel that is built from the sdist has its registry.toml, its entry point and the modules that both name."""
    name, content = package.registry
    with tempfile.TemporaryDirectory() as folder:
        root, _ = _sdist(package, Path(folder))
        with zipfile.ZipFile(package.build("wheel", root, Path(folder))) as archive:
            members = {*archive.namelist()}
            points = "".join(archive.read(file).decode() for file in members if file.endswith("entry_points.txt"))
            if name not in members:
                raise Broken(f"the wheel has no {name}: include it in pyproject.toml")
            if archive.read(name) != content:
                raise Broken(f"the wheel has another {name} than is installed")
    if package.entry.value not in points:
        raise Broken(f"the wheel has no entry point `{package.entry.value}` in the group `{GROUP}`")
    own = package.entry.value.partition(".")[0]
    modules = sorted(module for module in _modules(package) if module.partition(".")[0] == own)
    if missing := [module for module in modules if not _has_module(members, module)]:
        raise Broken(f"the wheel does not have {listed(missing)}, which the plugin names")


def _modules(package: Package) -> set[str]:
    """The modules that its entry point and its registry.toml name."""
    tables = package.plugin.tables.plain()
    places = [package.entry.value, tables["plugin"].get("examples", "")]
    places += [place for table in ("kinds", "spaces") for place in tables.get(table, {}).values()]
    places += [entry["spec"] for kind in tables.values() for entry in kind.values() if _is_component(entry)]
    return {place.partition(":")[0] for place in places if place}


def _is_component(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("spec"), str)


def _has_module(members: set[str], module: str) -> bool:
    path = module.replace(".", "/")
    return any(file in members for file in (f"{path}.py", f"{path}/__init__.py"))


def _sdist(package: Package, folder: Path) -> tuple[Path, list[Path]]:
    """The sdist, built and unpacked: its one folder, and the files in it."""
    assert package.source is not None, "the check applies where there is a source folder"
    with tarfile.open(package.build("sdist", package.source, folder)) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (root,) = (folder / "unpacked").iterdir()
    return root, [file for file in root.rglob("*") if file.is_file()]


def examine_package(plugin: Plugin, only: str | None = None) -> list[Result]:
    """Run the checks of a plugin as a whole, or one of them with those that it comes after."""
    wanted = [found for found in CHECKS.values() if "plugin" in found.kinds]
    if only is not None and only not in {found.name for found in wanted}:
        return []
    package = Package(plugin)
    return judge(wanted, package, [package], {}, only)


def check_package(name: str) -> list[Result]:
    """Run every check of a plugin as a whole: `check_package("my-plugin")`.

    Raises:
        Nonconformance: one failed; the message has each with its reason and source.
        Mistake: there is no such plugin.
    """
    results = examine_package(named(registry(), name))
    if faults := [spell(result) for result in results if not result.good]:
        raise Nonconformance("\n".join(faults))
    return results


def named(names: Registry, name: str) -> Plugin:
    """The plugin of this name, whatever became of it; raises `Mistake`."""
    found = {plugin.name: plugin for plugin in names.plugins if plugin.name != "core"}
    if name not in found:
        raise Mistake(unknown("plugin", name, sorted(found)))
    return found[name]
