"""What is published: Dovetail's wheel and sdist, built as a person builds them."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core/dovetail", *(f"plugins/{folder.name}" for folder in sorted(ROOT.glob("plugins/dovetail_*"))))


def in_tree(package):
    """A package's files by their place in the tree."""
    files = (file for file in (ROOT / package).rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in files}


def built(what, source, folder):
    """The archive that hatchling makes of a source folder."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", what, "-d", folder]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = folder.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return archive


def in_wheel(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.slow
def test_the_wheel_and_the_sdist_have_every_file_of_every_package(tmp_path):
    expected = {place: content for package in PACKAGES for place, content in in_tree(package).items()}
    names = [Path(place).name for place in expected]
    assert names.count("registry.toml") == len(PACKAGES)
    assert names.count("py.typed") == 1
    assert sum(name.endswith(".template") for name in names) > 40

    with tarfile.open(built("sdist", ROOT, tmp_path)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    for place, content in expected.items():
        assert (source / place).read_bytes() == content, place

    wheel = in_wheel(built("wheel", source, tmp_path))
    packed = {name: content for name, content in wheel.items() if ".dist-info/" not in name}
    assert packed == {place.partition("/")[2]: content for place, content in expected.items()}
    points = next(content for name, content in wheel.items() if name.endswith(".dist-info/entry_points.txt")).decode()
    assert all(f"{Path(package).name}.plugin" in points for package in PACKAGES[1:])
