"""The index: what the run folders say, in SQLite, so that finding a run does not open them all. It can be deleted any time."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

FILE = "index.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, changed INTEGER, about TEXT)"


class Index:
    """Run folders by name; refreshed from the folders that changed since it last looked."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def names(self) -> list[str]:
        """The names of all runs."""
        return sorted(self.about())

    def about(self) -> dict[str, dict[str, Any]]:
        """What is known of each run: `system`, `seed`, `key`, `identity`."""
        if not self.store.is_dir():
            return {}
        try:
            return self._refresh()
        except sqlite3.DatabaseError:  # the folders are the truth: a damaged index is made anew
            with suppress(FileNotFoundError):
                (self.store / FILE).unlink()
            return self._refresh()

    def _refresh(self) -> dict[str, dict[str, Any]]:
        present = {file.parent.name: file.stat().st_mtime_ns for file in self.store.glob("*/run.json")}
        with closing(sqlite3.connect(self.store / FILE, timeout=30)) as database, database:
            database.execute(_TABLE)
            known = {name: changed for name, changed in database.execute("SELECT name, changed FROM runs")}
            for name in known.keys() - present.keys():
                database.execute("DELETE FROM runs WHERE name = ?", (name,))
            for name, changed in present.items():
                if known.get(name) != changed:
                    about = json.loads((self.store / name / "run.json").read_text(encoding="utf-8"))
                    short = {key: about[key] for key in ("name", "seed", "key", "identity")}
                    database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (name, changed, json.dumps(short)))
            return {name: json.loads(about) for name, about in database.execute("SELECT name, about FROM runs")}
