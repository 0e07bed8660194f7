"""The index: what the run folders say, in SQLite, so that a look at all opens none that is known. It may be deleted."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from dovetail.bench.files import FileFailure, read_json

FILE = "index.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, changed INTEGER, about TEXT)"
_SHORT = ("name", "seed", "key", "identity")


class Index:
    """Run folders by name; refreshed from the folders that changed since it last looked."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def names(self) -> list[str]:
        """The names of all runs."""
        return sorted(self.about())

    def about(self) -> dict[str, dict[str, Any]]:
        """What is known of each run: its system's `name`, `seed`, `key`, `identity`; None each where it is damaged."""
        if not self.store.is_dir():
            return {}
        try:
            return self._refresh(str(self.store / FILE))
        except sqlite3.OperationalError:  # a store that only others may write, or a disk that is full
            return self._refresh(":memory:")
        except sqlite3.DatabaseError:  # the folders are the truth: a damaged index is made anew
            with suppress(FileNotFoundError):
                (self.store / FILE).unlink()
            return self._refresh(str(self.store / FILE))

    def _refresh(self, place: str) -> dict[str, dict[str, Any]]:
        present = {file.parent.name: file.stat().st_mtime_ns for file in self.store.glob("*/run.json")}
        with closing(sqlite3.connect(place, timeout=30)) as database, database:
            database.execute(_TABLE)
            known = dict(database.execute("SELECT name, changed FROM runs"))
            for name in known.keys() - present.keys():
                database.execute("DELETE FROM runs WHERE name = ?", (name,))
            for name, changed in present.items():
                if known.get(name) != changed:
                    about = json.dumps(self._read(name))
                    database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (name, changed, about))
            return {name: json.loads(about) for name, about in database.execute("SELECT name, about FROM runs")}

    def _read(self, name: str) -> dict[str, Any]:
        try:
            about = read_json(self.store / name / "run.json")
            return {key: about[key] for key in _SHORT}
        except (FileFailure, KeyError, TypeError):  # said by whoever opens the run
            return dict.fromkeys(_SHORT)
