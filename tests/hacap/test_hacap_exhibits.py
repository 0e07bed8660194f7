"""The pictures of captions: segments by hand, what is light, what a run and its samples draw, the errors."""

import pytest
import torch
from PIL import Image as Pictures

import dovetail
from dovetail.bench.store import FinishedRun, RunFolder, Store
from dovetail.report.samples import draw
from dovetail_hacap.exhibits import Exhibit, Segment, draw_run, draw_samples, figure_of, segments


def test_segments_by_hand():
    """Up, up, down, level, level, up: each ends where the next begins."""
    curve = [0.0, 1.0, 2.0, 1.0, 1.0, 1.0, 3.0]
    assert segments(curve) == [Segment(0, 2, 1), Segment(2, 3, -1), Segment(3, 5, 0), Segment(5, 6, 1)]
    assert segments([1.0]) == segments([]) == []


def exhibit(**changes):
    values = {
        "title": "a red square",
        "words": ("a", "red", "."),
        "weights": torch.tensor([[0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]),
        "grid": (2, 2),
        "image": torch.ones(3, 8, 8),
        "goals": torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]),
    }
    return Exhibit(**values | changes)


def shown(figure):
    """The images of a figure, in the order of the words."""
    return [axis.get_images()[0].get_array() for axis in figure.axes if axis.get_images()]


def test_a_place_is_light_where_it_was_looked_at():
    everywhere, first, _ = shown(figure_of(exhibit()))
    assert everywhere.min() == pytest.approx(1.0)
    assert first[0, 0].min() == pytest.approx(1.0)
    assert first[7, 7].max() == pytest.approx(0.25)


def test_curves_have_a_colour_for_each_direction():
    figure = figure_of(exhibit())
    lines = [line for axis in figure.axes for line in axis.get_lines() if line.get_linewidth() == 2]
    assert [list(line.get_xdata()) for line in lines] == [[0, 1], [1, 2], [0, 1], [1, 2]]
    assert lines[0].get_color() == lines[3].get_color() != lines[1].get_color() == lines[2].get_color()


def test_the_goal_of_a_caption_without_a_word_is_a_dot():
    figure = figure_of(exhibit(words=(".",), weights=torch.full((1, 4), 0.25), goals=torch.tensor([[0.6, 0.8]])))
    dots = [line for axis in figure.axes for line in axis.get_lines() if line.get_marker() == "o"]
    assert [line.get_ydata()[0] for line in dots] == pytest.approx([0.6, 0.8])


def test_without_goals_or_image_the_looks_are_drawn():
    looks = shown(figure_of(exhibit(goals=None, image=None)))
    assert looks[1].tolist() == [[1.0, 0.0], [0.0, 0.0]]


WORKSPACE = """
[systems.tiny]
extends   = "hacap/likelihood"
dataset   = { train = 8, valid = 4, test = 4, size = 16 }
generator = { encoder = { encoder = { channels = [4, 4] } } }
train     = { epochs = 1, batch = 4 }
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captions")
    (folder / "registry.toml").write_text(WORKSPACE)
    return folder


@pytest.fixture(scope="module")
def finished(workspace):
    registry = dovetail.registry(workspace=workspace / "registry.toml")
    run = dovetail.train(registry.system("tiny"), store=workspace / "runs")
    return FinishedRun(RunFolder(run.folder.path), registry, Store(workspace / "runs"))


def test_a_run_draws_real_and_generated_captions(finished, tmp_path):
    drawn = draw_run(finished, split="valid", n=2, folder=tmp_path)
    assert [file.name for file in drawn] == [
        "valid-1-generated.png",
        "valid-1-real.png",
        "valid-2-generated.png",
        "valid-2-real.png",
    ]
    for file in drawn:
        with Pictures.open(file) as picture:
            assert picture.width > 600


def test_a_picture_is_captioned_and_drawn(finished, workspace, tmp_path):
    photo = tmp_path / "photo.jpg"
    Pictures.new("L", (40, 30), 200).save(photo)
    samples = draw(finished.folder, finished.registry, files=[photo], n=2)
    (first, second) = draw_samples(samples, tmp_path)
    assert first.name == "caption-1.png"
    assert second.is_file()
    assert len(samples.texts) == 2


def test_a_run_without_a_captioner_shows_nothing(finished, tmp_path):
    class Other:
        generator = object()

    assert draw_samples(Other(), tmp_path) == []
