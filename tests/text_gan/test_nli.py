import json
from collections import Counter
from itertools import pairwise

import pytest

from dovetail import Mistake
from dovetail.randomness import stream
from dovetail_text_gan.nli import NliSpec
from dovetail_text_gan.nli_files import CORPORA
from dovetail_text_gan.nli_pairs import RELATIONS, NliPairsSpec
from dovetail_text_gan.nli_stand_in import THINGS, NliStandInSpec, drawn


def line(premise, hypothesis, label="neutral", **fields):
    return json.dumps({"gold_label": label, "sentence1": premise, "sentence2": hypothesis, "pairID": "7", **fields})


@pytest.fixture
def corpus(tmp_path):
    def write(name="snli", **splits):
        for split, file in CORPORA[name].files.items():
            (tmp_path / file).write_text("\n".join(splits[split]) + "\n", encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def snli(corpus):
    return corpus(
        train=[line("a man", "a dog", "entailment"), line("a man", "b", "-"), line("c", "a dog ", "contradiction")],
        valid=[line("c", "d")],
        test=[line("b", "", "entailment"), line("e", "b")],
    )


def texts(dataset, split, field="text"):
    batch = dataset.split(split).take(range(len(dataset.split(split))))
    return dataset.fields[field].decode(batch[field])


def test_each_sentence_is_there_once_and_training_has_none_that_is_held_out(snli):
    dataset = NliSpec(path=snli).build()
    assert texts(dataset, "test") == ["<unknown>", "<unknown>"], "which are b and e"
    assert texts(dataset, "train") == ["a man", "a dog"]
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [2, 2, 2]
    assert "4 of 6 sentences are empty or are there already" in dataset.split("train").remark()


def test_multinli_keeps_the_topic_of_a_sentences_first_pair(corpus):
    path = corpus(
        "multinli",
        train=[line("a", "b", genre="travel"), line("b", "c", genre="fiction")],
        valid=[line("d", "e", genre="travel")],
        test=[line("f", "g", genre="letters")],
    )
    dataset = NliSpec(path=path, corpus="multinli").build()
    names = dataset.fields["topic"].names
    assert names == ("fiction", "letters", "travel")
    batch = dataset.split("train").take(range(3))
    assert [names[number] for number in batch["topic"]] == ["travel", "travel", "fiction"]
    assert texts(dataset, "train") == ["a", "b", "c"]
    assert "topic" not in NliPairsSpec(path=path, corpus="multinli").build().fields


def test_pairs_have_their_relation_and_those_without_are_left_out_and_counted(snli):
    dataset = NliPairsSpec(path=snli).build()
    assert texts(dataset, "train", "premise") == ["a man", "c"]
    assert texts(dataset, "train", "hypothesis") == ["a dog", "a dog"]
    labels = dataset.split("train").take([0, 1])["label"].tolist()
    assert [RELATIONS[label] for label in labels] == ["entailment", "contradiction"]
    assert dataset.fields["label"].names == RELATIONS
    remark = dataset.split("train").remark()
    assert remark.startswith("0 of 11 tokens are unknown, 1 of 3 pairs have no label or an empty sentence and are left")
    assert len(dataset.split("test")) == 1, "a pair with an empty sentence is left out"


def test_the_folder_of_the_archive_is_found(snli, tmp_path):
    inner = tmp_path / "above" / "snli_1.0"
    inner.mkdir(parents=True)
    for file in snli.glob("*.jsonl"):
        file.rename(inner / file.name)
    assert texts(NliSpec(path=tmp_path / "above").build(), "train") == ["a man", "a dog"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "{",
            "line 2: must be a JSON object with the texts sentence1, sentence2, gold_label, but is no JSON: Expecting",
        ),
        ("[1]", "line 2: must be a JSON object .*, but is a list"),
        ('{"sentence1": "a", "gold_label": "-"}', "line 2: must be a JSON object .*, but has no text `sentence2`"),
        (line("a", 3), "line 2: .* but has no text `sentence2`"),
        (
            line("a", "b", "maybe"),
            "line 2: `gold_label` must be entailment, neutral, contradiction or -, but is 'maybe'",
        ),
        ("", "line 2: .*is no JSON"),
    ],
)
def test_a_damaged_line_is_named_with_its_file(corpus, wrong, message):
    path = corpus(train=[line("a", "b"), wrong, line("c", "d")], valid=[line("a", "b")], test=[line("a", "b")])
    with pytest.raises(Mistake, match=f"snli_1.0_train.jsonl, {message}"):
        NliPairsSpec(path=path).build()


def test_a_folder_without_the_files_says_how_to_get_them(tmp_path, snli):
    with pytest.raises(Mistake, match=r"lacks multinli_1.0_train.jsonl, .*get https://\S+/multinli_1.0.zip and unpack"):
        NliSpec(path=snli, corpus="multinli").build()
    with pytest.raises(
        Mistake, match=r"none must be a folder with SNLI as it is published, but lacks snli_1.0_train.jsonl"
    ):
        NliPairsSpec(path=tmp_path / "none").build()
    (tmp_path / "captions.txt").write_text("a cat sees the dog\n")
    with pytest.raises(Mistake, match=r"but is a file: sentences, .* are read by dataset=text-gan/sentences"):
        NliSpec(path=tmp_path / "captions.txt").build()


def test_a_sentence_that_is_too_long_is_refused_with_its_line(snli):
    with pytest.raises(
        Mistake, match=r"at most 2 tokens, .* 2 of 2 of `train` have more, the first 3: .*jsonl, line 1;"
    ):
        NliSpec(path=snli, longest=2).build()


# ----------------------------------------------------------------------------------------------------------- stand-in


def told(text):
    return {thing: value for thing, values in THINGS.items() for value in values if f" {value} " in f" {text} "}


def test_the_stand_ins_relation_holds_between_its_sentences():
    random = stream(3, "test")
    for _ in range(300):
        row = drawn(random)
        premise, hypothesis = map(told, row.texts)
        ((thing, value),) = hypothesis.items()
        expected = "neutral" if thing not in premise else "entailment" if premise[thing] == value else "contradiction"
        assert RELATIONS[row.labels[0]] == expected, row.texts


def test_the_stand_ins_hypothesis_alone_says_nothing_of_the_relation():
    dataset = NliStandInSpec(train=9000, valid=1, test=1).build()
    batch = dataset.split("train").take(range(9000))
    hypotheses = dataset.fields["hypothesis"].decode(batch["hypothesis"])
    counts = Counter(
        (next(iter(told(text))), label) for text, label in zip(hypotheses, batch["label"].tolist(), strict=True)
    )
    for thing in THINGS:
        shares = [counts[thing, label] / sum(counts[thing, other] for other in range(3)) for label in range(3)]
        assert shares == pytest.approx([1 / 3] * 3, abs=0.06), thing


def test_the_stand_in_has_no_pair_twice_and_says_what_it_is():
    dataset = NliStandInSpec(train=60, valid=40, test=50).build()
    pairs = [
        set(zip(texts(dataset, split, "premise"), texts(dataset, split, "hypothesis"), strict=True))
        for split in ("train", "valid", "test")
    ]
    assert [len(each) for each in pairs] == [60, 40, 50]
    assert all(one.isdisjoint(other) for one, other in [*pairwise(pairs), (pairs[0], pairs[2])])
    assert "a stand-in for pairs of inference, not SNLI" in dataset.split("train").remark()
