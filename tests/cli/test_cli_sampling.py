"""The command sample: how texts are written, and of which pictures."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

import dovetail as library
import dovetail_hacap.plugin
from dovetail import Image
from dovetail.assembly import Assembly
from dovetail.report.pictures import read_picture
from dovetail_standard.beam import Beam
from dovetail_standard.strategy import Greedy

SYSTEMS = """
[systems.seen]
dataset   = { use = "standard/scenes", train = 6, valid = 4, test = 4, size = 16 }
objective = { use = "text-gan/likelihood", text = "caption", given = "image" }
train     = { epochs = 1, batch = 4, limit = 1, device = "cpu" }
[systems.seen.generator]
use       = "hacap/attend"
hidden    = 5
embedding = { use = "standard/embedding", size = 4 }
attention = { use = "hacap/gated", hidden = 4 }
encoder   = { use = "standard/conv", channels = [3], output = "regions" }

[systems.read]
extends   = "seen"
objective = { given = "vector" }
generator = { use = "standard/rnn-lm", cell = { use = "standard/gru", hidden = 5 } }
[systems.read.dataset]
use     = "standard/features"
dataset = { use = "standard/scenes", train = 6, valid = 4, test = 4, size = 16 }
encoder = { use = "standard/conv", channels = [3], output = "mean" }
into    = "vector"
device  = "cpu"

[systems.drawn]
dataset       = { use = "standard/digits" }
generator     = { use = "standard/dcgan", start = 2, width = 4 }
discriminator = { use = "standard/dcgan", end = 2, width = 4 }
objective     = "standard/adversarial"
train         = { epochs = 1, batch = 4, limit = 1, device = "cpu" }
"""
WHITE, GREY = "white.png", "grey.jpg"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A store with a run of each system, trained for a moment."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "registry.toml").write_text(SYSTEMS)
    registry = library.registry(folder / "registry.toml")
    features = {"dataset.cache": str(folder)}
    for system, changes in (("seen", {}), ("read", features), ("drawn", {})):
        library.train(registry.system(system, changes), store=folder)
    return folder


@pytest.fixture
def sample(dovetail, workspace, runs):
    """`sample("seen", "-n", "2")`, in a folder with two pictures."""
    Pictures.new("RGB", (40, 30), "white").save(workspace / WHITE)
    noise = np.random.default_rng(0).integers(0, 256, (50, 20), dtype=np.uint8)
    Pictures.fromarray(noise).save(workspace / GREY)
    return partial(dovetail, "sample", "--store", runs)


def run_of(runs, system):
    (folder,) = runs.glob(f"{system}-s0-*")
    return folder


def test_a_caption_is_written_of_each_picture(sample, runs, workspace):
    found = sample("seen", "--input", GREY, "--input", WHITE, "decoding=standard/beam", "decoding.width=3")
    assert found.status == 0, found.err
    generator, space = library.load(run_of(runs, "seen")).generator, Image(3, 16, 16)
    given = torch.stack([read_picture(workspace / name, space) for name in (GREY, WHITE)])
    texts = generator.produces.decode(Beam(width=3)(generator, 2, given))
    assert found.out == f"{GREY}: {texts[0]}\n{WHITE}: {texts[1]}\n"
    file = run_of(runs, "seen") / "samples.txt"
    assert file.read_text().splitlines() == texts
    assert found.err == f"{file}\n"


def test_several_of_a_picture_stand_behind_one_another(sample, workspace):
    words = ("seen", "-n", "2", "--input", GREY, "--input", WHITE, "--out", "four", "--seed", "3")
    found = sample(*words)
    assert [line.split(": ")[0] for line in found.out.splitlines()] == [GREY, GREY, WHITE, WHITE]
    assert len((workspace / "four.txt").read_text().splitlines()) == 4
    assert sample(*words).out == found.out


def test_an_encoder_of_the_dataset_reads_the_picture(sample, runs, workspace):
    """With the weights that it has in the dataset, which are those of its path."""
    found = sample("read", "--input", GREY, "decoding=standard/greedy", "--out", "one")
    assert found.status == 0, found.err
    registry = library.registry(runs / "registry.toml")
    assembly = Assembly(registry)
    assembly.handle(registry.system("read", {"dataset.cache": str(runs)}).stages[-1].dataset, "dataset").build()
    (built,) = assembly.built["dataset.encoder"]
    generator = library.load(run_of(runs, "read")).generator
    with torch.no_grad():
        given = built.module(read_picture(workspace / GREY, Image(3, 16, 16))[None])
    assert given.shape == (1, generator.given.size)
    assert generator.produces.decode(Greedy()(generator, 1, given)) == (workspace / "one.txt").read_text().splitlines()


def test_what_cannot_be_sampled_so_is_refused(sample, workspace):
    (workspace / "words.png").write_text("no picture")
    for words, says in (
        (("seen",), "needs a condition, Image(channels=3, height=16, width=16, low=-1.0, high=1.0), and cannot be"),
        (("seen",), "give pictures to make it of, --input FILE"),
        (("seen", "--input", "none.png"), "none.png: is no picture that can be read: No such file or directory"),
        (("seen", "--input", GREY, "--input", "words.png"), "words.png: is no picture that can be read"),
        (("seen", "--input", GREY, "decoding.width=3"), "decoding: a table here needs `use`, the name of a component"),
        (("seen", "--input", GREY, "decoding=standard/gru"), "`standard/gru` is a cell, but a decoding is wanted"),
        (("seen", "--input", GREY, "decoding=beam", "decoding.width=0"), "`width` must be in [1, inf), but is 0"),
        (("seen", "--input", GREY, "deccoding=beam"), "deccoding: unknown key; did you mean `decoding`?"),
        (("drawn", "--input", GREY), "the generator `generator` of the run drawn-s0-"),
        (("drawn", "--input", GREY), "takes no condition: leave --input out"),
        (("drawn", "decoding=beam"), "`decoding` is how a generator of tokens writes, but `generator` makes Image("),
    ):
        found = sample(*words)
        assert (found.status, found.out) == (2, ""), found.err
        assert says in found.err


def test_plugins_draw_samples_where_a_figure_is_asked_for(sample, workspace, monkeypatch):
    told = []

    def dovetail_samples(samples, folder):
        told.append(samples)
        files = [folder / "one.png", folder / "two.png"]
        for file in files:
            file.touch()
        return files

    monkeypatch.setattr(dovetail_hacap.plugin, "dovetail_samples", None)
    silent = sample("seen", "--input", GREY, "--figure")
    assert silent.status == 0
    assert "--figure: no plugin has anything to draw of these samples" in silent.err
    monkeypatch.setattr(dovetail_hacap.plugin, "dovetail_samples", library.hook(dovetail_samples), raising=False)
    assert sample("seen", "--input", GREY).status == 0
    assert not told
    found = sample("seen", "-n", "2", "--input", GREY, "--figure", "--out", "new/here")
    assert found.err == "new/here.txt, one.png, two.png\n"
    assert (workspace / "new/two.png").exists()
    (samples,) = told
    assert [str(file) for file in samples.files] == [GREY] * 2
    assert samples.given.shape == (2, 3, 16, 16)
    assert samples.texts == (workspace / "new/here.txt").read_text().splitlines()
    assert samples.generator.produces.decode(samples.values) == samples.texts
    assert samples.run.folder.name.startswith("seen-s0-")
    assert samples.run.system.stages[-1].objective.given == "image"
