"""Samples of a finished run whose generator reads what its discriminator leaks."""

import pytest
import torch

import dovetail
from dovetail import Mistake, Vector
from dovetail.bench.store import RunFolder
from dovetail.randomness import reseed
from dovetail.report.samples import draw, leaking

WORKSPACE = """
[systems.leak]
extends       = "text-gan/leakgan-leak-small"
dataset       = { use = "text-gan/sentences", tokenizer = "text-gan/words", path = "texts.txt", longest = 9 }
generator     = { hidden = 6 }
discriminator = { embedding = { size = 4 }, cell = { hidden = 5 } }
stages        = [{ name = "adversarial", epochs = 1 }]
train         = { limit = 1 }
"""


def test_a_leak_is_read_where_samples_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.toml").write_text(WORKSPACE)
    (tmp_path / "texts.txt").write_text("".join(f"a {thing} is here\n" for thing in range(60)))
    registry = dovetail.registry()
    run = dovetail.train(registry.system("leak"), store=tmp_path / "runs")
    file = draw(RunFolder(run.folder.path), registry, n=5, seed=3).write()
    parts = dovetail.load(run.folder.path, registry).parts
    generator, judge = parts["generator"], parts["discriminator"]
    with torch.no_grad():
        for leak, same in ((judge, True), (None, False)):
            reseed(3, "sample")
            texts = generator.produces.decode(generator.sample(5, leak=leak))
            assert (file.read_text().splitlines() == texts) is same


def test_what_is_read_must_leak_from_a_part():
    with pytest.raises(Mistake, match="no part of the run does"):
        leaking({"encoder": object()}, Vector(3), "generator")
