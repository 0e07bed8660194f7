"""The plugin's hooks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import dovetail

if TYPE_CHECKING:
    import typer


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")


@dovetail.hook
def dovetail_commands(app: "typer.Typer") -> None:
    """Add `convert-weights`."""
    import typer  # listing plugins imports this module, and must stay light

    @app.command("convert-weights")
    def convert_weights(
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="A file of weights as torch saves it (.pth, .pt, .pkl).")
        ],
        name: Annotated[
            str, typer.Option("--as", metavar="NETWORK", help="The network; by default known from the file's name.")
        ] = "",
        to: Annotated[
            Path | None, typer.Option(metavar="FILE", help="Write this file; for weights of any other network.")
        ] = None,
    ) -> None:
        """Convert a network's published weights to safetensors.

        Those of torchvision's networks are put where `weights = "imagenet"` looks for them.
        """
        from dovetail_standard.weights import convert, install

        if to is None:
            to = install(file, name)
        else:
            convert(file, to)
        typer.echo(f"wrote {to}")
