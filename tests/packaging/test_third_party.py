"""A stranger's plugin beside Dovetail, both installed from their wheels where there is no checkout of either."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests/third_party/dovetail-indrnn"
WORKSPACE = """
[systems.tiny]
extends = "quickstart-base"
train   = { epochs = 1, limit = 2 }
[systems.tiny.encoder.cell]
hidden = 5

[grids.swap]
summary = "A cell of ours, and a stranger's in its place"
base    = "tiny"
seeds   = 1
[grids.swap.axes.cell]
path = "encoder.cell"
options.lstm   = "recurrent-dropout/lstm"
options.indrnn = { use = "indrnn/indrnn", start = { use = "indrnn/constant", value = 0.5 } }
"""
PLACES = """
import json, sys
import dovetail, dovetail_indrnn, dovetail_recurrent_dropout, dovetail_standard
packages = (dovetail, dovetail_indrnn, dovetail_recurrent_dropout, dovetail_standard)
print(json.dumps({"files": [package.__file__ for package in packages], "path": sys.path}))
"""


class Environment:
    """A virtual environment in `folder`, and the folder `work` with a workspace, in which its commands run.

    It sees every package of the environment of these tests but Dovetail and its plugins: a `.pth` names a folder of
    links to them.
    """

    def __init__(self, folder):
        self.folder, self.work = folder / "environment", folder / "work"
        run(sys.executable, "-m", "venv", "--without-pip", self.folder, work=folder)
        (self.site,) = (self.folder / "lib").glob("*/site-packages")
        (links := folder / "dependencies").mkdir()
        for place in map(Path, sys.path):
            for package in place.iterdir() if place.name in ("site-packages", "dist-packages") else ():
                there = (
                    "dovetail" in package.name.lower() or package.suffix == ".pth" or (links / package.name).exists()
                )
                if not there:
                    (links / package.name).symlink_to(package)
        (self.site / "dependencies.pth").write_text(f"{links}\n", encoding="utf-8")
        self.work.mkdir()
        ours = (ROOT / "registry.toml").read_text(encoding="utf-8")
        (self.work / "registry.toml").write_text(ours + WORKSPACE, encoding="utf-8")

    def python(self, *words, status=0, work=None):
        return run(self.folder / "bin/python", *words, work=work or self.work, status=status)

    def pip(self, *words):
        return self.python("-m", "pip", "--disable-pip-version-check", *words)

    def dovetail(self, *words, status=0):
        return run(self.folder / "bin/dovetail", *words, work=self.work, status=status)


def run(*words, work, status=0):
    """What a command prints, which must end with this status."""
    away = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DOVETAIL_STORE")
    environment = {name: value for name, value in os.environ.items() if name not in away}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(
        [str(word) for word in words], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The second environment, with both wheels installed."""
    folder = tmp_path_factory.mktemp("stranger")
    for source in (ROOT, PLUGIN):
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "wheels", work=source)
    made = Environment(folder)
    wheels = sorted((folder / "wheels").iterdir())
    assert [re.sub(r"-.*", "", wheel.name) for wheel in wheels] == ["dovetail", "dovetail_indrnn"]
    made.pip("install", "-q", "--no-index", "--no-deps", *wheels)
    return made


@pytest.mark.slow
def test_a_strangers_plugin_is_installed_used_and_removed(environment):
    here = json.loads(environment.python("-c", PLACES))
    assert all(Path(file).is_relative_to(environment.site) for file in here["files"])
    assert not any(Path(place).is_relative_to(ROOT) for place in here["path"])

    assert re.search(r"^indrnn +ready +dovetail-indrnn 0\.1\.0 ", environment.dovetail("plugins"), re.MULTILINE)
    listed = environment.dovetail("list")
    for name in ("indrnn", "constant", "uniform", "two-sequences", "matthews"):
        assert f"\n  indrnn/{name} " in listed
    assert "\ninitialiser\n" in listed

    said = environment.dovetail("grid", "swap", "--workers", "1")
    assert all(re.search(rf"\b{name}\b.* 0\.\d+", said) for name in ("lstm", "indrnn")), said
    assert len([*environment.work.glob("runs/*/result.json")]) == 2
    (kept,) = environment.work.glob("runs/*/memory.json")  # the plugin's hook was called, and took its own cell's run
    assert json.loads(kept.read_text()) == {"encoder.cell": pytest.approx([1.0] * 5, rel=0.1)}
    said = environment.dovetail("memory", kept.parent)
    assert said == "encoder.cell: 5 units, half-life 1.0 steps in the middle, 0 never forget\n"

    said = environment.dovetail("test-plugin", "indrnn")
    assert re.search(r"^indrnn: 5 components, \d+ checks: \d+ passed, 2 not applicable$", said, re.MULTILINE), said
    ours = ("--ignore", PLUGIN / "tests/test_conformance.py")  # what test-plugin ran
    assert " passed in " in environment.python("-m", "pytest", "-q", "-p", "no:cacheprovider", PLUGIN / "tests", *ours)

    environment.pip("uninstall", "-qy", "dovetail-indrnn")
    assert "indrnn" not in environment.dovetail("plugins")
    assert "indrnn" not in environment.dovetail("list")
    assert "No such command 'memory'" in environment.dovetail("memory", kept.parent, status=2)
    absent = "`indrnn/indrnn`: the plugin `indrnn` is not installed"
    assert absent in environment.dovetail("run", "tiny", "encoder.cell=indrnn/indrnn", status=2)
    assert "accuracy.test" in environment.dovetail("run", "tiny", "encoder.cell=standard/gru")
