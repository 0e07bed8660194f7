"""A plugin's references: the BibTeX entries of the papers that its registry names, in a file beside it."""

from __future__ import annotations

import re
from pathlib import Path

from dovetail.errors import Mistake

FILE = "references.bib"
"""What the file is called, beside the plugin's registry.toml."""
_START = re.compile(r"^[ \t]*@(\w+)\s*\{\s*([^\s,{}]+)\s*,", re.MULTILINE)
_NO_ENTRY = ("comment", "preamble", "string")


def read_references(file: Path) -> dict[str, str]:
    """The entries of a BibTeX file by key, each as it is written; none where there is no such file.

    Raises:
        Mistake: the file is not UTF-8, a key is there twice, or the braces of an entry do not close.
    """
    if not file.is_file():
        return {}
    try:
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Mistake(f"{file}: is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error
    found: dict[str, str] = {}
    for start in _START.finditer(text):
        kind, key = start.groups()
        if kind.lower() in _NO_ENTRY:
            continue
        line = text.count("\n", 0, start.start(1)) + 1
        if key in found:
            raise Mistake(f"{file}:{line}: the key `{key}` is there twice")
        found[key] = text[start.start(1) - 1 : _end(text, start.end(), f"{file}:{line}: the braces of `{key}`")]
    return found


def _end(text: str, place: int, what: str) -> int:
    """Behind the brace that closes the one that is open at `place`."""
    depth = 1
    for brace in re.finditer(r"(?<!\\)[{}]", text[place:]):
        depth += 1 if brace.group() == "{" else -1
        if not depth:
            return place + brace.end()
    raise Mistake(f"{what} do not close")
