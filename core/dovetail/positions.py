"""The line of every key of a TOML text that the parser has accepted, which the parser itself does not tell."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """Each key's path (array elements by index) to its line, counted from one, and each array element's too."""
    scanner = _Scanner(text)
    table: Path = ()
    while character := scanner.next():
        if character == "[":
            table = scanner.header()
        else:
            scanner.pair(table)
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def next(self) -> str:
        """Skip blanks and comments; the character that follows, or nothing at the end."""
        self.take(_BLANK)
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the parser has accepted this text"
        self.at = match.end()
        return match[0]

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def key(self) -> list[str]:
        parts = []
        while True:
            quoted = self.next() in "\"'"
            part = self.take(_STRING if quoted else _BARE)
            parts.append(tomllib.loads(f"key = {part}")["key"] if quoted else part)
            if self.next() != ".":
                return parts
            self.at += 1

    def header(self) -> Path:
        line, brackets = self.line(), 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        *above, last = self.key()
        self.at += brackets
        path: Path = ()
        for part in above:
            path = self.inside((*path, part), line)
        path += (last,)
        if brackets == 2:
            self.counts[path] = self.counts.get(path, 0) + 1
        return self.inside(path, line)

    def inside(self, path: Path, line: int) -> Path:
        """Note a header's path, and the last element where it is an array of tables, which is then what is meant."""
        self.lines.setdefault(path, line)
        if path in self.counts:
            path += (self.counts[path] - 1,)
            self.lines.setdefault(path, line)
        return path

    def pair(self, path: Path) -> None:
        line = self.line()
        for part in self.key():
            path += (part,)
            self.lines.setdefault(path, line)
        self.at += 1
        self.value(path)

    def value(self, path: Path) -> None:
        opening = self.next()
        if opening not in "{[":
            self.take(_STRING if opening in "\"'" else _SCALAR)
            return
        self.at += 1
        index = 0
        while self.next() not in "}]":
            if opening == "{":
                self.pair(path)
            else:
                self.lines.setdefault((*path, index), self.line())
                self.value((*path, index))
            index += 1
            if self.next() == ",":
                self.at += 1
        self.at += 1
