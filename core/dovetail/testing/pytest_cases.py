"""The kit as tests: one for each check of each component of a plugin."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import field, frozen

from dovetail.errors import Mistake
from dovetail.registries import Component, Registry, registry
from dovetail.testing.kit import Check, checks_of, examine, spell


@frozen
class Case:
    """One check of one component: `check()` in a test runs it."""

    component: Component
    check: Check
    names: Registry = field(repr=False)

    def __str__(self) -> str:
        return f"{self.component.kind}-{self.component.short}::{self.check.name}"

    def __call__(self) -> None:
        """Fail the test where the check fails; an expected failure is shown as one."""
        import pytest

        (result,) = (result for result in _examined(self.component, self.names) if result.check is self.check)
        if result.status == "expected":
            pytest.xfail(result.detail)
        if not result.good:
            pytest.fail(spell(result), pytrace=False)


@cache
def _all(plugin: str) -> tuple[Registry, list[Component]]:
    names = registry()
    found = sorted((c for c in names.components.values() if c.plugin == plugin), key=lambda c: (c.kind, c.short))
    if not found:
        raise Mistake(names.plugin_trouble(f"{plugin}/*") or f"the plugin {plugin} has no component")
    return names, found


_results: dict[Component, Any] = {}


def _examined(component: Component, names: Registry) -> Any:
    if component not in _results:
        _results[component] = examine(component, names)
    return _results[component]


def every_component(plugin: str) -> Callable[[Any], Any]:
    """Make a test of each check of each of a plugin's components.

    With pytest-xdist and `--dist loadscope`, the tests of a component run in one worker, which examines it once: their
    names are alike up to the last `::`, which is that mode's scope.

        @every_component("my-plugin")
        def test_conformance(check):
            check()

    Raises:
        Mistake: there is no such plugin, or it has no component.
    """
    import pytest

    names, found = _all(plugin)
    cases = [Case(component, check, names) for component in found for check in checks_of(component.kind, names)]
    return pytest.mark.parametrize("check", cases, ids=str)
