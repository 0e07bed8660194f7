"""The command `dovetail`: reads what was asked, and turns errors into one clear paragraph and an exit status."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from dovetail.cli import checking, creating, listing, proving, reporting, running, sampling, showing, upgrading
from dovetail.cli.screen import say
from dovetail.cli.state import State, note_early_options
from dovetail.errors import DovetailError

HELP = """Assemble neural networks out of named parts, swap one, and compare honestly.

Start with `dovetail grid quickstart`. `dovetail list`, `systems` and `grids` say what there is, `dovetail show NAME`
what a component takes, `dovetail fits SYSTEM SLOT` what could stand in a slot, and `dovetail COMMAND --help` shows
examples.

Exit status: 0 success, 1 a failure while running, 2 a mistake in what was asked."""


INTERRUPTED = "interrupted; the same command goes on from where it was"


class Interrupted(DovetailError):
    """The person pressed Ctrl-C."""

    status = 130


class Commands(TyperGroup):
    """The commands. An interrupt goes on to `main` as our own error, which typer lets pass."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted(INTERRUPTED) from error


def make_app(words: Sequence[str] = ()) -> typer.Typer:
    """The command line, with the commands that plugins add. `words` are what will be asked of it."""
    app = typer.Typer(
        name="dovetail",
        help=HELP,
        cls=Commands,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    state: State = note_early_options(words)

    @app.callback()
    def options(
        context: typer.Context,
        *,
        workspace: Annotated[
            str,
            typer.Option(metavar="FILE", help="A registry.toml; by default the nearest, in this folder or above it."),
        ] = "",
        no_plugin: Annotated[
            list[str] | None, typer.Option(metavar="NAME", help="Switch a plugin off; may be repeated.")
        ] = None,
        debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and warnings.")] = False,
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
        ] = False,
    ) -> None:
        del workspace, no_plugin, debug, version  # read before the plugins' commands were added
        context.obj = state

    for module in (listing, showing, checking, running, reporting, sampling, proving, creating, upgrading):
        module.add(app)
    state.add_commands(app)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("dovetail"))
        raise typer.Exit


def main(words: Sequence[str] | None = None) -> NoReturn:
    """The entry point; `words` are the command line's by default."""
    words = (sys.argv[1:] if words is None else words) or ["--help"]
    debug = "--debug" in words
    if not debug:
        _quieten()
    status = 0
    try:
        make_app(words)(args=list(words), prog_name="dovetail")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        say(INTERRUPTED, error=True)
        status = Interrupted.status
    except Exception as error:
        if debug:
            raise
        status = error.status if isinstance(error, DovetailError) else 1
        say(_in_words(error), error=True)
    sys.exit(_flushed(status))


def _in_words(error: Exception) -> str:
    if isinstance(error, DovetailError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}"
    return f"{type(error).__name__}: {error}\n    this is a fault of Dovetail's or a plugin's; `--debug` shows where"


def _quieten() -> None:
    """Keep the warnings of libraries from the screen, here and in processes started here; not those of hooks."""
    filters = ("ignore", "always:plugin ")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), *filters)))
    warnings.filterwarnings("ignore")
    warnings.filterwarnings("always", message="plugin ")
    warnings.formatwarning = lambda message, *_: f"{message}\n"


def _flushed(status: int) -> int:
    """Write out what is printed. Whoever reads it may be gone, as in `dovetail list | head -1`: then let it go."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status or 1
    return status


if __name__ == "__main__":
    main()
