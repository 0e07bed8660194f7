import json

import pytest
import torch
from attrs import resolve_types
from hypothesis import given
from hypothesis import strategies as st

from dovetail import Mistake, Padded
from dovetail_standard.scene_space import (
    COLOURS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    from_json,
    read_scenes,
    to_json,
    write_scenes,
)

CIRCLE = Thing("circle", "red", "large", 25, 70)
STAR = Thing("star", "blue", "small", 80, 10)
things = st.builds(
    Thing,
    st.sampled_from(SHAPES),
    st.sampled_from(COLOURS),
    st.sampled_from(SIZES),
    st.integers(0, 100),
    st.integers(0, 100),
)


def test_a_scene_is_a_row_of_integers_for_each_object():
    assert Scene(3).encode([CIRCLE, STAR]).tolist() == [[0, 0, 1, 25, 70], [3, 4, 0, 80, 10]]


@given(st.lists(st.lists(things, max_size=3), min_size=1, max_size=5))
def test_decoding_gives_back_what_was_encoded(scenes):
    space = Scene(3)
    batch = space.collate([space.encode(scene) for scene in scenes])
    space.check(batch)
    assert space.decode(batch) == [tuple(scene) for scene in scenes]


def test_a_fake_batch_lies_in_the_space():
    space = Scene(2)
    batch = space.fake(50, torch.Generator().manual_seed(1))
    space.check(batch)
    assert set(batch.lengths.tolist()) == {1, 2}
    assert not batch.data[~batch.mask].any()


def test_more_objects_than_the_space_has_are_refused():
    with pytest.raises(ValueError, match="`objects` must be at most 1 long, but is 2"):
        Scene(1).encode([CIRCLE, STAR])


@pytest.mark.parametrize(
    ("batch", "rule"),
    [
        (torch.zeros(2, 3, 5), "must be Padded, but is Tensor"),
        (Padded(torch.zeros(2, 3, 4).long(), torch.ones(2)), r"of Row\(\) must be \(batch, 5\), but is \(6, 4\)"),
        (Padded(torch.zeros(2, 4, 5).long(), torch.ones(2)), "at most 3 long, but is 4"),
        (Padded(torch.zeros(2, 3, 5).long(), torch.ones(3)), r"with one length an example, but is \(3,\)"),
        (Padded(torch.zeros(2, 3, 5), torch.ones(2)), "integers, but is torch.float32"),
        (Padded(torch.zeros(2, 3, 5).long(), torch.tensor([1, 4])), r"lengths inside the data, but is \[1, 4\]"),
        (Padded(torch.full((2, 3, 5), 2), torch.ones(2)), r"of Row\(\) must be in \[0, 1\], but is outside"),
    ],
)
def test_what_is_no_batch_of_scenes_is_refused(batch, rule):
    with pytest.raises(ValueError, match=rule):
        Scene(3).check(batch)


def test_equal_scenes_are_one_space_whose_types_resolve():
    assert Scene(3) == Scene() != Scene(2)
    resolve_types(Scene)


@given(st.lists(things, max_size=4))
def test_a_scene_survives_json(scene):
    assert from_json(json.loads(json.dumps(to_json(scene)))) == tuple(scene)


def test_scenes_survive_a_file_of_json_lines(tmp_path):
    file = tmp_path / "scenes.jsonl"
    write_scenes(file, [[CIRCLE, STAR], [], [STAR]])
    assert list(read_scenes(file)) == [(CIRCLE, STAR), (), (STAR,)]
    space, batch = Scene.read(file)
    assert space == Scene(2)
    assert batch.lengths.tolist() == [2, 0, 1]
    assert space.decode(batch)[0] == (CIRCLE, STAR)


LINE = '{"objects": [{"shape": "circle", "colour": "red", "size": "large", "x": 25, "y": 70}]}'


def test_a_line_is_as_documented_and_may_hold_more(tmp_path):
    file = tmp_path / "scenes.jsonl"
    file.write_text(f'\n{LINE}\n\n{LINE[:-1]}, "image": "1.png"}}\n')
    assert list(read_scenes(file)) == [(CIRCLE,)] * 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"is not JSON: Expecting .*; a line is like \{"),
        ("[1]", r"a scene must be like \{"),
        ('{"objects": 3}', r"a scene must be like \{"),
        ('{"objects": [3]}', r"`objects\[0\]` must be an object with shape, colour, size, x, y, but is 3"),
        (LINE.replace("colour", "color"), r"`objects\[0\].color` is no attribute: did you mean `colour`\?"),
        (LINE.replace('"x": 25, ', ""), r"`objects\[0\].x` is missing"),
        (LINE.replace('"red"', '"rde"'), r"`objects\[0\].colour` must be one of .*; did you mean `red`"),
        (LINE.replace('"red"', "3"), r"`objects\[0\].colour` must be one of black, .*, but is 3$"),
        (LINE.replace('"red"', "[3]"), r"`objects\[0\].colour` must be one of black, .*, but is \[3\]$"),
        (LINE.replace("25", "101"), r"`objects\[0\].x` must be an integer in \[0, 100\], but is 101"),
        (LINE.replace("25", "2.5"), r"`objects\[0\].x` must be an integer in \[0, 100\], but is 2.5"),
        (LINE.replace("25", "true"), r"`objects\[0\].x` must be an integer in \[0, 100\], but is True"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_number(tmp_path, line, message):
    file = tmp_path / "scenes.jsonl"
    file.write_text(f"{LINE}\n{line}\n")
    with pytest.raises(Mistake, match=rf"scenes.jsonl:2: {message}"):
        Scene.read(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Mistake, match=r"none.jsonl: cannot be read: No such file"):
        Scene.read(tmp_path / "none.jsonl")


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "scenes.jsonl").write_bytes(b'{"objects": "\xff"}')
    with pytest.raises(Mistake, match=r"scenes.jsonl: is not UTF-8: byte 13 is 0xff"):
        Scene.read(tmp_path / "scenes.jsonl")


def test_a_file_without_an_object_is_refused(tmp_path):
    (tmp_path / "scenes.jsonl").write_text('{"objects": []}\n')
    with pytest.raises(Mistake, match=r"scenes.jsonl: has no scene with an object; a line is like \{"):
        Scene.read(tmp_path / "scenes.jsonl")
