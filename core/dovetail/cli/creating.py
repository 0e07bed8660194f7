"""The commands that make what others can install: new plugin, new component. Neither needs a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli import scaffold
from dovetail.cli.screen import examples, say
from dovetail.cli.state import state_of
from dovetail.errors import a, listed

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
        )
    )(plugin)
    new.command(
        epilog=examples(
            "cd dovetail-my-plugin",
            "dovetail new component cell my-cell",
            "dovetail new component metric my-metric",
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
) -> None:
    """Make a plugin: an installable package with a worked component.

    The package has its entry point, its registry, the cell `mgu` with its tests, a system and a grid that train it, a
    README, a licence and a CI file. It installs and passes its tests as it is. Nothing that is there is overwritten.
    """
    scaffold.check_plugin_name(name, state_of(context).registry)
    target = path or Path(f"{scaffold.PREFIX}{name}")
    scaffold.make_plugin(name, target)
    kind, first = scaffold.FIRST
    typer.echo(f"made {target}, the plugin {name} with the {kind} {name}/{first}")
    _next(
        *([] if target.resolve() == Path.cwd() else [f"cd {target}"]),
        'pip install -e ".[dev]"',
        "pytest",
        f"dovetail show {name}/{first}",
        f"dovetail grid {name}/cells",
        "dovetail new component KIND NAME",
    )


def component(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=f"What it is: {listed(scaffold.template_kinds())}.", show_default=False),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, after the `/`, like `my-cell`.")],
) -> None:
    """Make a component in the plugin of this folder: a small one that works, to be changed to yours.

    It gets a module with its spec, an entry in the plugin's registry.toml, small configurations for the conformance
    kit, and a test by hand. No other line of these files is changed, and a name that is taken is refused.
    """
    registry = state_of(context).registry
    scaffold.check_kind(kind, registry)
    scaffold.check_component_name(kind, name)
    home = scaffold.find_home(Path.cwd())
    files = scaffold.make_component(home, kind, name)
    typer.echo(f"made {a(kind)}, {home.plugin}/{name}:")
    for file in files:
        typer.echo(f"  {os.path.relpath(file)}")
    if home.examples not in files:
        say("it has no small configurations: registry.toml names no module of the package that has EXAMPLES")
    installed = any(plugin.name == home.plugin for plugin in registry.plugins)
    _next(
        *([] if installed else [f'pip install -e "{os.path.relpath(home.root)}[dev]"']),
        f"pytest {os.path.relpath(files[1])}",
        f"dovetail show {kind} {home.plugin}/{name}",
    )


def _next(*lines: str) -> None:
    typer.echo("\n".join(["next:", *(f"  {line}" for line in lines)]))
