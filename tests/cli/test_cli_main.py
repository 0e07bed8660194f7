import os
import signal
import subprocess
import sys
import time

import pytest

from dovetail import __version__
from dovetail.cli import main as entry

COMMANDS = {
    *("plugins", "list", "systems", "grids", "show", "fits", "check"),
    *("run", "grid", "status", "report", "sample", "score", "new", "plugin"),
}


def command(*words, **how):
    words = [sys.executable, "-m", "dovetail.cli.main", *words]
    return subprocess.run(words, capture_output=True, text=True, check=False, **how)


def test_alone_it_says_what_it_can_do(dovetail):
    found = dovetail()
    text = found.out
    assert (found.status, found.err) == (0, "")
    assert "dovetail grid quickstart" in text
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_explains_itself(dovetail, name):
    found = dovetail(name, "--help")
    assert found.status == 0
    assert name in ("plugins", "systems", "grids") or f"Examples:\n    dovetail {name}" in found.out
    assert max(map(len, found.out.splitlines())) <= 100


def test_it_knows_its_version(dovetail):
    found = dovetail("--version")
    assert (found.status, found.out) == (0, f"{__version__}\n")


def test_an_unknown_command_and_a_missing_argument_are_mistakes(dovetail):
    found = dovetail("lisst")
    assert found.status == 2
    assert "No such command 'lisst'" in found.err
    assert dovetail("run").status == 2
    assert dovetail("run", "rows", "--seeds", "0").status == 2


def test_listing_never_imports_torch(workspace):
    script = """
import sys
from dovetail.cli.main import main
for line in ("list", "list cell", "plugins", "systems", "grids", "--help", "run --help", "--version"):
    words = line.split()
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 0, words
heavy = {"torch", "numpy", "lightning_fabric", "matplotlib", "scipy", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=workspace, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "standard/lstm" in done.stdout


def test_a_reader_that_leaves_is_no_error(workspace):
    for lines in (0, 1):
        done = subprocess.run(
            f"{sys.executable} -m dovetail.cli.main list | head -{lines}",
            shell=True,
            cwd=workspace,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == lines


def test_a_full_disk_behind_the_output_is_said(workspace):
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        done = subprocess.run(
            [sys.executable, "-m", "dovetail.cli.main", "plugins"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_a_workspace_it_says_where_to_go(tmp_path):
    found = command("run", "mine", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith("there is no system `mine`; ")
    assert "; no registry.toml is in this folder or above it" in found.stderr
    papers = ("--no-plugin", "recurrent-dropout", "--no-plugin", "text-gan", "--no-plugin", "hacap")
    listed = command(*papers, "systems", cwd=tmp_path)
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "there are no systems; no registry.toml is in this folder" in listed.stderr


def test_a_registry_that_is_no_toml_is_named_with_its_line(dovetail, workspace):
    (workspace / "registry.toml").write_text("[systems\n")
    found = dovetail("list")
    assert found.status == 2
    assert found.err.startswith(f"{workspace}/registry.toml: is not TOML: ")
    assert "line 1" in found.err
    assert dovetail("--help").status == 0


def test_a_workspace_may_be_elsewhere(dovetail, workspace, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "rows" in dovetail("--workspace", workspace / "registry.toml", "systems").out
    assert "rows" in dovetail(f"--workspace={workspace}/registry.toml", "systems").out
    assert (
        dovetail("--workspace", "none.toml", "systems").err == "none.toml: cannot be read: No such file or directory\n"
    )


def test_a_plugin_can_be_switched_off(dovetail):
    found = dovetail("--no-plugin", "recurrent-dropout", "check", "rows")
    assert found.status == 2
    assert "the plugin `recurrent-dropout` is disabled" in found.err


def test_an_error_of_ours_is_a_line_and_with_debug_a_traceback(dovetail, monkeypatch):
    def broken(words):
        raise RuntimeError("no reason")

    monkeypatch.setattr(entry, "make_app", broken)
    found = dovetail("list")
    assert found.status == 1
    assert found.err.startswith("RuntimeError: no reason\n    this is a fault of Dovetail's or a plugin's")
    with pytest.raises(RuntimeError, match="no reason"):
        entry.main(["--debug", "list"])


def is_gone(group):
    """Whether a group of processes is gone; Python's own resource tracker takes a moment."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_interrupted_it_ends_its_workers_and_goes_on_afterwards(workspace):
    words = [sys.executable, "-m", "dovetail.cli.main", "run", "rows", "train.epochs=120", "train.limit=2"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(workspace.glob("runs/*/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; the same command goes on from where it was" in error
    assert "Traceback" not in error
    assert is_gone(process.pid)
    (log,) = workspace.glob("runs/*/log.txt")
    done = command(*words[3:])
    assert done.returncode == 0, done.stderr
    assert "goes on at stage 0" in log.read_text()
