"""Tables as they were written: TOML values that remember where each stands, and the one rule that merges them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from dovetail.errors import Fault, Faults, Mistake, Where
from dovetail.positions import key_lines

REFERENCES = ("use", "share", "from_run")
"""The reserved keys: a table with one of them says which component fills a slot."""


@define(frozen=True)
class Given:
    """A value and where it was written. Tables and arrays hold further `Given`s.

    `folder` is what relative paths in it are relative to; `previous` is what stood in a slot, or where now is a table,
    before this replaced it.
    """

    value: Any
    where: Where
    folder: Path = field(factory=Path.cwd, repr=False)
    previous: Given | None = field(default=None, repr=False)

    @property
    def is_table(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def names_a_component(self) -> bool:
        """A name, or a table with a reserved key: what replaces a slot rather than changing values in it."""
        return isinstance(self.value, str) or (self.is_table and any(key in self.value for key in REFERENCES))

    def plain(self) -> Any:
        """The value alone."""
        if self.is_table:
            return {key: given.plain() for key, given in self.value.items()}
        return [given.plain() for given in self.value] if isinstance(self.value, list) else self.value

    def at(self, path: str) -> Given | None:
        """What stands at a dotted path below, or None."""
        here: Given | None = self
        for key in path.split("."):
            value = here.value if here is not None else None
            items = dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
            here = items.get(int(key) if isinstance(value, list) and key.isdecimal() else key)
        return here

    def entries(self, path: str) -> dict[str, Given]:
        """The entries of the table at a dotted path below; none where there is no table."""
        here = self.at(path)
        return here.value if here is not None and here.is_table else {}

    def without(self, *keys: str) -> Given:
        """The table without some of its keys."""
        return evolve(self, value={key: value for key, value in self.value.items() if key not in keys})


def given(value: Any, where: Where, folder: Path | None = None) -> Given:
    """Plain data as `Given`, all of it written at one place."""
    folder = folder or Path.cwd()
    if isinstance(value, Mapping):
        value = {str(key): given(item, where, folder) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        value = [given(item, where, folder) for item in value]
    return Given(value, where, folder)


def read(file: Path) -> Given:
    """A TOML file's tables; raises `Mistake` where it cannot be read."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        raise Mistake(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Mistake(f"{file}: is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Mistake(f"{file}: is not TOML: {error}") from error
    lines = key_lines(text.replace("\r\n", "\n"))

    def place(value: Any, path: tuple[str | int, ...], line: int) -> Given:
        line = lines.get(path, line)
        if isinstance(value, dict):
            value = {key: place(item, (*path, key), line) for key, item in value.items()}
        elif isinstance(value, list):
            value = [place(item, (*path, index), line) for index, item in enumerate(value)]
        return Given(value, Where(str(file), line), file.resolve().parent)

    return place(data, (), 1)


def merge(old: Given | None, new: Given) -> Given:
    """The one rule, by which whatever is written later changes what was written before.

    What names a component replaces what stood there, and remembers it, so that values of the same name and type are
    kept; a table that names none changes only the values that it names; anything else replaces.
    """
    if old is None:
        return new
    if new.names_a_component:
        return evolve(new, previous=old)
    if new.is_table and (old.is_table or isinstance(old.value, str)):
        base = old.value if old.is_table else {"use": evolve(old, previous=None)}
        return evolve(old, value=base | {key: merge(base.get(key), value) for key, value in new.value.items()})
    if new.is_table and isinstance(old.value, list) and all(old.at(key) for key in new.value):
        changed = {int(key): merge(old.at(key), value) for key, value in new.value.items()}
        return evolve(old, value=[changed.get(index, item) for index, item in enumerate(old.value)])
    return evolve(new, previous=old) if new.is_table else new


def put(table: Given, path: str, value: Given) -> Given:
    """`table` with `value` merged in at a dotted path."""
    for key in reversed(path.split(".")):
        value = Given({key: value}, value.where, value.folder)
    return merge(table, value)


def overrides(texts: Iterable[str]) -> dict[str, Given]:
    """Overrides `path=value` from a command line; a value that is no TOML is a string."""
    result, faults = {}, []
    for text in texts:
        where = Where(f"override `{text}`")
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not all(path.split(".")):
            faults.append(Fault(where, path or text, "must be `path=value`, like `train.epochs=3`"))
        if path in result:
            faults.append(Fault(where, path, "is given twice"))
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        result[path] = given(parsed, where)
    if faults:
        raise Faults("the overrides", faults)
    return result


def put_all(table: Given, changes: Mapping[str, Given]) -> Given:
    """All `changes` by path; slots first, then what lies inside them."""
    for path in sorted(changes, key=lambda path: path.count(".")):
        table = put(table, path, changes[path])
    return table
