"""What can go wrong, as a person reads it: every error says what, where and what is possible.

`Mistake` is for what a person asked for (exit status 2); any other `DovetailError` happened while running (status 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from attrs import frozen


class DovetailError(Exception):
    """Something that is reported in a paragraph, not a traceback."""

    status = 1


class Mistake(DovetailError):
    """What was asked for cannot be done as asked; nothing was changed."""

    status = 2


class Failure(DovetailError):
    """A run failed while it ran; the message names the run and the file."""


class Misfit(Mistake):
    """A component cannot be built for the spaces that it was given.

    Args:
        argument: the argument of `build` that does not fit.
        rule: what the argument must be, e.g. ``"a Vector of even size"``.
        value: what it is.
    """

    def __init__(self, argument: str, rule: str, value: Any) -> None:
        super().__init__(f"`{argument}` must be {rule}, but is {value}")
        self.argument, self.rule, self.value = argument, rule, value


@frozen
class Where:
    """The place that a value was written: a file and a line, or the text of an override."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@frozen
class Fault:
    """One thing that is wrong with a configuration."""

    where: Where
    path: str
    message: str
    possible: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.path}: {self.message}"
        return f"{text}\n    {self.possible}" if self.possible else text


class Faults(Mistake):
    """Every fault of a configuration at once."""

    def __init__(self, subject: str, faults: Iterable[Fault], not_checked: str = "") -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        lines = [f"{subject}: {count}", *(str(fault) for fault in self.faults)]
        super().__init__("\n".join([*lines, not_checked] if not_checked else lines))


def close(name: str, known: Iterable[str]) -> str:
    """`did you mean …?` where a known name is close to `name`, else nothing."""
    known = list(known)
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not matches:
        tails = {item.rpartition("/")[2]: item for item in known}
        matches = [tails[tail] for tail in difflib.get_close_matches(name.rpartition("/")[2], tails, n=1, cutoff=0.6)]
    return f"did you mean `{matches[0]}`?" if matches else ""


def a(noun: str) -> str:
    """The noun with its article: `a cell`, `an encoder`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """`there is no <what> …`, with the known name that is close or else with all that there are."""
    known = list(known)
    return f"there is no {what} `{name}`; {close(name, known) or f'the {what}s are {listed(known)}'}"


def unknown_key(where: Where, path: str, key: str, known: Iterable[str]) -> Fault:
    """The fault of a key that is not among those known."""
    known = list(known)
    guess = close(key, known)
    return Fault(where, path, f"unknown key{f'; {guess}' if guess else ''}", f"the keys are {', '.join(known)}")


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names in order as `a, b, c`, cut after `most`."""
    names = sorted(names)
    more = f", … ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"
