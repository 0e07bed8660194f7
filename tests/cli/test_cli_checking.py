import re
import sys

import pytest

EIGHT = """\
[systems.eight]
dataset   = { use = "standard/text-chars", path = "novel.txt", windw = 7 }
metrics   = { accuracy = "standard/accuracy", second = "standard/lstm" }
train     = { epochs = 2.5, batch = 0 }
objective = { use = "standard/classify", optimizer = { use = "standard/adm", lr = 0.1 } }
[systems.eight.encoder]
use       = "standard/sequence"
embedding = { use = "story/embedding" }
head      = { use = "core/none", size = 3 }
cell      = "standard/gru"
"""


def test_eight_faults_of_different_sorts_come_in_one_answer(dovetail, workspace):
    (workspace / "registry.toml").write_text(EIGHT)
    found = dovetail("check", "eight")
    assert (found.status, found.out) == (2, "")
    assert "Traceback" not in found.err
    lines = [line for line in found.err.splitlines() if line.startswith(str(workspace))]
    assert found.err.startswith("system eight: 8 faults\n")
    told = {
        line.split(": ")[0].rpartition(":")[2] + " " + line.split(": ")[1]: line.split(": ", 2)[2] for line in lines
    }
    assert set(told) == {
        "2 dataset.windw", "2 dataset.path", "3 metrics.second", "4 train.epochs", "4 train.batch",
        "5 objective.optimizer", "8 encoder.embedding", "9 encoder.head.size",
    }  # fmt: skip
    assert "did you mean `window`?" in told["2 dataset.windw"]
    assert f"`{workspace}/novel.txt`" in told["2 dataset.path"]
    assert "`standard/lstm` is a cell, but a metric is wanted" in told["3 metrics.second"]
    assert "must be an integer, but is 2.5" in told["4 train.epochs"]
    assert "must be in [1, inf), but is 0" in told["4 train.batch"]
    assert "did you mean `standard/adam`?" in told["5 objective.optimizer"]
    assert "the plugin `story` is not installed" in told["8 encoder.embedding"]
    assert "core/none takes no parameters, but `size` is given" in told["9 encoder.head.size"]
    assert found.err.endswith("data and spaces not checked: mend the above first\n")


def test_spaces_that_do_not_fit_are_both_named_with_what_would(dovetail):
    found = dovetail("check", "misfit")
    assert found.status == 2
    first, *rest = found.err.splitlines()
    assert "encoder standard/sequence takes Sequence or Tokens as `input`" in first
    assert "dataset standard/digits gives Image(channels=1, height=8, width=8" in first
    assert rest[0].startswith("    `encoder` could be standard/conv, standard/flatten,")
    assert "standard/sequence" not in rest[0]


def test_what_is_said_to_fit_then_fits(dovetail):
    names = dovetail("fits", "misfit", "encoder").out.split()
    assert "standard/mlp" in names
    assert all(dovetail("check", "misfit", f"encoder={name}").status == 0 for name in names)


@pytest.mark.parametrize(
    "text",
    [
        'encoder = "evil:Spec"',
        'encoder = { use = "evil:Spec" }',
        'encoder = { spec = "evil:Spec" }',
        'encoder = { use = "standard/sequence", cell = { use = "evil.Spec" } }',
        '[encoder.mine]\nspec = "evil:Spec"',
    ],
)
def test_an_import_path_in_a_system_is_refused_and_imports_nothing(dovetail, workspace, monkeypatch, text):
    (workspace / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(workspace)
    head = 'dataset = "standard/digits"\nobjective = { use = "standard/classify", optimizer = "standard/adam" }\n'
    (workspace / "registry.toml").write_text(f"[systems.stranger]\n{head}{text}\n")
    found = dovetail("check", "stranger")
    assert found.status == 2
    assert f"{workspace}/registry.toml:" in found.err
    assert "evil" not in sys.modules


def test_a_right_system_says_what_its_swaps_keep(dovetail):
    found = dovetail("check", "rows", "encoder.cell=gru")
    assert (found.status, found.err) == (0, "")
    assert "encoder.cell: recurrent-dropout/lstm → standard/gru: kept hidden" in found.out
    assert found.out.endswith("system rows: fits\n")


def test_how_many_sentences_training_does_not_see_whole_is_said(dovetail):
    words = "check", "recurrent-dropout/ner", "dataset=recurrent-dropout/conll-stand-in"
    whole, cropped = dovetail(*words, "dataset.crop=40"), dovetail(*words, "dataset.train=60", "dataset.crop=6")
    assert (whole.status, cropped.status) == (0, 0)
    assert "examples have more than" not in whole.out
    assert re.search(r"train: \d+ of 60 examples have more than 6 words: an epoch sees 6", cropped.out)


def test_a_file_is_checked_to_its_end(dovetail):
    found = dovetail("check", "registry.toml")
    assert found.status == 2
    assert "system rows: fits\n" in found.out
    assert "system drawn: fits\n" in found.out
    assert "grid rates: every arm fits; 2 arms × 2 seeds = 4 runs:" in found.out
    assert "system misfit: encoder:" in found.err


def test_a_plugins_registry_is_no_workspace(dovetail, workspace):
    (workspace / "plugin.toml").write_text('[plugin]\nname = "mine"\napi = 1\n')
    found = dovetail("check", "plugin.toml")
    assert (found.status, found.err) == (
        2,
        "plugin.toml: is a plugin's own registry; `dovetail plugins` says what became of it\n",
    )


@pytest.mark.parametrize("words", [["check", "rowz"], ["fits", "rowz"], ["run", "rowz"]])
def test_an_unknown_system_is_a_mistake_with_a_hint(dovetail, words):
    found = dovetail(*words)
    assert found.status == 2
    assert "`rowz`; did you mean `rows`?" in found.err


def test_every_slot_or_one_is_filled(dovetail):
    lines = dovetail("fits", "rows").out.splitlines()
    slots = {line.split()[0]: line.split(maxsplit=1)[1].split(", ") for line in lines}
    assert set(slots) >= {"dataset", "encoder", "encoder.cell", "encoder.cell.dropout", "objective.optimizer"}
    assert "core/none" in slots["encoder.cell.dropout"]
    assert "core/none" not in slots["encoder.cell"]
    assert dovetail("fits", "rows", "encoder.cell").out.split() == slots["encoder.cell"]
    changed = dovetail("fits", "rows", "encoder.cell.dropout", "encoder.cell=gru")
    assert changed.status == 2
    assert "system rows has no slot `encoder.cell.dropout`" in changed.err
    assert dovetail("fits", "rows", "encoder.cell=gru", "encoder.cell").out.split() == slots["encoder.cell"]
    both = dovetail("fits", "rows", "encoder", "encoder.cell")
    assert (both.status, both.err) == (2, "one slot can be asked for, but here are encoder and encoder.cell\n")
