import json
from collections import Counter
from itertools import pairwise

import pytest
import torch

import dovetail
from dovetail import Fields, Label, Misfit, Mistake, Padded, Tokens, Vocabulary
from dovetail.randomness import reseed
from dovetail_text_gan.deteriorated import DeterioratedSpec, swapped
from dovetail_text_gan.nli import NliSpec
from dovetail_text_gan.nli_files import CORPORA
from dovetail_text_gan.sentences import SentencesSpec
from dovetail_text_gan.topics import TopicsSpec

WORDS = Vocabulary.of(f"w{number}" for number in range(60))
TOKENS = Tokens(WORDS)
DATA = Fields({"text": TOKENS, "topic": Label(4), "held_out": Label(2)})
TRAINING, HELD_OUT, LENGTH = 40, 12, 6


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def loader():
    """Sentence n begins with the word n; the topics of the training ones go round; in two batches."""
    rows = [[4 + n, *(4 + (n + k) % 60 for k in range(1, LENGTH)), WORDS.end] for n in range(TRAINING + HELD_OUT)]
    lengths = torch.full((len(rows),), LENGTH + 1)
    topic = torch.arange(len(rows)) % 4
    held_out = (torch.arange(len(rows)) >= TRAINING).long()
    whole = torch.tensor(rows)
    halves = (slice(0, 30), slice(30, None))
    return [
        {"text": Padded(whole[half], lengths[half]), "topic": topic[half], "held_out": held_out[half]}
        for half in halves
    ]


def made(loader, **values):
    """The sentences of both sides, without their ends."""
    outcomes = list(DeterioratedSpec(**values).build(data=DATA).evaluate(loader))
    return [
        [
            row[:length].tolist()
            for outcome in outcomes
            for row, length in zip(outcome[side].data, outcome[side].lengths - 1, strict=True)
        ]
        for side in ("samples", "references")
    ]


def numbers(sentences):
    return [sentence[0] - 4 for sentence in sentences]


def test_without_damage_samples_are_training_sentences_and_references_held_out_ones_each_once(loader):
    samples, references = made(loader)
    assert sorted(numbers(references)) == list(range(TRAINING, TRAINING + HELD_OUT))
    assert len(samples) == HELD_OUT
    assert len(set(numbers(samples))) == HELD_OUT
    assert max(numbers(samples)) < TRAINING
    assert all(len(sample) == LENGTH for sample in samples)


def test_a_repeat_has_other_sentences_and_the_same_seed_the_same(loader):
    drawn = []
    for seed in (0, 0, 1):
        reseed(seed, "evaluate", 0, 0)
        drawn.append(made(loader, drop=0.4, count=10))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_missing_topics_are_missing_in_samples_alone_and_others_come_with_another_seed(loader):
    kept = set()
    for seed in range(20):
        reseed(seed, "evaluate", 0, 0)
        samples, references = made(loader, missing_topics=3, count=10)
        (topic,) = {number % 4 for number in numbers(samples)}
        assert {number % 4 for number in numbers(references)} == {0, 1, 2, 3}
        kept.add(topic)
    assert kept == {0, 1, 2, 3}


def test_words_are_dropped_with_their_probability_in_their_order(loader):
    samples, references = made(loader * 30, drop=0.25, count=300)
    assert sum(map(len, samples)) / (300 * LENGTH) == pytest.approx(0.75, abs=0.04)
    assert all(len(reference) == LENGTH for reference in references)
    for sample in samples:
        steps = [(b - a) % 60 for a, b in pairwise(sample)]
        assert all(0 < step < LENGTH for step in steps)
    assert made(loader, drop=1.0)[0] == [[]] * HELD_OUT


def test_swapped_words_take_the_places_of_others(loader):
    samples, _ = made(loader, swap=1.0)
    for sample in samples:
        (first,) = [w for w in sample if all((v - w) % 60 < LENGTH for v in sample)]
        assert sorted((word - first) % 60 for word in sample) == list(range(LENGTH))
        assert all((word - first) % 60 != place for place, word in enumerate(sample)), "each has moved"


def test_the_share_of_words_that_move_is_the_one_asked_for():
    words = torch.arange(100)
    moved = [int((swapped(words, 0.3) != words).sum()) for _ in range(50)]
    assert sum(moved) / 50 == pytest.approx(30, abs=3)
    assert all(torch.equal(swapped(words, 0.3).sort().values, words) for _ in range(5))
    assert torch.equal(swapped(words[:1], 1.0), words[:1]), "one alone stays"


def test_one_damage_at_most_is_given():
    with pytest.raises(ValueError, match=r"one damage at most must be given, but are drop = 0.1, swap = 0.2"):
        DeterioratedSpec(drop=0.1, swap=0.2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"missing_topics": 4}, "must leave one of the training sentences' 4 topics, but is 4"),
        ({"count": 13}, "at most the number of held-out sentences, 12, but is 13"),
        ({"missing_topics": 3, "count": 11}, "training sentences of the topics that are kept, 10, but is 11"),
    ],
)
def test_too_few_topics_or_sentences_are_an_error(loader, values, message):
    with pytest.raises(Mistake, match=message):
        made(loader, **values)


def test_it_asks_for_words_and_for_sorted_sentences():
    letters = Fields({**DATA, "text": Tokens(Vocabulary.of("abc", joiner=""))})
    with pytest.raises(Misfit, match="texts of words, which a space joins"):
        DeterioratedSpec().build(data=letters)
    with pytest.raises(Misfit, match="fields of which `topic` is a Label"):
        DeterioratedSpec().build(data=Fields({"text": TOKENS}))
    with pytest.raises(ValueError, match="nothing is trained here"):
        DeterioratedSpec().build(data=DATA)({}, "any")


# --------------------------------------------------------------------------------------------------------------- topics

SUBJECTS = {"food": "bread soup rice beans", "sea": "ship sail wave harbour", "music": "drum flute song choir"}


@pytest.fixture
def captions(tmp_path):
    """Sentences of three subjects, each of its own words."""
    random = torch.Generator().manual_seed(0)
    for split, count in (("train", 60), ("valid", 12), ("test", 9)):
        lines = []
        for number in range(count):
            words = list(SUBJECTS.values())[number % 3].split()
            lines.append(" ".join(["the", *(words[n] for n in torch.randperm(4, generator=random)[:3].tolist())]))
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def whole(dataset, name):
    return dataset.split(name).take(range(len(dataset.split(name))))


def test_topics_are_clusters_of_words_and_held_out_sentences_stand_behind_the_training_ones(captions):
    dataset = TopicsSpec(dataset=SentencesSpec(path=captions), count=3).build()
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [60, 72, 69]
    batch = whole(dataset, "valid")
    assert batch["held_out"].tolist() == [0] * 60 + [1] * 12
    pairs = Counter((number % 3, topic) for number, topic in enumerate(batch["topic"].tolist()))
    assert len(pairs) == 3, "each subject is one cluster, in training and held out"
    names = dataset.fields["topic"].names
    for subject, topic in pairs:
        assert set(names[topic].split()[1:]) <= set(list(SUBJECTS.values())[subject].split())
    assert "training sentences by topic" in dataset.split("train").remark()


def test_a_sentence_stays_as_it_is(captions):
    plain = SentencesSpec(path=captions).build()
    dataset = TopicsSpec(dataset=SentencesSpec(path=captions), count=3).build()
    text = plain.fields["text"]
    expected = [*text.decode(whole(plain, "train")["text"]), *text.decode(whole(plain, "test")["text"])]
    assert text.decode(whole(dataset, "test")["text"]) == expected


def test_topics_that_the_sentences_have_are_taken(tmp_path):
    for split, genres in (("train", ["travel", "fiction"]), ("valid", ["travel"]), ("test", ["letters"])):
        lines = [
            json.dumps({"sentence1": f"a {split} {genre}", "sentence2": f"b {split} {genre}", "genre": genre})
            for genre in genres
        ]
        (tmp_path / CORPORA["multinli"].files[split]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = TopicsSpec(dataset=NliSpec(path=tmp_path, corpus="multinli")).build()
    assert dataset.fields["topic"].names == ("fiction", "letters", "travel")
    assert whole(dataset, "valid")["topic"].tolist() == [2, 2, 0, 0, 2, 2]
    assert "fiction: 2, travel: 2" in dataset.split("train").remark()


def test_more_topics_than_sentences_are_an_error(captions):
    with pytest.raises(Mistake, match="at most the 60 training sentences, but is 61"):
        TopicsSpec(dataset=SentencesSpec(path=captions), count=61).build()


# --------------------------------------------------------------------------------------------------------------- system


def test_the_system_measures_and_trains_nothing(captions, tmp_path):
    changes = {
        "dataset.dataset.path": str(captions),
        "dataset.count": 3,
        "objective.missing_topics": 1,
        "metrics.reverse-lm.generator.cell.hidden": 4,
    }
    run = dovetail.train(dovetail.registry().system("text-gan/deteriorated", changes), 3, tmp_path / "runs")
    result = run.folder.result()
    assert (result["steps"], result["parameters"]) == (0, 0)
    assert {"bleu.4.valid", "self-bleu.4.valid", "reverse-lm.valid"} <= run.metrics.keys()
    assert "training sentences by topic" in run.folder.file("log.txt").read_text()
