"""Tweets and their sentiment, with several named test sets."""

import pytest
import torch

from dovetail.errors import Mistake
from dovetail.randomness import stream
from dovetail_recurrent_dropout.tweets import TweetsSpec, words_of
from dovetail_recurrent_dropout.tweets_stand_in import TESTS, TweetsStandInSpec, lines

GOOD = '1\tpositive\tI love @bob :) http://t.co/x\n2\t17\t"negative"\tcan\'t\n3\tobjective\tat 7\n'


def folder(path, **texts):
    for name in ("train", "valid", "weak", "test-twitter13", "test-sms13"):
        (path / f"{name}.tsv").write_text(texts.get(name.replace("-", "_"), GOOD))
    return path


def test_words_keep_faces_and_lose_addresses_and_users():
    words = ["I", "love", "<user>", ":)", "<url>", "!!", "can't", "#win"]
    assert words_of("I love @bob :) http://t.co/x !! can't #win") == [*words[:-1], "#", "win"]


def test_tweets_and_their_sources_are_read(tmp_path):
    data = TweetsSpec(path=folder(tmp_path), vector_size=4).build()
    test = data.split("test")
    batch = test.take(range(6))
    data.fields.check(batch)
    assert len(test) == 6
    assert [data.fields["label"].names[number] for number in batch["label"][:3]] == ["positive", "negative", "neutral"]
    assert [data.fields["source"].names[number] for number in batch["source"]] == ["sms13"] * 3 + ["twitter13"] * 3


def test_test_files_are_chosen_and_another_file_is_trained_on(tmp_path):
    texts = {"weak": "1\tpositive\tyes\n" * 7}
    data = TweetsSpec(path=folder(tmp_path, **texts), train="weak", tests=("sms13",)).build()
    assert (len(data.split("train")), len(data.split("test"))) == (7, 3)
    assert data.fields["source"].names == ("train", "valid", "sms13")


def test_a_words_features_do_not_depend_on_what_is_trained_on(tmp_path):
    weak = {"weak": "1\tpositive\twonderful at 7\n"}
    tables = []
    for train in ("train", "weak"):
        data = TweetsSpec(path=folder(tmp_path, **weak), train=train).build()
        tables.append(data.split("valid").take([0, 1, 2])["input"].data)
    torch.testing.assert_close(*tables, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tpositive good\n", "must have an identifier, a label and a text, but has 2 columns: .*sms13.tsv, line 1"),
        (GOOD + "4\tgood\tx\n", "must be negative, neutral, positive, but is 'good': .*sms13.tsv, line 4"),
        ("1\tneutral\tNot Available\n", "a text must be there, but is 'Not Available': .*sms13.tsv, line 1"),
        ("1\tneutral\t \n", "a text must have words, but has none: .*sms13.tsv, line 1"),
        ("\n", "a file must have tweets, but has none: .*sms13.tsv"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path, text, message):
    with pytest.raises(Mistake, match=message):
        TweetsSpec(path=folder(tmp_path, test_sms13=text)).build()


def test_missing_files_are_named(tmp_path):
    with pytest.raises(Mistake, match=r"`path` must be a folder of .*, but is none: .*tweets-stand-in"):
        TweetsSpec(path=tmp_path / "nothing").build()
    with pytest.raises(Mistake, match=r"must hold test-sms14.tsv, but holds .*did you mean `test-sms13`"):
        TweetsSpec(path=folder(tmp_path), tests=("sms14",)).build()
    for file in tmp_path.glob("test-*"):
        file.unlink()
    with pytest.raises(Mistake, match=r"must hold test files named test-NAME.tsv, but holds train, valid, weak"):
        TweetsSpec(path=tmp_path).build()


def test_the_stand_in_has_the_same_format_and_the_tables_test_sets(tmp_path):
    text = lines(40, False, stream(0, "test"))
    real = TweetsSpec(path=folder(tmp_path, **dict.fromkeys(("train", "valid", "test_sms13"), text)))
    assert len(real.build().split("train")) == 40
    spec = TweetsStandInSpec(size=50, held_out=9)
    data = spec.build()
    assert data.fingerprint == spec.build().fingerprint
    assert data.fields["source"].names == ("train", "valid", *TESTS)
    data.fields.check(data.split("test").take(range(54)))


def test_weakly_labelled_tweets_are_never_neutral_and_more():
    weak = TweetsStandInSpec(size=30, train="weak", held_out=5).build()
    labels = weak.split("train").take(range(90))["label"]
    assert set(labels.tolist()) == {0, 2}
