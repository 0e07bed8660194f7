"""New plugins and components from templates: what they may be called, where they go, and their files.

The templates are plain files, `templates/plugin/**` and `templates/component/KIND/*`, whose `$words` are filled in.
Every file is written whole or not at all, and all of them are written aside before the first is put in its place.
"""

from __future__ import annotations

import ast
import json
import keyword
import os
import re
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from string import Template

from attrs import frozen

from dovetail import __version__
from dovetail.bibliography import FILE, read_references
from dovetail.errors import Mistake, a, listed, unknown
from dovetail.hooks import API
from dovetail.plugins import GROUP
from dovetail.positions import key_lines
from dovetail.registries import RESERVED, Registry
from dovetail.tables import read

TEMPLATES = Path(__file__).with_name("templates")
SUFFIX = ".template"
PREFIX = "dovetail-"
"""What a plugin's distribution is called, before its name."""
FIRST = "cell/mgu"
"""The kind and the name of the component that a new plugin has where no other is asked for."""
SLOTS = {
    "cell": "encoder.cell",
    "dataset": "dataset",
    "discriminator": "discriminator",
    "encoder": "encoder",
    "generator": "generator",
    "metric": "metrics.NAME",
    "objective": "objective",
    "optimizer": "objective.optimizer",
    "schedule": "objective.optimizer.lr",
}
"""Where most systems have a component of a kind."""
SECTION = f"\n# {'-' * 100} systems and grids\n\n"
WIDTH = 120
NEXT = "\n\n"
"""Where the first paragraph of a docstring ends."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEY = re.compile(r"[A-Za-z][\w:.+-]*")


def template_kinds() -> list[str]:
    """The kinds that there is a template for."""
    return sorted(folder.name for folder in (TEMPLATES / "component").iterdir() if folder.is_dir())


# ---------------------------------------------------------------------------------------------------------------- names


def check_name(what: str, name: str) -> None:
    """That a plugin's or a component's name can be one; raises `Mistake` with one that is close and can."""
    if _NAME.fullmatch(name):
        return
    guess = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-")
    guess = guess.lstrip("-0123456789")
    suggestion = f"; did you mean `{guess}`?" if guess else ""
    rule = "must be lower-case letters and digits in words joined by dashes, the first a letter"
    raise Mistake(f"a {what}'s name {rule}, but is {name!r}{suggestion}")


def check_plugin_name(name: str, registry: Registry) -> None:
    """That a new plugin can have this name; raises `Mistake`."""
    check_name("plugin", name)
    if name.startswith(PREFIX):
        rule = f"must not begin with `{PREFIX}`, which its package's name adds"
        raise Mistake(f"a plugin's name {rule}; did you mean `{name.removeprefix(PREFIX)}`?")
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise Mistake(f"`{name}` is a word of Python's; did you mean `my-{name}`?")
    if module in sys.stdlib_module_names:
        raise Mistake(f"`{name}` is a module of Python's own; did you mean `my-{name}`?")
    if taken := next((plugin for plugin in registry.plugins if plugin.name == name), None):
        raise Mistake(
            f"the name `{name}` is taken by a plugin that is installed, of the distribution {taken.distribution}"
        )
    if owners := packages_distributions().get(module):
        raise Mistake(
            f"`{name}` is a package of the distribution {owners[0]}, which is installed; did you mean `my-{name}`?"
        )
    if find_spec(package_of(name)) is not None:
        raise Mistake(f"the name `{name}` is taken: a package `{package_of(name)}` is installed")


def package_of(plugin: str) -> str:
    """The package of a new plugin."""
    return f"{PREFIX}{plugin}".replace("-", "_")


def check_component_name(kind: str, name: str) -> None:
    """That a new component can have this name; raises `Mistake`."""
    check_name("component", name)
    if keyword.iskeyword(name):
        raise Mistake(f"`{name}` is a word of Python's, and its module could not be imported; {_other(name, kind)}")
    if name in template_kinds():
        raise Mistake(f"`{name}` is a kind, whose spec base its own class would hide; {_other(name, kind)}")


def first_component(text: str, registry: Registry) -> tuple[str, str]:
    """The kind and the name that `KIND/NAME` means as the first component of a plugin; raises `Mistake`."""
    kind, slash, name = text.partition("/")
    check_kind(kind, registry)
    if not slash:
        raise Mistake(f"a component is given by its kind and its name, like `{kind}/my-{kind}`")
    check_component_name(kind, name)
    if name in ("plugin", "examples", "conformance"):
        raise Mistake(f"every plugin has a module or a test `{name}`; {_other(name, kind)}")
    return kind, name


@frozen
class About:
    """What is said of a component in place of what its template says; None is the template's, and an empty paper none.

    Args:
        summary: one line, for the registry and the module.
        paper: a key of the plugin's references.
    """

    summary: str | None = None
    paper: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.summary is not None and not (self.summary.strip() and self.summary.isprintable()):
            raise Mistake(f"a summary must be one line of text, but is {self.summary!r}")
        if self.paper and not _KEY.fullmatch(self.paper):
            raise Mistake(f"a paper is named by its key in {FILE}, like `zhou2016mgu`, but is {self.paper!r}")


def _other(name: str, kind: str) -> str:
    return f"did you mean `my-{name}`?" if name == kind else f"did you mean `{name}-{kind}`?"


def check_kind(kind: str, registry: Registry) -> None:
    """That there is a template for the kind; raises `Mistake`, which says what to go by where a plugin defines it."""
    kinds = template_kinds()
    if kind in kinds:
        return
    if kind not in registry.kinds:
        raise Mistake(unknown("kind", kind, registry.kinds))
    owner = next(plugin.name for plugin in registry.plugins if plugin.tables and plugin.tables.at(f"kinds.{kind}"))
    example = next((f", and {c.spec} for an example" for c in registry.of_kind(kind)), "")
    raise Mistake(
        f"there is no template for the kind `{kind}`, which the plugin {owner} defines: there are {listed(kinds)}\n"
        f"    write its module by hand, by the spec base {registry.kinds[kind]}{example}, and its table [{kind}.NAME]"
        " in registry.toml"
    )


# --------------------------------------------------------------------------------------------------------------- places


@frozen
class Home:
    """A plugin's folder: where it is installed from, its package, and the folder of the package."""

    root: Path
    package: str
    folder: Path
    plugin: str

    @property
    def registry(self) -> Path:
        return self.folder / "registry.toml"

    @property
    def references(self) -> Path:
        return self.folder / FILE

    @property
    def examples(self) -> Path | None:
        """The file of the module that declares small configurations, where it is in the package."""
        place = read(self.registry).at("plugin.examples")
        package, _, module = str(place.value).rpartition(".") if place is not None else ("", "", "")
        file = self.folder / f"{module}.py"
        return file if package == self.package and file.is_file() else None


def find_home(start: Path) -> Home:
    """The plugin whose folder `start` is, or lies in; raises `Mistake` where there is none."""
    for root in (start, *start.parents):
        file = root / "pyproject.toml"
        points = read(file).entries(f"project.entry-points.{GROUP}") if file.is_file() else {}
        if not points:
            continue
        homes = [home for point in points.values() for home in _homes(root, str(point.value))]
        if not homes:
            rule = "registry.toml with a table [plugin] must lie beside the module that its entry point names"
            raise Mistake(f"{file}: {rule}: {listed(str(point.value) for point in points.values())}")
        inside = [home for home in homes if start.is_relative_to(home.folder)] or homes
        if len(inside) > 1:
            names = listed(home.plugin for home in homes)
            raise Mistake(f"{file} has several plugins: {names}; go to the folder of the package of the one you mean")
        return inside[0]
    raise Mistake(
        f"no plugin is in {start} or above it: go to the folder that has its pyproject.toml, or make one with"
        " `dovetail new plugin NAME`"
    )


def _homes(root: Path, place: str) -> Iterator[Home]:
    """The plugin of an entry point, where its package is in `root`, in `src`, or in another folder of the root."""
    package = place.partition(":")[0].rpartition(".")[0]
    for above in (root / "src", root, *sorted(path for path in root.iterdir() if path.is_dir())):
        file = above.joinpath(*package.split("."), "registry.toml")
        name = read(file).at("plugin.name") if package and file.is_file() else None
        if name is not None:
            yield Home(root, package, file.parent, str(name.value))
            return


# ------------------------------------------------------------------------------------------------------------ templates


def make_plugin(plugin: str, target: Path, component: tuple[str, str], about: About) -> Home:
    """Write a new plugin, with its first component, to a folder that is not there, or has a `.git` alone, or nothing.

    Raises:
        Mistake: there is something else, or its grid could not tell the component from what it is compared with.
    """
    if target.exists() and (not target.is_dir() or any(inside.name != ".git" for inside in target.iterdir())):
        raise Mistake(f"{target}: must not be there, or be an empty folder; `--path FOLDER` names another")
    there = target.is_dir()
    aside = (target if there else target.parent) / f".{package_of(plugin)}.{os.getpid()}.tmp"
    words = _words_of_plugin(plugin, *component, about)
    inside = Path("src", words["package"])
    try:
        for file in (TEMPLATES / "plugin").rglob(f"*{SUFFIX}"):
            path = file.relative_to(TEMPLATES / "plugin").as_posix().removesuffix(SUFFIX)
            made = aside / path.replace("PACKAGE", words["package"])
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(_filled(file, words), encoding="utf-8")
        make_component(Home(aside, words["package"], aside / inside, plugin), *component, about)
        for source in [*aside.iterdir()] if there else [aside]:
            source.rename(target / source.name if there else target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Home(target, words["package"], target / inside, plugin)


def _words_of_plugin(plugin: str, kind: str, name: str, about: About) -> dict[str, str]:
    """The words of the templates of a plugin whose first component this is."""
    words = {"plugin": plugin, "package": package_of(plugin), "name": name}
    entry = tomllib.loads(_filled(TEMPLATES / "component" / kind / f"entry.toml{SUFFIX}", words | _names_of(name)))
    file = TEMPLATES / "component" / kind / f"systems.toml{SUFFIX}"
    systems = _filled(file, words) if file.is_file() else ""
    try:
        tables = tomllib.loads(systems)
    except tomllib.TOMLDecodeError as error:  # a key is there twice
        raise Mistake(
            f"the name `{name}` is that of what {a(kind)} is compared with in a new plugin's grid; did you mean"
            f" `my-{name}`?"
        ) from error
    named = {what: f"{plugin}/{next(iter(tables[f'{what}s']))}" for what in ("system", "grid") if tables}
    summary = (about.summary or entry[kind][name]["summary"]).strip()
    others = "".join(f", the {what} `{full}`" for what, full in named.items())
    brings = f"the {kind} `{plugin}/{name}`{others}"
    trials = [
        f"$ dovetail {command} {named[what]}\n" for what, command in (("system", "run"), ("grid", "grid")) if named
    ]
    return {
        **words,
        **_names_of(name),
        "distribution": f"{PREFIX}{plugin}",
        "version": __version__,
        "api": str(API),
        "kind": kind,
        "summary": summary,
        "quoted_summary": _quoted(summary),
        "brings": brings,
        "Brings": f"T{brings[1:]}",
        "trials": "".join(trials),
        "slot": SLOTS.get(kind, "SLOT").replace("NAME", name),
        "systems": f"{SECTION}{systems}" if systems else "",
    }


def _names_of(name: str) -> dict[str, str]:
    """A component's name as that of a module, and as the beginning of the names of its classes."""
    return {"module": name.replace("-", "_"), "Name": "".join(word.capitalize() for word in name.split("-"))}


def _quoted(text: str) -> str:
    """A text as a string of TOML."""
    return json.dumps(text, ensure_ascii=False)


def make_component(home: Home, kind: str, name: str, about: About) -> list[Path]:
    """Write a component's module and test, and add it to the registry, to the examples and its paper to the references.

    Returns:
        The files; that of the examples is among them where the plugin has one that an example can be added to.

    Raises:
        Mistake: the name is taken, or the registry cannot be added to.
    """
    names = _names_of(name)
    code, test = home.folder / f"{names['module']}.py", home.root / "tests" / f"test_{names['module']}.py"
    if (taken := read(home.registry).at(f"{kind}.{name}")) is not None:
        raise Mistake(f"{taken.where}: the plugin {home.plugin} has the {kind} `{name}` already")
    for file in (code, code.with_suffix(""), test):
        if file.exists():
            raise Mistake(f"{file} is there already; choose another name, like `{name}-{kind}`")
    words = {"plugin": home.plugin, "package": home.package, "name": name, **names}
    parts = {
        part: _filled(TEMPLATES / "component" / kind / f"{part}{SUFFIX}", words)
        for part in ("module.py", "test.py", "examples.py", "entry.toml", "paper.bib")
    }
    own = str(tomllib.loads(parts["entry.toml"])[kind][name]["paper"])
    files = {code: _module_about(parts["module.py"], own, about), test: parts["test.py"]}
    if home.examples is not None:
        text = _text_of(home.examples)
        if {"EXAMPLES", "Example"} <= _names_in(text, home.examples):
            files[home.examples] = f"{text.rstrip()}\n\n{parts['examples.py']}"
    files[home.registry] = with_entry(_text_of(home.registry), _entry_about(parts["entry.toml"], about))
    if about.paper in (None, own) and home.references.is_file() and own not in read_references(home.references):
        files[home.references] = f"{_text_of(home.references).rstrip()}\n\n{parts['paper.bib']}".lstrip()
    _write(files)
    return [*files]


def _entry_about(entry: str, about: About) -> str:
    """A component's table with what is said of it; without a paper where there is none."""
    lines = []
    for line in entry.splitlines():
        key = line.partition("=")[0].strip()
        if key == "summary" and about.summary is not None:
            lines.append(f"summary = {_quoted(about.summary.strip())}")
        elif key != "paper" or about.paper is None:
            lines.append(line)
        elif about.paper:
            lines.append(f"paper   = {_quoted(about.paper)}")
    return "\n".join([*lines, ""])


def _module_about(module: str, own: str, about: About) -> str:
    """A template's module with what is said of it; what it keeps of the template's paper, `own`, is said to."""
    if about.summary is not None:
        title = about.summary.strip().rstrip(".").replace("\\", "\\\\").replace('"', '\\"')
        module = f'"""{textwrap.fill(f"{title}.", WIDTH - 3)}{module[module.index(NEXT) :]}'
    if about.paper in (None, own):
        return module
    named = f"Paper: {about.paper}.\n\n" if about.paper else ""
    return module.replace(
        f"Paper: {own}", f"{named}As made, this is the method of another paper, and yours to replace:\n{own}", 1
    )


def place_to_try(home: Home, registry: Registry, kind: str, name: str) -> tuple[str, str]:
    """A system and the path in it where a component may stand: the plugin's own system first, then the workspace's.

    It is not checked whether the component fits there. Words stand for what there is none of.
    """
    slot = SLOTS.get(kind, "SLOT")
    own = {f"{home.plugin}/{short}": table for short, table in read(home.registry).entries("systems").items()}
    others = sorted(registry.systems.items(), key=lambda entry: "/" in entry[0])
    there = slot.removesuffix(".NAME")
    found = (full for full, table in [*own.items(), *others] if kind in SLOTS and table.at(there) is not None)
    return next(found, "SYSTEM"), slot.replace("NAME", name)


def _filled(file: Path, words: Mapping[str, str]) -> str:
    return Template(file.read_text(encoding="utf-8")).substitute(words)


def _text_of(file: Path) -> str:
    """A file's text, with its line ends as they are."""
    return file.read_bytes().decode("utf-8")


def _names_in(text: str, file: Path) -> set[str]:
    """The names that a module imports or assigns."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except SyntaxError as error:
        raise Mistake(f"{file}:{error.lineno}: is not Python: {error.msg}") from error
    imported = {
        alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return imported | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def with_entry(text: str, entry: str) -> str:
    """A registry's text with a component's table after those it has; every other line is as it was.

    Raises:
        Mistake: there is no place for the table in this text.
    """
    ((kind, tables),) = tomllib.loads(entry).items()
    before = tomllib.loads(text)
    after = {**before, kind: {**before.get(kind, {}), **tables}}
    lines, end = text.split("\n"), "\r" if "\r\n" in text else ""
    for place in (_end_of_components(text), len(lines)):
        close = [""] if place < len(lines) and lines[place].strip() else []
        block = [f"{line}{end}" for line in ["", *entry.splitlines(), *close]]
        changed = "\n".join([*lines[:place], *block, *lines[place:]])
        with suppress(tomllib.TOMLDecodeError):
            if tomllib.loads(changed) == after:
                return changed
    raise Mistake(f"there is no place for a table in this registry.toml; write it by hand:\n\n{entry}")


def _end_of_components(text: str) -> int:
    """How many lines there are up to the end of the last component's table, or of [plugin] where there is none.

    Comments right behind the table are its own; those behind a blank line are of what follows.
    """
    found, lines = key_lines(text.replace("\r\n", "\n")), text.split("\n")
    others = {*RESERVED} - {"plugin"}
    last = max(line for path, line in found.items() if path[0] not in others)
    following = min((line for path, line in found.items() if line > last), default=len(lines) + 1) - 1
    place = following
    while place > last and lines[place - 1].strip()[:1] in ("", "#"):
        place -= 1
    own = place
    while own < following and lines[own].strip().startswith("#"):
        own += 1
    return own if own < following else place


def _write(files: Mapping[Path, str]) -> None:
    """Write texts to files, whole: all of them aside first, and then each in its place."""
    aside = {file: file.with_name(f".{file.name}.{os.getpid()}.tmp") for file in files}
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            aside[file].write_bytes(text.encode("utf-8"))
            if file.exists():
                shutil.copymode(file, aside[file])
        for file, temporary in aside.items():
            temporary.replace(file)
    finally:
        for temporary in aside.values():
            temporary.unlink(missing_ok=True)
