"""A registry of the small components, and systems over them."""

from pathlib import Path

import pytest

import dovetail
from dovetail.errors import Faults
from dovetail.plugins import Plugin
from dovetail.registries import Registry
from dovetail.systems import load_system
from dovetail.tables import overrides, put_all, read


def make_plugin(name, file, distribution="dist"):
    return Plugin(name, distribution, "1.0", tables=read(file))


def make_toys() -> Registry:
    core = make_plugin("core", Path(dovetail.__file__).with_name("registry.toml"), "dovetail")
    return Registry([core, make_plugin("toy", Path(__file__).with_name("toy.toml"), "toy-dist")])


SYSTEM = """
dataset = "toy/numbers"
objective = "toy/fit"
encoder = { use = "toy/linear", width = 8 }
metrics = { right = "toy/right" }
"""


class Bench:
    """Loads systems from texts over the toys."""

    def __init__(self, registry, folder):
        self.registry, self.file = registry, folder / "system.toml"

    def tables(self, text=SYSTEM, *changes):
        self.file.write_text(text, encoding="utf-8")
        return put_all(read(self.file), overrides(changes))

    def load(self, text=SYSTEM, *changes, runs=None):
        return load_system(self.registry, "s", self.tables(text, *changes), runs)

    def stage(self, text=SYSTEM, *changes, runs=None):
        return self.load(text, *changes, runs=runs).stages[0]

    def faults(self, text=SYSTEM, *changes, runs=None):
        """Each fault as `line: path: message | possible`; the line is empty for an override."""
        with pytest.raises(Faults) as error:
            self.load(text, *changes, runs=runs)
        return [f"{f.where.line or ''}: {f.path}: {f.message} | {f.possible}" for f in error.value.faults]

    def fault(self, *arguments, **keywords):
        (fault,) = self.faults(*arguments, **keywords)
        return fault
