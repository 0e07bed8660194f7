"""The kit itself: examples of a component, checks of a kind, and what a check found.

A check is a function of a `Subject`, one component in one small configuration, which raises `Broken` where something is
not as it must be. Checks that only make sense where others hold name them in `after`: a check is blocked, and says by
what, where one of those failed, so that a fault is reported once, by the check that is meant for it.
"""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import Factory, field, frozen

from dovetail.errors import DovetailError, Failure, Mistake, close, listed, unknown
from dovetail.frozendict import FrozenDict
from dovetail.interfaces import Spec
from dovetail.plugins import Plugin
from dovetail.randomness import on_stream
from dovetail.registries import Component, Registry, registry
from dovetail.spaces import Space

if TYPE_CHECKING:
    from dovetail.testing.packaging import Package

Status = Literal["passed", "failed", "blocked", "expected", "mended", "absent"]
Values = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
SMALL_CONFIGURATIONS = 2
"""How many examples a component must declare."""


class Broken(AssertionError):
    """Something is not as it must be; the message says what."""


class Nonconformance(Failure):
    """A component does not pass every check of its kind; the message has each fault."""


@frozen
class Example:
    """A small configuration of a component, and what a check must know of it.

    Args:
        values: its hyperparameters, as in a system; or a function that makes them, and the files that they name, in the
            folder that it is given.
        spaces: the arguments of `build` that are not as the kit's own choice for the kind, by name; None for absent.
        parts: of an objective: the parts that it is built with, as in a system.
        random: it draws random numbers in training, so that training and evaluation differ.
        frozen: the parameters that get no gradient, by the beginnings of their names.
        perfect: of a metric: makes an outcome of any outcome that cannot be better.
        best: of a metric: its value where the outcome is perfect.
        changed: of a dataset: values of the same dataset with other data.
    """

    values: Values = Factory(FrozenDict)
    spaces: Mapping[str, Space | None] = field(factory=FrozenDict, kw_only=True)
    parts: Mapping[str, Any] = field(factory=FrozenDict, kw_only=True)
    random: bool = field(default=False, kw_only=True)
    frozen: tuple[str, ...] = field(default=(), kw_only=True)
    perfect: Callable[[dict[str, Any]], dict[str, Any]] | None = field(default=None, kw_only=True)
    best: float | None = field(default=None, kw_only=True)
    changed: Values | None = field(default=None, kw_only=True)

    def values_in(self, folder: Path) -> dict[str, Any]:
        """Its hyperparameters; the files that they name are made in the folder."""
        return dict(self.values(folder) if callable(self.values) else self.values)


@frozen(slots=False, eq=False)
class Subject:
    """One component in one small configuration. Each kind has a subject of its own, which knows how its parts are used.

    Args:
        registry: names the component.
        component: what is checked.
        example: its configuration.
        folder: where the example's files go.
        number: of the example.
    """

    registry: Registry
    component: Component
    example: Example
    folder: Path
    number: int = 0

    trains: ClassVar[bool] = False
    """Whether what is built is a module with inputs and outputs."""

    @property
    def draws(self) -> bool:
        """Whether its use draws random numbers in evaluation too, as sampling does."""
        return False

    @cached_property
    def spec(self) -> Any:
        """The component's spec, strictly read."""
        return self.read(self.example.values_in(self.folder))

    def read(self, values: Mapping[str, Any]) -> Spec:
        """A spec of the component from its hyperparameters."""
        spec: Spec = self.registry.spec(self.component.kind, self.component.name, **values)
        return spec

    def part(self, kind: str, value: Any) -> Any:
        """The spec of a part, from what a system has in its slot."""
        given = {"use": value} if isinstance(value, str) else dict(value)
        return self.registry.spec(kind, given.pop("use"), **given)

    @cached_property
    def spaces(self) -> dict[str, Any]:
        """What `build` is given: the example's spaces, and the kit's choice for the others."""
        return {name: s for name, s in {**self.choice(), **self.example.spaces}.items() if s is not None}

    def choice(self) -> dict[str, Any]:
        """The kit's choice of spaces for this kind."""
        return {}

    def make(self) -> Any:
        """What the spec builds."""
        return self.spec.build(**self.spaces)

    def build(self, seed: int = 0) -> Any:
        """What the spec builds, on a random stream of its own."""
        with on_stream(seed, "conformance", "build"):
            return self.make()

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        """Random inputs of `use`; the first axis of every tensor is the batch."""
        raise NotImplementedError(f"the kit does not know what a {self.component.kind} reads")

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        """What the module makes of inputs, by name; the first axis of every tensor is the batch."""
        raise NotImplementedError(f"the kit does not know how a {self.component.kind} is used")

    def declared(self, module: Any) -> dict[str, Space]:
        """The spaces that outputs are declared to lie in, by name."""
        return {}

    def on_stream(self, seed: int = 0) -> AbstractContextManager[None]:
        """A random stream for a use, so that two uses draw the same numbers."""
        return on_stream(seed, "conformance", "use")


@frozen(eq=False)
class Check:
    """One thing that a component must do.

    Args:
        name: in the scorecard.
        run: raises `Broken` where a subject does not.
        kinds: of which it is asked; empty for every kind.
        reason: why, for the author of a component that fails.
        source: the paper or document that motivates it.
        after: the checks without which it makes no sense.
        applies: whether it can be asked of a subject; `absent` is said where it can of none.
        wants: what a component must have for the check to apply, in words.
    """

    name: str
    run: Callable[[Any], None] = field(repr=False)
    kinds: frozenset[str]
    reason: str
    source: str
    after: tuple[str, ...] = ()
    applies: Callable[[Any], bool] = field(default=lambda _: True, repr=False)
    wants: str = ""


@frozen
class Result:
    """What became of one check of one component, or of a plugin as a whole.

    status: `passed`; `failed`; `blocked`, by a check that failed; `expected`, a failure that is declared; `mended`, one
    that is declared and does not happen; `absent`, it applies to no example.
    """

    component: Component | Package
    check: Check
    status: Status
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.status in ("passed", "expected", "absent")


CHECKS: dict[str, Check] = {}
SUBJECTS: dict[str, type[Subject]] = {}


def check(
    *kinds: str,
    reason: str,
    source: str,
    after: Collection[str] = (),
    applies: Callable[[Any], bool] = lambda _: True,
    wants: str = "",
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Make a check of a function, which is named after it: `padding_does_not_matter` is `padding-does-not-matter`.

    Raises:
        Mistake: there is a check of this name in another module.
    """

    def register(run: Callable[[Any], None]) -> Callable[[Any], None]:
        name = run.__name__.replace("_", "-")
        if name in CHECKS and CHECKS[name].run.__module__ != run.__module__:
            raise Mistake(f"check `{name}` of {run.__module__} is also one of {CHECKS[name].run.__module__}: rename it")
        CHECKS[name] = Check(name, run, frozenset(kinds), reason, source, tuple(after), applies, wants)
        return run

    return register


def documentation(page: str, section: str) -> str:
    """A section of a page of Dovetail's documentation, as the source of a check."""
    return f'Dovetail\'s documentation, "{page}", section "{section}"'


def subject_of(kind: str) -> Callable[[type[Subject]], type[Subject]]:
    """Say by which subject a kind's components are used."""

    def register(subject: type[Subject]) -> type[Subject]:
        SUBJECTS[kind] = subject
        return subject

    return register


def checks_of(kind: str, names: Registry | None = None) -> list[Check]:
    """The checks of a kind, in the order in which they are run: each after those that it names in `after`.

    The subject and the checks of a plugin's own kind are in its module of examples, or in what that imports; they are
    found where `names` knows the plugin.
    """
    _load_checks()
    for plugin in names.plugins if names is not None else ():
        if plugin.tables is not None and plugin.tables.at(f"kinds.{kind}") is not None:
            _examples_module(plugin)
    asked = {name: found for name, found in CHECKS.items() if not found.kinds or kind in found.kinds}
    ordered: dict[str, Check] = {}

    def put(name: str) -> None:
        if name in asked and name not in ordered:
            for other in asked[name].after:
                put(other)
            ordered[name] = asked[name]

    for name in asked:
        put(name)
    return list(ordered.values())


def _load_checks() -> None:
    for module in ("every_kind", "modules", "sequences", "kinds", "decodings", "packaging"):
        import_module(f"dovetail.testing.{module}")


def _examples_module(plugin: Plugin) -> ModuleType | None:
    place = plugin.about("examples")
    if place is None:
        return None
    try:
        return import_module(place)
    except Exception as error:
        raise Mistake(
            f"plugin {plugin.name}: `examples` {place} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def examples_of(names: Registry, component: Component) -> tuple[tuple[Example, ...], Mapping[str, str]]:
    """A component's examples, and the failures that are expected of it: check to reason. Raises `Mistake`."""
    module = _examples_module(next(plugin for plugin in names.plugins if plugin.name == component.plugin))
    key = f"{component.kind}/{component.short}"
    known = [f"{other.kind}/{other.short}" for other in names.components.values() if other.plugin == component.plugin]
    found: list[Mapping[str, Any]] = [getattr(module, name, {}) for name in ("EXAMPLES", "EXPECTED_FAILURES")]
    for stray in {*found[0], *found[1]} - {*known}:
        raise Mistake(f"{getattr(module, '__name__', '')}: {unknown('component', stray, known)}")
    return tuple(found[0].get(key, ())), found[1].get(key, {})


def examine(component: Component, names: Registry, only: str | None = None) -> list[Result]:
    """Run the checks of a component's kind, or one of them with those that it comes after.

    Nothing is run where that one is not asked of the kind.
    """
    wanted = checks_of(component.kind, names)
    if only is not None and only not in CHECKS:
        raise Mistake(f"there is no check `{only}`; {close(only, CHECKS) or f'the checks are {listed(CHECKS, 40)}'}")
    if only is not None and CHECKS[only] not in wanted:
        return []
    examples, expected = examples_of(names, component)
    for name in expected:
        if name not in {found.name for found in wanted}:
            raise Mistake(f"{component}: a failure of `{name}` is expected, which is no check of the kind")
    subject = SUBJECTS.get(component.kind, Subject)
    with tempfile.TemporaryDirectory() as folder:
        subjects = []
        for number, example in enumerate(examples):
            (own := Path(folder) / str(number)).mkdir()
            subjects.append(subject(names, component, example, own, number))
        return judge(wanted, component, subjects, expected, only)


def judge(
    wanted: Sequence[Check],
    what: Component | Package,
    subjects: Sequence[Subject | Package],
    expected: Mapping[str, str],
    only: str | None = None,
) -> list[Result]:
    """What becomes of checks, in the order given; `expected` has the reasons of failures that are declared."""
    needed = _with_prerequisites(only) if only else {found.name for found in wanted}
    results: dict[str, Result] = {}
    for found in wanted:
        if found.name in needed:
            results[found.name] = _judge(found, what, subjects, results, expected.get(found.name))
    return [result for result in results.values() if only in (None, result.check.name)]


def _with_prerequisites(name: str) -> set[str]:
    return {name}.union(*(_with_prerequisites(other) for other in CHECKS[name].after))


def _judge(
    found: Check,
    what: Component | Package,
    subjects: Sequence[Subject | Package],
    before: Mapping[str, Result],
    reason: str | None,
) -> Result:
    culprits = [name for name in found.after if name in before and before[name].status in ("failed", "blocked")]
    if culprits:
        return Result(what, found, "blocked", f"not judged, since {listed(culprits)} failed")
    fault = _run(found, subjects)
    if fault is None:
        return Result(what, found, "absent", f"asked where there is {found.wants}")
    if reason is not None:
        return Result(what, found, "expected" if fault else "mended", reason)
    return Result(what, found, "failed" if fault else "passed", fault)


def _run(found: Check, subjects: Sequence[Subject | Package]) -> str | None:
    """What is wrong: nothing where all is as it must be; None where the check applies to no example."""
    applied = not subjects and found.name == "examples"
    for number, subject in enumerate(subjects):
        example = f"example {number + 1}: " if isinstance(subject, Subject) else ""
        try:
            if not found.applies(subject):
                continue
            applied = True
            found.run(subject)
        except Broken as broken:
            return f"{example}{broken}"
        except DovetailError as error:
            return f"{example}{error}"
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return f"{example}{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    if found.name == "examples" and len(subjects) < SMALL_CONFIGURATIONS:
        has = f"but has {len(subjects)}: declare them in the module that `examples` in its plugin's [plugin] names"
        return f"must have {SMALL_CONFIGURATIONS} small configurations (`Example`) at least, {has}"
    return "" if applied else None


def check_component(kind: str, name: str, workspace: Path | str | None = None) -> list[Result]:
    """Run every check of a component's kind: `check_component("cell", "my-plugin/mgu")`.

    Raises:
        Nonconformance: one failed; the message has each with its reason and source.
        Mistake: there is no such component.
    """
    names = registry(workspace)
    results = examine(names.find(kind, name), names)
    if faults := [spell(result) for result in results if not result.good]:
        raise Nonconformance("\n".join(faults))
    return results


def spell(result: Result) -> str:
    """A result in words: what was found, why it matters, and who says so."""
    found = result.check
    what = f"{result.component}: {found.name} {result.status}: {result.detail}"
    return what if result.good else f"{what}\n    why: {found.reason} ({found.source})"
