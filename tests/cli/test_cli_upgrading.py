"""Two sides of a small plugin, `toy`, and what the second changes of the first and of a grid trained with it."""

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

CELL = """
import torch
from attrs import field, frozen
from torch import nn
from dovetail import Cell, CellSpec, Vector, within


class LeakyCell(Cell):
    def __init__(self, *, input, hidden, rate):
        super().__init__()
        self.layer, self.rate, self.output = nn.Linear(input + hidden, hidden), rate, Vector(hidden)

    def initial_state(self, batch):
        return (self.layer.bias.new_zeros(batch, len(self.layer.bias)),)

    def step(self, x, state):
        h = self.layer(torch.cat([x, state[0]], dim=-1)).tanh() * self.rate + state[0] * (1 - self.rate)
        return h, (h,)

    def forward(self, xs, state=None):
        state, ys = state or self.initial_state(len(xs)), []
        for x in xs.unbind(1):
            y, state = self.step(x, state)
            ys.append(y)
        return torch.stack(ys, dim=1), state


@frozen(kw_only=True)
class SteadySpec(CellSpec):
    hidden: int = field(default=5, validator=within("[1, inf)"))

    def build(self, *, input):
        return LeakyCell(input=input.size, hidden=self.hidden, rate=0.5)


@frozen(kw_only=True)
class OtherSpec(SteadySpec):
    pass
"""

OLD = f"""{CELL}

@frozen(kw_only=True)
class LeakySpec(CellSpec):
    takes = {{"input": (Vector,)}}
    hidden: int = field(default=5, validator=within("[1, inf)"))
    rate: float = field(default=0.5, validator=within("[0, 1]"))
    speed: float = field(default=1.0, metadata={{"identity": False}})

    def build(self, *, input):
        return LeakyCell(input=input.size, hidden=self.hidden, rate=self.rate)
"""

NEW = f"""{CELL}

@frozen(kw_only=True)
class LeakySpec(CellSpec):
    hidden: int = field(default=5, validator=within("[1, inf)"))
    rate: float = field(default=0.25, validator=within("(0, 1]"))
    bias: bool = field(default=True, metadata={{"added": True}})

    def build(self, *, input):
        return LeakyCell(input=input.size, hidden=self.hidden, rate=self.rate)
"""

MIGRATING = f"""{NEW}
    @classmethod
    def migrate(cls, values, version):
        return {{name: value for name, value in values.items() if name != "speed"}}
"""

PLUGIN = """
from pathlib import Path
import dovetail

@dovetail.hook
def dovetail_registry():
    print("a plugin that prints")
    return Path(__file__).with_name("registry.toml")
"""

OLD_REGISTRY = """
[plugin]
name = "toy"
api  = 1

[kinds]
noise = "toy_cells.kinds:NoiseSpec"

[cell.leaky]
spec = "toy_cells.cells:LeakySpec"
[cell.steady]
spec = "toy_cells.cells:SteadySpec"
[cell.former]
spec = "toy_cells.cells:OtherSpec"
"""

NEW_REGISTRY = """
[plugin]
name = "toy"
api  = 1

[cell.leaky]
spec = "toy_cells.cells:LeakySpec"
[cell.steady]
spec = "toy_cells.cells:SteadySpec"
version = 2
deprecated = "toy/leaky"
[cell.later]
spec = "toy_cells.cells:OtherSpec"

[systems.small]
extends = "rows"
"""

KINDS = """
from dovetail import Spec

class NoiseSpec(Spec):
    kind = "noise"
"""

WORKSPACE = """
[systems.rows]
dataset   = { use = "standard/digits", form = "rows" }
objective = { use = "standard/classify", optimizer = { use = "standard/adam", lr = 0.01 } }
train     = { epochs = 1, batch = 64, limit = 1 }
encoder   = { use = "standard/sequence", cell = { use = "standard/lstm", hidden = 5 } }

[systems.leaky]
extends = "rows"
encoder = { cell = { use = "toy/leaky", hidden = 3 } }

[grids.cells]
base  = "rows"
seeds = 2
[grids.cells.axes.cell]
path = "encoder.cell"
options.lstm   = "standard/lstm"
options.leaky  = "toy/leaky"
options.half   = { use = "toy/leaky", hidden = 4, rate = 0.5 }
options.steady = "toy/steady"

[grids.others]
base = "rows"
axes.lr = { path = "objective.optimizer.lr", values = [0.1] }
"""

TRAIN = """
from dovetail.bench import Bench, Store
from dovetail.bench.grids import load_grid
from dovetail.registries import registry

bench = Bench(registry(), Store("runs"))
for arm, seed in load_grid(bench.registry, "cells", bench.checker).runs():
    bench.train(arm.system, seed)
bench.train(bench.registry.system("leaky"), 5)
"""


def make(folder, version, cells, registry):
    """A source folder of the plugin."""
    package = folder / "src" / "toy_cells"
    package.mkdir(parents=True)
    files = {"__init__.py": "", "plugin.py": PLUGIN, "cells.py": cells, "kinds.py": KINDS, "registry.toml": registry}
    for file, text in files.items():
        package.joinpath(file).write_text(text)
    points = 'entry-points.dovetail = { toy = "toy_cells.plugin" }'
    (folder / "pyproject.toml").write_text(f'[project]\nname = "toy-cells"\nversion = "{version}"\n{points}\n')
    return folder


def wheel(folder, target, version):
    """A wheel of a source folder."""
    about = f"toy_cells-{version}.dist-info"
    with zipfile.ZipFile(target, "w") as archive:
        for file in (folder / "src").rglob("*.*"):
            archive.write(file, file.relative_to(folder / "src"))
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: toy-cells\nVersion: {version}\n")
        archive.writestr(f"{about}/entry_points.txt", "[dovetail]\ntoy = toy_cells.plugin\n")
    return target


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The old plugin, installed; a workspace whose grid was trained with it; and the new plugin."""
    folder = tmp_path_factory.mktemp("upgrade")
    make(folder / "old", "0.1.0", OLD, OLD_REGISTRY)
    make(folder / "new", "0.2.0", NEW, NEW_REGISTRY)
    with zipfile.ZipFile(wheel(folder / "old", folder / "old.whl", "0.1.0")) as archive:
        archive.extractall(folder / "installed")
    (folder / "registry.toml").write_text(WORKSPACE)
    environment = {**os.environ, "PYTHONPATH": str(folder / "installed"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def diff(dovetail, trained, monkeypatch):
    """`diff("installed", "new")` in the folder of `trained`: what was printed, without the rest of runs' keys."""
    monkeypatch.chdir(trained)
    monkeypatch.setenv("PYTHONPATH", str(trained / "installed"))

    def run(*words):
        found = dovetail(
            "--no-plugin",
            "recurrent-dropout",
            "--no-plugin",
            "text-gan",
            "--no-plugin",
            "hacap",
            "plugin",
            "diff",
            *words,
        )
        assert "a plugin that prints" not in found.out
        return found

    return run


def test_it_says_what_changes_and_which_runs_that_makes_stale_or_missing_and_no_others(diff, trained):
    found = diff("installed", "./new")
    assert (found.status, found.err) == (0, "")
    assert (
        re.sub(r"-[0-9a-f]{12}\b", "-KEY", found.out)
        == f"""\
plugin toy: toy-cells 0.1.0 → 0.2.0
  cell toy/former
     removed
  cell toy/later
     added, version 1
  cell toy/leaky
     takes as `input`: Vector → anything
     `bias` added: true or false, default true; counts where it is not at its default
     `rate` range: [0, 1] → (0, 1]
     `rate` default: 0.5 → 0.25
     `speed` removed
  cell toy/steady
     version 1 → 2
     deprecated: use toy/leaky
  kind noise
     removed
  system toy/small
     added

Runs in runs, grids of {trained}/registry.toml:
  grid cells: 4 arms × 2 seeds, 4 runs as before
    2 runs finished → missing:
       encoder.cell.rate: 0.5 → 0.25
         cell=leaky × seeds 0, 1
    2 runs finished → stale:
       version of cell toy/steady: 1 → 2
         cell=steady × seeds 0, 1
  system leaky: 1 run of no grid, 0 runs as before
    1 run finished → missing:
       encoder.cell.rate: 0.5 → 0.25
         base × seed 5
  5 runs can no longer be loaded: encoder.cell.speed: unknown key
       leaky-s5-KEY
       rows-s0-KEY
       rows-s0-KEY
       rows-s1-KEY
       rows-s1-KEY
A stale run is set aside and trained again by the same command. One that is missing is trained under a new key, and \
what is stored stays. Either way a finished run can still be loaded, unless it is named above.
"""
    )


def test_with_a_migration_the_old_runs_load_from_a_wheel_to_a_folder(diff, trained):
    registry = NEW_REGISTRY.replace('LeakySpec"', 'LeakySpec"\nversion = 2')
    make(trained / "migrating", "0.3.0", MIGRATING, registry)
    found = json.loads(diff("old.whl", "migrating", "--json").out)
    assert found["plugins"] == {"toy": "toy-cells 0.1.0 → 0.3.0"}
    assert {"subject": "cell toy/leaky", "text": "version 1 → 2"} in found["changes"]
    (cells, leaky) = found["grids"]
    assert (cells["name"], cells["kept"], leaky["name"]) == ("grid cells", 2, "system leaky")
    assert cells["fates"] == [
        {"before": "finished", "after": "missing", "why": ["encoder.cell.rate: 0.5 → 0.25"],
         "runs": {"cell=leaky": [0, 1]}},
        {"before": "finished", "after": "stale", "why": ["version of cell toy/leaky: 1 → 2"],
         "runs": {"cell=half": [0, 1]}},
        {"before": "finished", "after": "stale", "why": ["version of cell toy/steady: 1 → 2"],
         "runs": {"cell=steady": [0, 1]}},
    ]  # fmt: skip
    assert found["lost"] == {}


def test_a_side_compared_with_itself_changes_nothing(diff, trained):
    lines = diff("installed", wheel(trained / "old", trained / "same.whl", "0.1.1")).out.splitlines()
    assert lines[:2] == ["plugin toy: toy-cells 0.1.0 → 0.1.1", "What it brings is the same."]
    assert lines[-1] == "  nothing changes for grid cells, system leaky"


# --------------------------------------------------------------------------------------------------- what is no plugin


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("nowhere", "`nowhere` is no folder, no wheel and no installed plugin; the installed plugins are "),
        ("standart", "`standart` is no folder, no wheel and no installed plugin; did you mean `standard`?"),
        ("empty", "empty: has no pyproject.toml, so there is no plugin in it"),
        (
            "library",
            "pyproject.toml: names no plugin: it needs a [project] with a `name` and [project.entry-points.dove",
        ),
        ("hollow", "its entry point is in `toy_cells.plugin`, but there is no package `toy_cells` in "),
        ("text.whl", "text.whl: is no wheel: File is not a zip file"),
        ("library.whl", "library.whl: has no plugin in it: no entry point in the group `dovetail`"),
        ("standard", "`installed` and `standard` are both what is installed; compare a folder (./standard) or a wheel"),
    ],
)
def test_what_is_no_plugin_is_a_mistake(dovetail, workspace, new, message):
    (workspace / "empty").mkdir()
    for name, more in (("library", ""), ("hollow", '[project.entry-points.dovetail]\ntoy = "toy_cells.plugin"\n')):
        (workspace / name).mkdir()
        (workspace / name / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "1"\n{more}')
    (workspace / "text.whl").write_text("text")
    with zipfile.ZipFile(workspace / "library.whl", "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
    found = dovetail("plugin", "diff", "installed", new)
    assert (found.status, found.out) == (2, "")
    assert message in found.err


@pytest.mark.parametrize(
    ("cells", "plugin", "message"),
    [
        (OLD, "raise RuntimeError('no licence')", "the plugin `toy` is broken: RuntimeError: no licence"),
        ("import absent", PLUGIN, "cannot be loaded: ModuleNotFoundError: No module named 'absent'"),
        ("import os\nos._exit(7)", PLUGIN, "broken: cannot be looked at: exit status 7"),
    ],
)
def test_a_broken_plugin_is_a_mistake_with_its_reason(dovetail, workspace, cells, plugin, message):
    make(workspace / "broken", "1", cells, OLD_REGISTRY)
    (workspace / "broken/src/toy_cells/plugin.py").write_text(plugin)
    found = dovetail("plugin", "diff", "broken", "installed")
    assert (found.status, found.out) == (2, "")
    assert message in found.err
    assert "toy_cells" not in sys.modules
