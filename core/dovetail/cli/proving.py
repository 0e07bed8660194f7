"""The command that runs the conformance kit: test-plugin."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.screen import examples, say
from dovetail.cli.state import state_of
from dovetail.errors import Failure, Mistake, unknown
from dovetail.plugins import Plugin

if TYPE_CHECKING:
    from dovetail.registries import Component, Registry
    from dovetail.testing import Result


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "test-plugin",
        epilog=examples(
            "dovetail test-plugin my-plugin",
            "dovetail test-plugin my-plugin mgu",
            "dovetail test-plugin my-plugin mgu --only causality",
        ),
    )(prove)


def prove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin.")],
    component: Annotated[
        str, typer.Argument(metavar="COMPONENT", help="Only the components of this name, like `mgu`.")
    ] = "",
    *,
    only: Annotated[str, typer.Option(metavar="CHECK", help="Only this check, like `causality`.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every check with its reason.")] = False,
) -> None:
    """Check a plugin with the conformance kit: the package as a whole, and each of its components.

    Each check says why it is asked and where that comes from. A component declares small configurations of itself, and
    failures that it expects, in the module that `examples` of its registry.toml names. Exit status 1 where one fails.
    """
    from dovetail.testing import examine, examine_package
    from dovetail.testing.packaging import named

    state = state_of(context)
    plugin = named(state.registry, name)
    found = _components(state.registry, name, component)
    counts: Counter[str] = Counter()
    examined = (examine(one, state.registry, only or None) for one in found)
    for results in examined if component else chain([examine_package(plugin, only or None)], examined):
        counts.update(result.status for result in results)
        if results:
            _print(results, verbose)
    if not counts:
        raise Mistake(
            f"the check `{only}` is asked of nothing here; `dovetail test-plugin {name} -v` shows those that are"
        )
    words = {"absent": "not applicable", "expected": "expected to fail", "mended": "expected to fail, but passed"}
    each = ", ".join(f"{count} {words.get(status, status)}" for status, count in counts.items())
    say(f"{name}: {len(found)} components, {counts.total()} checks: {each}")
    if red := counts.total() - counts["passed"] - counts["expected"] - counts["absent"]:
        raise Failure(f"{name}: {red} of {counts.total()} checks are not passed")


def _components(registry: Registry, name: str, component: str) -> list[Component]:
    components = sorted(registry.components.values(), key=lambda c: (c.kind, c.short))
    of_plugin = [found for found in components if found.plugin == name]
    chosen = [found for found in of_plugin if component in ("", found.short, found.name)]
    if component and not chosen:
        raise Mistake(unknown("component", component, sorted({found.short for found in of_plugin})))
    return chosen


def _print(results: list[Result], verbose: bool) -> None:
    passed = sum(result.good for result in results)
    typer.echo(f"{'✓' if passed == len(results) else '✗'} {results[0].component}  {passed}/{len(results)}")
    for result in results:
        unasked = result.status == "absent" and isinstance(result.component, Plugin)
        if verbose or unasked or result.status not in ("passed", "absent", "blocked"):
            say(f"    {result.check.name} {result.status}{f': {result.detail}' if result.detail else ''}")
        if verbose or result.status in ("failed", "mended"):
            say(f"        why: {result.check.reason} ({result.check.source})")
    blocked = [result.check.name for result in results if result.status == "blocked"]
    if blocked and not verbose:
        say(f"    not judged, since others failed: {', '.join(blocked)}")
