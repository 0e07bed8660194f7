"""The command `dovetail`: reads what was asked, and turns errors into one clear paragraph and an exit status."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from dovetail.cli import listing, running
from dovetail.cli.state import State, note_early_options
from dovetail.errors import DovetailError

HELP = """Assemble neural networks out of named parts, swap one, and compare honestly.

Start with `dovetail grid quickstart`. See what there is with `dovetail list`, `dovetail systems` and `dovetail grids`; what a
component takes with `dovetail show NAME`; what would fit in a slot with `dovetail fits SYSTEM SLOT`.

Exit status: 0 success, 1 a failure while running, 2 a mistake in what was asked."""


def make_app() -> typer.Typer:
    """The command line, with the commands that plugins add."""
    app = typer.Typer(
        name="dovetail", help=HELP, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None
    )  # fmt: skip

    @app.callback()
    def options(
        context: typer.Context,
        workspace: str = typer.Option(
            "", help="A registry.toml; the nearest one in this folder or above it by default."
        ),
        no_plugin: list[str] = typer.Option([], metavar="NAME", help="Switch a plugin off; may be repeated."),
        debug: bool = typer.Option(False, help="Show tracebacks."),
        version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    ) -> None:
        del workspace, no_plugin, debug  # read before the plugins' commands were added
        if version:
            from importlib.metadata import version as installed

            typer.echo(installed("dovetail"))
            raise typer.Exit
        context.obj = state

    state: State = note_early_options(sys.argv[1:])
    listing.add(app)
    running.add(app)
    state.add_commands(app)
    return app


def main() -> NoReturn:
    """The entry point."""
    debug = "--debug" in sys.argv
    try:
        make_app()(standalone_mode=True)
    except DovetailError as error:
        if debug:
            raise
        typer.echo(str(error), err=True)
        sys.exit(error.status)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from the last checkpoint", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        typer.echo(
            f"{type(error).__name__}: {error}\n    this is a fault of Dovetail's or a plugin's; `--debug` shows where",
            err=True,
        )
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
