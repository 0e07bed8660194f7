from itertools import pairwise
from random import Random

import pytest

from dovetail_standard.caption_words import LONGEST, PLACES, WORDS
from dovetail_standard.captions import choice, shuffled, write
from dovetail_standard.scene_space import Thing
from dovetail_standard.scenes import draw_scene
from dovetail_standard.statements import Counts, Lies, parse

CIRCLE = Thing("circle", "red", "large", 25, 70)
STAR = Thing("star", "blue", "small", 80, 10)


def test_every_caption_parses_wholly_and_holds():
    for seed in range(2000):
        scene = draw_scene(Random(seed), 3)
        for caption in write(scene, 5, Random(seed)):
            found = parse(caption.split())
            assert not found.rest, caption
            assert found.statements
            assert all(statement.holds(scene) for statement in found.statements), (caption, scene)


def test_captions_use_all_words_and_no_others_and_no_more_than_the_longest():
    captions = [caption for seed in range(2000) for caption in write(draw_scene(Random(seed), 3), 5, Random(seed))]
    assert {word for caption in captions for word in caption.split()} == set(WORDS)
    assert max(len(caption.split()) for caption in captions) <= LONGEST


@pytest.mark.parametrize("scene", [[CIRCLE], [CIRCLE, STAR]])
def test_the_captions_of_a_scene_differ(scene):
    assert len(set(write(scene, 20, Random(0)))) == 20


def test_captions_follow_from_the_stream():
    assert write([CIRCLE, STAR], 5, Random(3)) == write([CIRCLE, STAR], 5, Random(3))
    assert write([CIRCLE, STAR], 5, Random(3)) != write([CIRCLE, STAR], 5, Random(4))


def test_one_object_is_never_placed_and_two_are_often():
    def places(scene: list[Thing]) -> int:
        texts = write(scene, 100, Random(1))
        return sum(isinstance(statement, Lies) for text in texts for statement in parse(text.split()).statements)

    assert places([CIRCLE]) == 0
    assert places([CIRCLE, STAR]) > 30


def test_every_place_occurs_and_counts_reach_the_number_of_objects():
    twins = [CIRCLE, CIRCLE._replace(x=75), STAR]
    statements = [it for text in write(twins, 200, Random(2)) for it in parse(text.split()).statements]
    assert {it.place for it in statements if isinstance(it, Lies)} == set(PLACES)
    assert {it.number for it in statements if isinstance(it, Counts)} == {1, 2, 3}


def test_articles_follow_their_words():
    words = [text.split() for seed in range(300) for text in write(draw_scene(Random(seed), 3), 5, Random(seed))]
    pairs = [(one, two) for text in words for one, two in pairwise(text)]
    assert {two[0] in "aeiou" for one, two in pairs if one == "an"} == {True}
    assert {two[0] in "aeiou" for one, two in pairs if one == "a"} == {False}


def test_a_shuffle_keeps_all_items_and_a_choice_is_any():
    random = Random(0)
    assert sorted(shuffled(random, range(7))) == list(range(7))
    assert {tuple(shuffled(random, "abc")) for _ in range(200)} == set(
        map(tuple, ["abc", "acb", "bac", "bca", "cab", "cba"])
    )
    assert {choice(random, "xyz") for _ in range(50)} == set("xyz")
