"""The commands that make what others can install: new plugin, new component. Neither needs a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dovetail.bibliography import read_references
from dovetail.cli import scaffold
from dovetail.cli.scaffold import About, Home
from dovetail.cli.screen import examples, say
from dovetail.cli.state import state_of
from dovetail.errors import a, listed
from dovetail.tables import read

Summary = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The component's summary, in one line; the template's by default.")
]
Paper = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="Its paper, by the key of its BibTeX entry; '' for none; the template's by default."
    ),
]

HELP = """Make a plugin, or a component in one: whole, working and tested.

What is made works as it is. Change it to yours; the page "Writing a plugin" says what each part is for."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    new = typer.Typer(
        name="new",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples("dovetail new plugin my-plugin", "dovetail new component encoder my-encoder"),
    )
    new.command(
        epilog=examples(
            "dovetail new plugin my-plugin                   in ./dovetail-my-plugin",
            "dovetail new plugin my-plugin --path plugins/mine",
            "dovetail new plugin my-plugin --component metric/my-metric",
        )
    )(plugin)
    new.command(
        epilog=examples(
            "cd dovetail-my-plugin",
            "dovetail new component cell my-cell",
            "dovetail new component metric my-metric --paper mine2026 --summary 'What it measures'",
        )
    )(component)
    app.add_typer(new)


def plugin(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="What stands before the `/` in its components' names, like `my-plugin`."),
    ],
    *,
    path: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The folder to make; `dovetail-NAME` in this one by default."),
    ] = None,
    component: Annotated[
        str, typer.Option(metavar="KIND/NAME", help="Its first component: a kind that `new component` has, and a name.")
    ] = scaffold.FIRST,
    summary: Summary = None,
    paper: Paper = None,
) -> None:
    """Make a plugin: an installable package with a worked component.

    The package has its entry point, its registry, a component with its tests, a system and a grid that train it, a
    README, a licence and a CI file. It installs and passes its tests as it is. Nothing that is there is overwritten.
    """
    registry = state_of(context).registry
    scaffold.check_plugin_name(name, registry)
    kind, first = scaffold.first_component(component, registry)
    target, about = path or Path(f"{scaffold.PREFIX}{name}"), scaffold.About(summary, paper)
    home = scaffold.make_plugin(name, target, (kind, first), about)
    typer.echo(f"made {target}, the plugin {name} with the {kind} {name}/{first}")
    _yours(home, kind, first, about, target)
    _next(
        *([] if target.resolve() == Path.cwd() else [f"cd {target}"]),
        'pip install -e ".[dev]"',
        "pytest",
        f"dovetail show {kind} {name}/{first}",
        *(f"dovetail grid {name}/{grid}" for grid in read(home.registry).entries("grids")),
        "dovetail new component KIND NAME",
    )


def component(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=f"What it is: {listed(scaffold.template_kinds())}.", show_default=False),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, after the `/`, like `my-cell`.")],
    *,
    summary: Summary = None,
    paper: Paper = None,
) -> None:
    """Make a component in the plugin of this folder: a small one that works, to be changed to yours.

    It gets a module with its spec, an entry in the plugin's registry.toml, small configurations for the conformance
    kit, and a test by hand. No other line of these files is changed, and a name that is taken is refused.
    """
    registry = state_of(context).registry
    scaffold.check_kind(kind, registry)
    scaffold.check_component_name(kind, name)
    home = scaffold.find_home(Path.cwd())
    about = scaffold.About(summary, paper)
    files = scaffold.make_component(home, kind, name, about)
    typer.echo(f"made {a(kind)}, {home.plugin}/{name}:")
    for file in files:
        typer.echo(f"  {os.path.relpath(file)}")
    if home.examples not in files:
        say("it has no small configurations: registry.toml names no module of the package that has EXAMPLES")
    _yours(home, kind, name, about, Path.cwd())
    system, path = scaffold.place_to_try(home, registry, kind, name)
    installed = any(plugin.name == home.plugin for plugin in registry.plugins)
    _next(
        *([] if installed else [f'pip install -e "{os.path.relpath(home.root)}[dev]"']),
        f"pytest {os.path.relpath(files[1])}",
        f"dovetail show {kind} {home.plugin}/{name}",
        f"dovetail check {system} {path}={home.plugin}/{name}",
        f"dovetail run {system} {path}={home.plugin}/{name}",
    )


def _yours(home: Home, kind: str, name: str, about: About, start: Path) -> None:
    """Say what of a new component is still the template's; files as they are named from a folder."""
    entry = read(home.registry).entries(f"{kind}.{name}")
    registry, references = (os.path.relpath(file, start) for file in (home.registry, home.references))
    same = [key for key, given in (("summary", about.summary), ("paper", about.paper)) if given is None]
    module = home.folder / f"{name.replace('-', '_')}.py"
    left = [f"the method: {os.path.relpath(module, start)}, with its test and its examples"]
    left += [f"{key} = {entry[key].plain()!r}: {registry}:{entry[key].where.line}" for key in same]
    if about.paper and about.paper not in read_references(home.references):
        left.append(f"the entry of {about.paper}, which is not there yet: {references}")
    typer.echo("to make yours:")
    for line in left:
        say(f"  {line}")


def _next(*lines: str) -> None:
    typer.echo("\n".join(["next:", *(f"  {line}" for line in lines)]))
