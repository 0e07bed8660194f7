import pickle
from itertools import combinations
from math import dist
from random import Random

import pytest
import torch

from dovetail import Image, Tokens
from dovetail.randomness import stream
from dovetail_standard.captions_space import Captions
from dovetail_standard.drawing import COLOURS, RADII, draw
from dovetail_standard.scene_space import Scene
from dovetail_standard.scenes import ALIGNED, ScenesSpec, draw_scene
from dovetail_standard.statements import APART, parse


def build(**values):
    return ScenesSpec(**{"train": 6, "valid": 3, "test": 4, **values}).build()


def equal(one, two) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    return all(equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_batch_lies_in_the_spaces_of_the_fields():
    data = build(size=24, objects=2, captions=3)
    tokens = data.fields["caption"]
    assert isinstance(tokens, Tokens)
    assert dict(data.fields) == {
        "image": Image(3, 24, 24),
        "captions": Captions(3, tokens),
        "caption": tokens,
        "scene": Scene(2),
    }
    for name, count in {"train": 6, "valid": 3, "test": 4}.items():
        assert len(data.split(name)) == count
        data.fields.check(data.split(name).take(range(count)))


@pytest.mark.parametrize("size", [16, 64, 100])
def test_images_show_the_scene_at_any_size(size):
    data = build(size=size)
    batch = data.split("train").take([4, 1, 0])
    for image, scene in zip(batch["image"], data.fields["scene"].decode(batch["scene"]), strict=True):
        for thing in scene:
            pixel = image[:, size * thing.y // 100, size * thing.x // 100]
            wanted = torch.tensor(COLOURS[thing.colour]) / 127.5 - 1
            if size > 16 or thing.size == "large":
                torch.testing.assert_close(pixel, wanted)
        torch.testing.assert_close(
            image, torch.from_numpy(draw(scene, size)).permute(2, 0, 1) / 127.5 - 1, atol=1e-6, rtol=0
        )


def test_captions_end_and_say_what_is_in_their_scene():
    data = build()
    batch = data.split("test").take(range(4))
    texts, scenes = data.fields["captions"].decode(batch["captions"]), data.fields["scene"].decode(batch["scene"])
    for captions in batch["captions"]:
        last = captions.data.gather(1, captions.lengths[:, None] - 1)
        assert (last == data.fields["caption"].vocabulary.end).all()
    for captions, scene in zip(texts, scenes, strict=True):
        assert len(set(captions)) == 5
        for caption in captions:
            found = parse(caption.split())
            assert not found.rest
            assert all(statement.holds(scene) for statement in found.statements)


def test_the_caption_is_the_first_without_augmentation_and_any_with():
    data = build()
    split, decode = data.split("train"), data.fields["caption"].decode
    all_of_them = data.fields["captions"].decode(split.take([2])["captions"])[0]
    assert decode(split.take([2])["caption"]) == all_of_them[:1]
    drawn = [decode(split.take([2], lambda i, e=epoch: stream(0, e, i))["caption"])[0] for epoch in range(60)]
    assert set(drawn) == set(all_of_them)
    again = [decode(split.take([0, 2], lambda i, e=epoch: stream(0, e, i))["caption"])[1] for epoch in range(60)]
    assert drawn == again


def test_an_example_does_not_depend_on_what_was_taken_before():
    whole, alone = build().split("train").take(range(6)), build().split("train").take([5])
    assert torch.equal(whole["image"][5:], alone["image"])
    longer = build(train=50).split("train")
    assert longer.example(5) == build().split("train").example(5)
    assert longer.take([5, 49])["scene"].data[0].any()


def test_taking_twice_gives_the_same_and_leaves_the_global_generator_alone():
    split = build().split("valid")
    before = torch.random.get_rng_state()
    first, second = split.take([0, 2]), split.take([0, 2])
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(equal(first[name], second[name]) for name in first)
    first["image"].fill_(0)
    assert torch.equal(split.take([0, 2])["image"], second["image"])


def test_scenes_and_captions_are_the_same_at_every_size():
    small, large = build(size=16).split("train"), build(size=64).split("train")
    assert [small.example(i) for i in range(6)] == [large.example(i) for i in range(6)]


def test_a_split_too_large_to_keep_is_drawn_anew_alike(monkeypatch):
    monkeypatch.setattr("dovetail_standard.scenes.KEPT_BYTES", 10)
    anew = build().split("train")
    assert not anew.keeps
    assert torch.equal(anew.take([3])["image"], build().split("train").take([3])["image"])
    assert torch.equal(anew.take([3])["image"], anew.take([3])["image"])


def test_a_split_travels_to_another_process():
    split = build().split("train")
    split.take([1])
    assert equal(pickle.loads(pickle.dumps(split)).take([1, 2])["image"], split.take([1, 2])["image"])


def test_the_fingerprint_changes_with_the_data_and_only_with_it():
    assert build().fingerprint == build().fingerprint
    changes = [{"seed": 1}, {"train": 7}, {"size": 32}, {"objects": 2}, {"captions": 4}]
    assert len({build().fingerprint, *(build(**change).fingerprint for change in changes)}) == 6


def test_another_seed_draws_other_scenes():
    assert build(seed=1).split("test").example(0) != build(seed=2).split("test").example(0)


def test_the_first_example_is_what_it_was_when_this_was_written():
    example = build().split("train").example(0)
    assert example.scene[0] == ("cross", "purple", "small", 88, 13)
    assert example.captions[0] == "a small purple triangle lies beneath a cross"


def test_no_scene_is_in_two_splits_whatever_the_seed():
    scenes = {"train": set(), "valid": set(), "test": set()}
    for seed in range(2):
        data = ScenesSpec(train=1500, valid=700, test=700, objects=1, seed=seed).build()
        for name, seen in scenes.items():
            split = data.split(name)
            seen |= {split.example(index).scene for index in range(len(split))}
    assert all(len(seen) > 1000 for seen in scenes.values())
    assert not any(one & two for one, two in combinations(scenes.values(), 2))


def test_shapes_keep_apart_inside_the_image_and_lie_clearly():
    for seed in range(2000):
        scene = draw_scene(Random(seed), 3)
        assert list(scene) == sorted(scene, key=lambda thing: (thing.x, thing.y))
        for thing in scene:
            assert all(1.2 * RADII[thing.size] < place < 100 - 1.2 * RADII[thing.size] for place in thing[3:])
        for one, two in combinations(scene, 2):
            assert dist(one[3:], two[3:]) > 1.2 * (RADII[one.size] + RADII[two.size])
            ways = [abs(one.x - two.x), abs(one.y - two.y)]
            assert all(way <= ALIGNED or way >= APART for way in ways)
            assert max(ways) >= APART


def test_scenes_have_every_number_of_objects_about_as_often():
    counts = [len(draw_scene(Random(seed), 3)) for seed in range(3000)]
    assert all(counts.count(number) == pytest.approx(1000, abs=120) for number in (1, 2, 3))
    assert {len(draw_scene(Random(seed), 1)) for seed in range(100)} == {1}


def test_an_index_outside_the_split_is_refused():
    with pytest.raises(IndexError, match=r"`index` must be in \[0, 6\), but is 6"):
        build().split("train").take([6])
    with pytest.raises(IndexError, match="but is -1"):
        build().split("train").example(-1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": 0}, r"`train` must be in \[1, inf\), but is 0"),
        ({"size": 7}, r"`size` must be in \[8, inf\), but is 7"),
        ({"objects": 4}, r"`objects` must be in \[1, 3\], but is 4"),
        ({"captions": 21}, r"`captions` must be in \[1, 20\], but is 21"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        build(**values)
