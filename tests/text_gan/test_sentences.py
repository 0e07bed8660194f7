import pytest

import dovetail
from dovetail import Mistake
from dovetail_text_gan.characters import CharactersSpec
from dovetail_text_gan.sentences import SentencesSpec, part_of
from dovetail_text_gan.words import WordsSpec

LINES = ["a b c", " b a ", "c c", "a", "b c", "c a b", "a a a", "b", "c", "a c", "x b", "a y y"]


@pytest.fixture
def folder(tmp_path):
    def write(**splits):
        for name, lines in splits.items():
            (tmp_path / f"some.{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return tmp_path

    return write


def texts(dataset, split):
    batch = dataset.split(split).take(range(len(dataset.split(split))))
    return dataset.fields["text"].decode(batch["text"])


def test_each_line_is_a_sentence_with_its_end(folder):
    dataset = SentencesSpec(path=folder(train=LINES[:4], valid=LINES[4:6], test=LINES[6:8])).build()
    assert texts(dataset, "train") == ["a b c", "b a", "c c", "a"]
    assert texts(dataset, "test") == ["a a a", "b"]
    batch = dataset.split("train").take([0, 3])["text"]
    end = dataset.fields["text"].vocabulary.end
    assert batch.lengths.tolist() == [4, 2]
    assert batch.data[:, 1].tolist()[1] == end == batch.data[0, 3]
    assert dataset.fields["text"].length == 4


def test_a_single_file_is_cut_from_its_end(tmp_path):
    (tmp_path / "all.txt").write_text("\n".join(LINES))
    dataset = SentencesSpec(path=tmp_path / "all.txt", valid_fraction=0.25, test_fraction=0.25).build()
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [6, 3, 3]
    assert texts(dataset, "test") == ["a c", "<unknown> b", "a <unknown> <unknown>"]


def test_unknown_tokens_are_counted_in_the_remarks(folder):
    dataset = SentencesSpec(path=folder(train=LINES[:8], valid=LINES[8:10], test=LINES[10:])).build()
    assert dataset.split("test").remark() == "3 of 7 tokens are unknown"
    assert dataset.split("train").remark() == (
        "0 of 25 tokens are unknown; in `valid` 0 of 5 tokens are unknown; in `test` 3 of 7 tokens are unknown"
    )


def test_parts_share_no_sentence_have_one_vocabulary_and_are_together_everything(folder):
    many = [f"{one} {other}" for one in "abcdefgh" for other in "abcdefgh"] * 2
    path = folder(train=many, valid=LINES[:2], test=LINES[2:4])
    parts = [SentencesSpec(path=path, part=part, of=3).build() for part in (1, 2, 3)]
    found = [set(texts(part, "train")) for part in parts]
    assert set.union(*found) == set(many)
    assert sum(map(len, found)) == len(set(many)), "a sentence that occurs twice is in one part"
    assert all(10 <= len(part) <= 34 for part in found)
    assert len({part.fields["text"].vocabulary for part in parts}) == 1
    assert [texts(part, "valid") for part in parts] == [["a b c", "b a"]] * 3
    assert "part 2 of 3: " in parts[1].split("train").remark()
    assert len({part.fingerprint for part in parts}) == 3


def test_the_part_of_a_sentence_follows_from_its_text():
    digest_of_a = 0xCA978112CA1BBDCA  # the first half of the first half of its SHA-256
    assert [part_of("a", parts) for parts in (1, 4, 7)] == [1, digest_of_a % 4 + 1, digest_of_a % 7 + 1]


def test_too_long_sentences_are_refused_with_the_first_or_left_out(folder):
    path = folder(train=LINES[:8], valid=LINES[8:10], test=LINES[4:6])
    with pytest.raises(
        Mistake, match=r"at most 3 tokens, its end counted, but 3 of 8 of `train` have more, the first 4"
    ):
        SentencesSpec(path=path, longest=3).build()
    with pytest.raises(Mistake, match=r"some\.train\.txt, line 1; `longest` says how many, and `too_long` whether"):
        SentencesSpec(path=path, longest=3).build()
    dataset = SentencesSpec(path=path, longest=3, too_long="leave-out").build()
    assert texts(dataset, "train") == ["b a", "c c", "a", "b c", "b"]
    assert "3 of 8 sentences have more than 3 tokens and are left out" in dataset.split("train").remark()
    with pytest.raises(Mistake, match="`train` must have sentences, but none of its 8 has at most 1 tokens"):
        SentencesSpec(path=path, longest=1, too_long="leave-out").build()


def test_empty_lines_are_refused_with_the_first_or_left_out(folder):
    path = folder(train=["a", " ", "b", ""], valid=["a"], test=["b"])
    with pytest.raises(
        Mistake, match=r"2 of 4 have none, the first .*some\.train\.txt, line 2; `empty = \"leave-out\"`"
    ):
        SentencesSpec(path=path).build()
    dataset = SentencesSpec(path=path, empty="leave-out").build()
    assert texts(dataset, "train") == ["a", "b"]
    assert "2 lines without a sentence are left out" in dataset.split("train").remark()


def test_a_part_must_be_one_of_those_there_are(folder):
    path_of_a = folder(train=["a"], valid=["a"], test=["b"])
    with pytest.raises(Mistake, match="`part` must be at most `of`, which is 2, but is 3"):
        dovetail.registry().spec("dataset", "text-gan/sentences", path=str(path_of_a), part=3, of=2)
    with pytest.raises(Mistake, match="`train` must have sentences, but part 2 of 4 has none"):
        SentencesSpec(path=path_of_a, part=2, of=4).build()


def test_the_tokenizer_says_what_a_token_is(folder):
    path = folder(train=["ab b", "b"], valid=["a"], test=["abc"])
    characters = SentencesSpec(path=path, tokenizer=CharactersSpec()).build()
    assert characters.fields["text"].vocabulary.symbols[4:] == (" ", "a", "b")
    assert texts(characters, "train") == ["ab b", "b"]
    assert texts(characters, "test") == ["ab<unknown>"]
    words = SentencesSpec(path=path, tokenizer=WordsSpec(min_count=2)).build()
    assert words.fields["text"].vocabulary.symbols[4:] == ("b",)
