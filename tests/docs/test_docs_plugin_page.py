"""The plugin page's worked example, written to a folder as the page says and run there."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCK = re.compile(
    r"^```\{code-block\} \w+\n:caption: (?P<caption>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dovetail-mgu")
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        file = folder / block["caption"].removeprefix("added to ")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(block["text"])
    (folder / "src/dovetail_mgu/__init__.py").touch()
    install(folder)
    return folder


def install(folder):
    """What `pip install -e` leaves for others to find: the distribution's name and its entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["dovetail"].items()
    about.joinpath("entry_points.txt").write_text("[dovetail]\n" + "".join(f"{k} = {v}\n" for k, v in points))


def run(package, *arguments):
    path = os.pathsep.join([str(package / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "DOVETAIL_STORE": str(package / "runs")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=package, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dovetail(package, *commands):
    """What the commands print, all of them in one process."""
    script = "import sys\nfrom dovetail.cli.main import make_app\nfor words in sys.argv[1:]:\n"
    return run(package, "-c", f"{script}    make_app()(words.split(), standalone_mode=False)", *commands)


def test_the_page_has_every_file_of_its_package(package):
    files = {str(file.relative_to(package)) for file in package.rglob("*.*") if file.is_file()}
    assert files >= {"pyproject.toml", "src/dovetail_mgu/mgu.py", "src/dovetail_mgu/noisy.py", "tests/test_mgu.py"}


def test_the_examples_own_tests_pass(package):
    assert "3 passed" in run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_the_plugin_and_its_components_are_listed(package):
    shown = dovetail(package, "plugins", "show mgu/mgu")
    assert re.search(r"^mgu +ready +dovetail-mgu 0\.1\.0 ", shown, re.MULTILINE)
    assert "the sooner what was read is forgotten" in shown
    assert "in [1, inf)" in shown


def test_what_fits_in_its_slots_is_as_the_page_says(package):
    shown = dovetail(package, "fits mgu/digits encoder.cell", "check mgu/gates", "fits mgu/noisy-digits encoder.noise")
    assert "mgu/mgu\n" in shown
    assert "3 arms × 3 seeds" in shown
    assert shown.endswith("mgu/gaussian\ncore/none\n")


def test_the_noisy_system_trains(package):
    line = dovetail(package, "run mgu/noisy-digits train.epochs=1 train.limit=3 train.device=cpu")
    assert "finished" in line
    assert "accuracy.test" in line
