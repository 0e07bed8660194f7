"""No pickle is read from any file, and nothing that a file holds is run: held against the sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")])
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
RUNS = {"eval", "exec", "compile", "__import__"}
LOADS = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("torch", "jit"), ("pd", "read_pickle")}
THE_ONE = "plugins/dovetail_standard/weights.py"
"""Converts torchvision's published weights, through torch's restricted loader."""


def dangers(source):
    """What could run a file's content, as `(line, what)`."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
            names += ["torch.load"] if node.module == "torch" and any(a.name == "load" for a in node.names) else []
        yield from ((node.lineno, name) for name in names if name in PICKLES or name == "torch.load")
        if isinstance(node, ast.Name) and node.id in RUNS:
            yield node.lineno, node.id
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in LOADS:
            yield node.lineno, f"{node.value.id}.{node.attr}"
        if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only"):
            yield node.lineno, f"{node.arg}={ast.unparse(node.value)}"


def test_the_search_finds_what_it_is_for():
    text = (
        "import pickle\nfrom torch import load\ntorch.load(f)\nnp.load(f, allow_pickle=True)\neval('x')\nmodel.eval()\n"
    )
    assert {what for _, what in dangers(text)} == {
        "pickle", "torch.load", "np.load", "allow_pickle=True", "eval",
    }  # fmt: skip


def test_there_are_sources():
    assert len(SOURCES) > 50


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_is_unpickled_or_run(file):
    found = [what for _, what in dangers(file.read_text(encoding="utf-8"))]
    allowed = ["pickle", "torch.load", "weights_only=True"] if str(file.relative_to(ROOT)) == THE_ONE else []
    assert sorted(found) == sorted(allowed)
