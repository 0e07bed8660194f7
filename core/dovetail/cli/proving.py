"""The command that runs the conformance kit: test-plugin."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import state_of
from dovetail.errors import Failure, Mistake, a, unknown
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
            "dovetail test-plugin --list                  what is asked, of every kind",
        ),
    )(prove)


def prove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin.", show_default=False)] = "",
    component: Annotated[
        str, typer.Argument(metavar="COMPONENT", help="Only the components of this name, like `mgu`.")
    ] = "",
    *,
    only: Annotated[str, typer.Option(metavar="CHECK", help="Only this check, like `causality`.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every check with its reason.")] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="Say what is asked and run nothing; without NAME, of every kind.")
    ] = False,
) -> None:
    """Check a plugin with the conformance kit: the package as a whole, and each of its components.

    Each check says why it is asked and where that comes from. A component declares small configurations of itself, and
    failures that it expects, in the module that `examples` of its registry.toml names. Exit status 1 where one fails.
    """
    from dovetail.testing import examine, examine_package
    from dovetail.testing.packaging import named

    registry = state_of(context).registry
    if not name and not listing:
        raise Mistake("which plugin? `dovetail plugins` names them, `dovetail test-plugin --list` says what is asked")
    plugin = named(registry, name) if name else None
    found = _components(registry, name, component)
    if listing or plugin is None:
        kinds = [one.kind for one in found] if name else registry.kinds
        _list(registry, kinds, package=not component, only=only, verbose=verbose)
        return
    counts: Counter[str] = Counter()
    asked: dict[str, dict[str, None]] = {}
    examined = (examine(one, registry, only or None) for one in found)
    for results in examined if component else chain([examine_package(plugin, only or None)], examined):
        counts.update(result.status for result in results)
        if results:
            _print(results, verbose)
            kind = getattr(results[0].component, "kind", "plugin")
            asked.setdefault(kind, {}).update(dict.fromkeys(r.check.name for r in results if r.status not in UNASKED))
    if not counts:
        raise Mistake(
            f"the check `{only}` is asked of nothing here; `dovetail test-plugin {name} --list` names those that are"
        )
    if not verbose and not only:
        typer.echo("")
        for kind, names in asked.items():
            say(f"asked of {a(kind)}: {', '.join(names)}")
    words = {"absent": "not applicable", "expected": "expected to fail", "mended": "expected to fail, but passed"}
    each = ", ".join(f"{count} {words.get(status, status)}" for status, count in counts.items())
    say(f"{name}: {len(found)} component{'' if len(found) == 1 else 's'}, {counts.total()} checks: {each}")
    if red := counts.total() - counts["passed"] - counts["expected"] - counts["absent"]:
        raise Failure(f"{name}: {red} of {counts.total()} checks are not passed")


UNASKED = ("absent", "blocked")
"""What becomes of a check that is not run."""


def _list(registry: Registry, kinds: Iterable[str], package: bool, only: str, verbose: bool) -> None:
    """Print the checks of kinds, and those of a plugin as a whole where asked; and why, where asked."""
    from dovetail.testing.kit import CHECKS, checks_of

    of_kinds = {a(kind): [check for check in checks_of(kind, registry) if check.kinds] for kind in dict.fromkeys(kinds)}
    groups = {
        "every component": [check for check in CHECKS.values() if not check.kinds],
        "a plugin as a whole": [check for check in CHECKS.values() if package and "plugin" in check.kinds],
        **of_kinds,
    }
    chosen = {of: [check for check in checks if only in ("", check.name)] for of, checks in groups.items()}
    if not any(chosen.values()):
        raise Mistake(unknown("check", only, sorted({check.name for checks in groups.values() for check in checks})))
    for of, checks in chosen.items():
        if checks:
            typer.echo(f"of {of}")
        rows = [(f"  {check.name}", " ".join((inspect.getdoc(check.run) or "").split())) for check in checks]
        if not verbose:
            columns(rows)
            continue
        for check, (name, asked) in zip(checks, rows, strict=True):
            say(f"{name}: {asked}")
            say(f"      why: {check.reason} ({check.source})")


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
