from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from dovetail import Image, Mistake, Padded, Tokens, Vector, Vocabulary, registry
from dovetail.bench.files import read_tensors
from dovetail.bench.store import RunFolder
from dovetail.report.conditions import repeated
from dovetail.report.samples import choose, decoding, generators, samples_of, sheet, write_samples
from dovetail.tables import overrides
from dovetail_standard.beam import Beam
from dovetail_standard.strategy import Greedy


def test_images_stand_in_rows_from_left_to_right():
    images = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8]).reshape(5, 1, 1, 1).expand(5, 1, 64, 64)
    pixels = np.asarray(sheet(images, low=0, high=1, columns=3))
    assert pixels.shape == (2 + 2 * 66, 2 + 3 * 66, 3)
    assert [pixels[34 + 66 * (k // 3), 34 + 66 * (k % 3), 0] for k in range(5)] == [0, 51, 102, 153, 204]


def test_the_range_becomes_black_to_white_and_values_outside_are_cut_off():
    images = torch.tensor([-3.0, -1.0, 1.0, 3.0]).reshape(4, 1, 1, 1).expand(4, 1, 70, 70)
    pixels = np.asarray(sheet(images, columns=4))
    assert pixels.shape[0] == 74
    assert [pixels[20, 20 + 72 * k, 0] for k in range(4)] == [0, 0, 255, 255]


def test_small_images_are_enlarged_without_smoothing():
    image = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(1, 1, 2, 2)
    pixels = np.asarray(sheet(image.expand(2, 1, 2, 2), low=0, high=1))[2:-2, 68:-2, 0]
    assert pixels.shape == (64, 64)
    assert np.unique(pixels).tolist() == [0, 255]
    assert (pixels[:32, 32:] == 255).all()
    assert (pixels[:32, :32] == 0).all()


def test_a_sheet_is_about_square_by_default():
    assert sheet(torch.zeros(10, 1, 64, 64)).size == (2 + 4 * 66, 2 + 3 * 66)


def test_colours_are_kept():
    image = torch.tensor([1.0, 0.0, 0.5]).reshape(1, 3, 1, 1).expand(1, 3, 32, 32)
    assert np.asarray(sheet(image, low=0, high=1))[10, 10].tolist() == [255, 0, 128]


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (2, 2, 8, 8), (1, 8, 8)])
def test_what_is_no_batch_of_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"`images` must be \(batch, channels, height, width\) of 1 or 3 channels"):
        sheet(torch.zeros(shape))


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="`low` must be below `high`, but is 1 and 1"):
        sheet(torch.zeros(1, 1, 8, 8), low=1, high=1)


def test_images_are_written_in_their_own_range(tmp_path):
    file = write_samples(Image(1, 8, 8, low=0.0, high=2.0), torch.full((1, 1, 8, 8), 1.0), tmp_path / "new" / "samples")
    assert file == tmp_path / "new" / "samples.png"
    with Pictures.open(file) as picture:
        assert picture.getpixel((30, 30)) == (128, 128, 128)


def test_an_ending_that_is_given_is_not_given_twice(tmp_path):
    assert write_samples(Vector(3), torch.zeros(2, 3), tmp_path / "x.safetensors").name == "x.safetensors"
    assert write_samples(Vector(3), torch.zeros(2, 3), tmp_path / "v1.5").name == "v1.5.safetensors"


def test_texts_are_a_line_each(tmp_path):
    space = Tokens(Vocabulary.of(["cat", "dog"]))
    texts = Padded(torch.tensor([[4, 5], [5, 2]]), torch.tensor([2, 2]))
    assert write_samples(space, texts, tmp_path / "samples").read_text() == "cat dog\ndog\n"


def test_texts_of_several_lines_are_told_apart(tmp_path):
    space = Tokens(Vocabulary.of(["a", "\n"], joiner=""))
    texts = Padded(torch.tensor([[4, 5, 4], [4, 0, 0]]), torch.tensor([3, 1]))
    assert write_samples(space, texts, tmp_path / "samples").read_text() == "--- 1\na\na\n\n--- 2\na\n"


def test_anything_else_is_tensors_by_name(tmp_path):
    value = {"code": torch.arange(6.0).reshape(2, 3), "text": Padded(torch.tensor([[4], [5]]), torch.tensor([1, 1]))}
    tensors, header = read_tensors(write_samples(Vector(3), value, tmp_path / "samples"))
    assert set(tensors) == {"samples.code", "samples.text", "samples.text.lengths"}
    assert tensors["samples.code"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert header == {"space": "Vector(size=3)"}


def a_run(**parts):
    """A finished run whose parts were built with these spaces."""
    stage = SimpleNamespace(parts=dict.fromkeys(parts))
    return SimpleNamespace(
        folder=SimpleNamespace(name="x-s0"),
        system=SimpleNamespace(stages=(stage,)),
        spaces={"slots": {name: [spaces] for name, spaces in parts.items()}},
    )


DRAWS = {"produces": Image(1, 8, 8), "given": None, "leaks": None}
TOLD = {**DRAWS, "given": Vector(5)}


def test_what_generates_is_known_by_what_it_was_built_for():
    assert generators(a_run(generator=DRAWS, painter=TOLD, encoder={"input": Vector(3)})) == {
        "generator": None,
        "painter": Vector(5),
    }


def test_the_one_generator_needs_no_name_and_one_of_several_does():
    assert choose(a_run(encoder={"input": Vector(3)}, drawer=DRAWS), None) == "drawer"
    two = a_run(first=DRAWS, second=DRAWS)
    assert choose(two, "second") == "second"
    with pytest.raises(Mistake, match="has several generators: choose --part first or --part second"):
        choose(two, None)
    with pytest.raises(Mistake, match="has no generator `third`; its generators are first, second"):
        choose(two, "third")


def test_what_does_not_generate_is_not_sampled():
    with pytest.raises(Mistake, match="the run x-s0 has no generator to sample from; its parts are encoder"):
        choose(a_run(encoder={"input": Vector(3)}), None)


def writes_by(own, *changes):
    """How a run writes whose objective has this in its slot `decoding`."""
    objective = SimpleNamespace() if own is None else SimpleNamespace(decoding=own)
    run = SimpleNamespace(
        system=SimpleNamespace(stages=(SimpleNamespace(objective=objective),)),
        registry=registry(),
        store=SimpleNamespace(earlier=lambda _: None),
    )
    return decoding(run, overrides(changes))


def test_texts_are_written_as_asked_else_as_the_objective_writes_them():
    assert writes_by(None) is None
    assert writes_by(None, "decoding=standard/beam", "decoding.width=3") == Beam(width=3)
    assert writes_by(Beam(width=7)) == Beam(width=7)
    assert writes_by(Beam(width=7), "decoding.alpha=0.5") == Beam(width=7, alpha=0.5)
    assert writes_by(Beam(width=7), "decoding=greedy", "decoding.length=4") == Greedy(length=4)
    assert writes_by(Beam(width=7), "decoding=core/none") is None


def test_nothing_else_can_be_changed_where_samples_are_drawn():
    with pytest.raises(Mistake, match=r"(?s)2 faults.*generator: unknown key.*decoding\.width: must be an integer"):
        writes_by(Beam(), "generator.cell=standard/gru", "decoding.width=wide")


def test_a_condition_of_several_tensors_is_repeated_example_by_example():
    texts = Padded(torch.tensor([[4, 5], [6, 0]]), torch.tensor([2, 1]))
    twice = repeated(texts, 2)
    assert twice.data.tolist() == [[4, 5], [4, 5], [6, 0], [6, 0]]
    assert twice.lengths.tolist() == [2, 2, 1, 1]
    assert repeated(torch.tensor([[1.0], [2.0]]), 2).tolist() == [[1.0], [1.0], [2.0], [2.0]]


def test_samples_that_are_there_are_found(tmp_path):
    assert samples_of(RunFolder(tmp_path)) is None
    (tmp_path / "samples.txt").write_text("x")
    assert samples_of(RunFolder(tmp_path)) == tmp_path / "samples.txt"
