"""What the commands print: as wide as the terminal where there is one; elsewhere a line a row, for other programs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

import typer

LEAST = 24
"""The narrowest column that text is still wrapped into."""


def width(stream: TextIO | None = None) -> int | None:
    """The columns of the terminal that `stream` (standard output by default) is, or None where it is none."""
    stream = stream or sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def wrapped(text: str, columns: int | None, hanging: int = 4) -> str:
    """The text with its long lines broken between words, what follows set in by `hanging` more than its line."""
    if columns is None:
        return text
    lines = []
    for line in text.split("\n"):
        inset = len(line) - len(line.lstrip()) + hanging
        broken = textwrap.wrap(
            line,
            max(columns, inset + LEAST),
            subsequent_indent=" " * inset,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += broken or [""]
    return "\n".join(lines)


def say(text: str, error: bool = False) -> None:
    """Print a paragraph; `error` to standard error."""
    typer.echo(wrapped(text, width(sys.stderr if error else sys.stdout)), err=error)


def columns(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print rows in columns. The last one is wrapped on a terminal, where enough of its width is left."""
    every = [tuple(row) for row in ([header, *rows] if header else rows)]
    if not every:
        return
    widths = [max(len(row[place]) for row in every) for place in range(len(every[0]) - 1)]
    start = sum(widths) + 2 * len(widths)
    terminal = width()
    fits = terminal is not None and terminal - start >= LEAST
    for row in every:
        before = "".join(f"{cell.ljust(wide)}  " for cell, wide in zip(row, widths, strict=False))
        last = textwrap.wrap(row[-1], terminal - start, break_on_hyphens=False) if terminal and fits else [row[-1]]
        typer.echo(f"\n{' ' * start}".join([f"{before}{last[0] if last else ''}".rstrip(), *last[1:]]))


def examples(*lines: str) -> str:
    """Lines for the end of a command's help, behind the mark that keeps them from being filled."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
