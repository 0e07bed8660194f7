from random import Random

import pytest
import torch

from dovetail import Fields, Padded, Tokens, Vocabulary
from dovetail_standard.caption_words import WORDS as ALL_WORDS
from dovetail_standard.caption_words import vocabulary
from dovetail_standard.captions import write
from dovetail_standard.scene_space import Scene, Thing, write_scenes
from dovetail_standard.scenes import ScenesSpec, draw_scene
from dovetail_standard.truth import Truth, TruthSpec

CIRCLE = Thing("circle", "red", "large", 25, 70)
STAR = Thing("star", "blue", "small", 80, 10)
WORDS = Tokens(vocabulary())


def build(samples=WORDS, references=None) -> Truth:
    return TruthSpec().build(outcome=Fields({"samples": samples, "scene": references or Scene(3)}))


def outcome(texts, scenes, tokens=WORDS):
    numbers = [torch.tensor([*tokens.vocabulary.encode(text.split()), tokens.vocabulary.end]) for text in texts]
    space = Scene(3)
    return {
        "samples": tokens.collate(numbers),
        "scene": space.collate([space.encode(scene) for scene in scenes]),
    }


def score(text, scene=(CIRCLE, STAR), tokens=WORDS):
    metric = build(tokens)
    metric.update(outcome([text], [scene], tokens))
    return metric.compute()


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("a large red circle", 1),
        ("a small red circle", 0),
        ("three shapes", 0),
        ("two shapes", 1),
        ("a red circle and a green cross", 1 / 2),
        ("a green cross and a green cross", 0),
        ("a red circle below a blue star", 1),
        ("a red circle above a blue star", 2 / 3),
        ("a red circle above a green star", 1 / 3),
        ("a star left of a circle and above a circle", 3 / 4),
        ("a red circle next to a blue star", 2 / 4),
        ("next to", 0),
        ("", 0),
        ("there is", 0),
    ],
)
def test_a_caption_scores_the_fraction_of_its_statements_that_hold(text, truth):
    assert score(text)["truth"] == pytest.approx(truth)


def test_an_empty_caption_and_nonsense_are_not_parsed():
    assert score("") == {"truth": 0, "parsed": 0}
    assert score("of than of") == {"truth": 0, "parsed": 0}
    assert score("a circle of than")["parsed"] == 1 / 2


def test_words_of_another_vocabulary_are_read_by_their_text():
    other = Tokens(Vocabulary.of(["circle", "dog", "red", "a"]))
    assert score("a red circle", tokens=other) == {"truth": 1, "parsed": 1}
    assert score("a red dog circle", tokens=other)["truth"] == 1 / 4
    assert score("a red cat", tokens=other) == {"truth": 0, "parsed": 0}


def test_what_stands_after_the_end_symbol_does_not_count():
    metric = build()
    value = outcome(["a red circle a cross"], [(CIRCLE,)])
    tokens = value["samples"].data.clone()
    tokens[0, 3] = WORDS.vocabulary.end
    metric.update({**value, "samples": Padded(tokens, value["samples"].lengths)})
    assert metric.compute()["truth"] == 1


def _drawn(count):
    scenes = [draw_scene(Random(seed), 3) for seed in range(count)]
    return [write(scene, 1, Random(seed))[0] for seed, scene in enumerate(scenes)], scenes


def test_written_captions_are_wholly_true_of_their_scenes_and_not_of_others():
    texts, scenes = _drawn(600)
    own, others = build(), build()
    own.update(outcome(texts, scenes))
    others.update(outcome(texts, scenes[1:] + scenes[:1]))
    assert own.compute() == {"truth": 1, "parsed": 1}
    assert others.compute()["truth"] < 0.25
    assert others.compute()["parsed"] == 1


def test_words_thrown_together_score_low():
    random, (_, scenes) = Random(0), _drawn(300)
    metric = build()
    metric.update(outcome([" ".join(random.choices(ALL_WORDS, k=12)) for _ in scenes], scenes))
    assert metric.compute()["truth"] < 0.1


def test_merging_and_order_do_not_matter_to_the_last_bit():
    texts, scenes = _drawn(60)
    scenes = scenes[1:] + scenes[:1]
    whole, one, two = build(), build(), build()
    whole.update(outcome(texts, scenes))
    two.update(outcome(texts[:17], scenes[:17]))
    for text, scene in list(zip(texts[17:], scenes[17:], strict=True))[::-1]:
        one.update(outcome([text], [scene]))
    one.merge(two)
    assert one.compute() == whole.compute()
    one.reset()
    with pytest.raises(ValueError, match="`truth` must have seen a caption, but has seen none"):
        one.compute()


def test_samples_and_references_must_be_as_many():
    metric = build()
    value = outcome(["a circle", "a star"], [(CIRCLE,), (STAR,)])
    with pytest.raises(ValueError, match="`samples` must be as many as `scene`, 1, but are 2"):
        metric.update({**value, "scene": Padded(value["scene"].data[:1], value["scene"].lengths[:1])})


def test_it_scores_the_dataset_and_a_file_of_its_scenes_alike(tmp_path):
    data = ScenesSpec(train=1, valid=1, test=9, size=8).build()
    batch = data.split("test").take(range(9))
    direct = build(data.fields["caption"], data.fields["scene"])
    direct.update({"samples": batch["caption"], "scene": batch["scene"]})
    assert direct.compute()["truth"] == 1
    write_scenes(tmp_path / "scenes.jsonl", data.fields["scene"].decode(batch["scene"]))
    space, references = Scene.read(tmp_path / "scenes.jsonl")
    from_file = build(data.fields["caption"], space)
    from_file.update({"samples": batch["caption"], "scene": references})
    assert from_file.compute() == direct.compute()


def test_it_says_what_it_reads_and_which_way_is_better():
    assert TruthSpec.needs == ("samples", "scene")
    assert TruthSpec.takes == {"samples": (Tokens,), "scene": (Scene,)}
    assert (Truth.direction, Truth.unit) == ("higher", "fraction")
