import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench_toys import SEEN
from bench_toys_plugin import HEARD

from dovetail.bench import Bench, Store
from dovetail.registries import registry as make_registry

HERE = Path(__file__).parent
WORKSPACE = """
[systems.tiny]
dataset = "toys/points"
objective = { use = "toys/fit", optimizer = { use = "standard/adam", lr = 0.05 } }
encoder = { use = "toys/net" }
metrics = { right = "toys/mean" }
train = { epochs = 3, batch = 4, device = "cpu" }

[systems.staged]
extends = "tiny"
stages = [
  { name = "first", epochs = 2 },
  { name = "then", epochs = 3, set = { "encoder.layers" = 2 }, reset = ["encoder"] },
  { name = "last", epochs = 1, set = { "encoder.layers" = 2, "train.batch" = 5 } },
]
"""


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """The plugin `toys`, installed for this process and those that it starts."""
    folder = tmp_path_factory.mktemp("installed")
    about = folder / "bench_toys-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-toys\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[dovetail]\ntoys = bench_toys_plugin\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(HERE)]))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder


class Workplace:
    """A workspace with the toys' systems, and a store."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "registry.toml"
        self.file.write_text(WORKSPACE, encoding="utf-8")
        self.store = Store(folder / "runs")

    def add(self, text):
        self.file.write_text(self.file.read_text(encoding="utf-8") + text, encoding="utf-8")

    @property
    def registry(self):
        return make_registry(self.file)

    @property
    def bench(self):
        return Bench(self.registry, self.store)

    def system(self, name="tiny", **changes):
        return self.registry.system(name, {path.replace("__", "."): value for path, value in changes.items()})

    def train(self, system=None, seed=0, **changes):
        """A run in the store, by this process."""
        system = system or self.system(**changes)
        return Bench(system.registry, self.store).train(system, seed)

    def start(self, *words):
        """The command, in a process of its own."""
        command = [sys.executable, "-m", "dovetail.cli.main", "--workspace", str(self.file), *words]
        return subprocess.Popen(
            [*command, "--store", str(self.store.path)],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def command(self, *words):
        """The command's exit status and what it printed."""
        process = self.start(*words)
        out, errors = process.communicate(timeout=120)
        return process.returncode, out, errors


@pytest.fixture
def workplace(toys, tmp_path):
    SEEN.clear()
    HEARD.clear()
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def factory(toys, tmp_path_factory):
    """A workplace that a module's tests share: their runs must differ."""
    return Workplace(tmp_path_factory.mktemp("factory"))
