"""The command, run in this process; and a workspace whose system trains in a moment."""

import os
import warnings

import pytest
from attrs import frozen

from dovetail.cli.main import main

WORKSPACE = """\
[aliases.cell]
gru = "standard/gru"

[systems.rows]
summary   = "Digits, row by row"
dataset   = { use = "standard/digits", form = "rows" }
objective = { use = "standard/classify", optimizer = { use = "standard/adam", lr = 0.01 } }
metrics   = { accuracy = "standard/accuracy" }
train     = { epochs = 1, batch = 64, limit = 3 }
[systems.rows.encoder]
use  = "standard/sequence"
cell = { use = "recurrent-dropout/lstm", hidden = 5 }

[systems.misfit]
dataset   = { use = "standard/digits" }
objective = { use = "standard/classify", optimizer = { use = "standard/adam", lr = 0.01 } }
encoder   = { use = "standard/sequence", cell = "standard/lstm" }

[systems.drawn]
dataset       = { use = "standard/digits" }
generator     = { use = "standard/dcgan", start = 2, width = 4 }
discriminator = { use = "standard/dcgan", end = 2, width = 4 }
train         = { epochs = 1, batch = 64, limit = 2 }
[systems.drawn.objective]
use = "standard/adversarial"
generator_optimizer     = { use = "standard/adam", lr = 0.001 }
discriminator_optimizer = { use = "standard/adam", lr = 0.001 }

[grids.rates]
summary = "One rate that works and one that cannot"
base    = "rows"
seeds   = 2
axes.lr = { path = "objective.optimizer.lr", values = [0.01, 1e38] }
"""


@frozen
class Result:
    status: int
    out: str
    err: str


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with a registry.toml, which is the current one."""
    (tmp_path / "registry.toml").write_text(WORKSPACE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("DOVETAIL_STORE", raising=False)
    return tmp_path


@pytest.fixture
def dovetail(workspace, capsys, monkeypatch):
    """`dovetail("list", "cell")`: the exit status and what was printed."""
    monkeypatch.setenv("PYTHONWARNINGS", os.environ.get("PYTHONWARNINGS", ""))
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        return Result(end.value.code, *capsys.readouterr())

    return run
