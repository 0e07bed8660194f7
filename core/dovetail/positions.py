"""The line of every key of a TOML text that the parser has accepted, which the parser itself does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """Each key's path (array elements by index) to its line, counted from one, and each array element's too."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.starts = [match.end() for match in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def document(self) -> None:
        prefix: Path = ()
        while self.blank():
            if self.text[self.at] == "[":
                prefix = self.header()
            else:
                self.pair(prefix)

    def blank(self) -> str:
        """Skip blanks and comments; the next character, or nothing at the end."""
        self.at = self.match(_BLANK).end()
        return self.text[self.at : self.at + 1]

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the parser has accepted this text"
        return match

    def mark(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, self.at) + 1)

    def header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 1 + double
        key = self.key()
        self.blank()
        end, self.at = self.at + 1 + double, start
        path: Path = ()
        for index, part in enumerate(key):
            path += (part,)
            self.mark(path)
            if double and index == len(key) - 1:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path += (self.counts[path] - 1,)
                self.mark(path)
        self.at = end
        return path

    def key(self) -> list[str]:
        parts = []
        while True:
            quoted = self.blank() in "\"'"
            match = self.match(_STRING if quoted else _BARE)
            parts.append(tomllib.loads(f"key = {match[0]}")["key"] if quoted else match[0])
            self.at = match.end()
            if self.blank() != ".":
                return parts
            self.at += 1

    def pair(self, prefix: Path) -> None:
        self.blank()
        start, key = self.at, self.key()
        end, self.at = self.at + 1, start
        for part in key:
            prefix += (part,)
            self.mark(prefix)
        self.at = end
        self.value(prefix)

    def value(self, path: Path) -> None:
        opening = self.blank()
        if opening == "{":
            self.items("}", lambda _: self.pair(path))
        elif opening == "[":
            self.items("]", lambda index: self.element((*path, index)))
        else:
            self.at = self.match(_STRING if opening in "\"'" else _SCALAR).end()

    def element(self, path: Path) -> None:
        self.blank()
        self.mark(path)
        self.value(path)

    def items(self, closing: str, item: object) -> None:
        assert callable(item)
        self.at += 1
        index = 0
        while self.blank() != closing:
            item(index)
            index += 1
            if self.blank() == ",":
                self.at += 1
        self.at += 1
