"""Texts from files as windows or lines of words or characters."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.errors import Mistake
from dovetail_standard.text import TextCharsSpec, TextWordsSpec
from dovetail_standard.text_files import SPLITS

BOTH = [TextWordsSpec, TextCharsSpec]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(dataset) -> dict[str, str]:
    """Each split's text, from its windows in order, symbol by symbol."""
    vocabulary = dataset.fields["text"].vocabulary
    found = {}
    for name in SPLITS:
        split = dataset.split(name)
        batch = split.take(range(len(split)))["text"]
        dataset.fields["text"].check(batch)
        found[name] = vocabulary.joiner.join(vocabulary.symbols[number] for number in batch.data[batch.mask].tolist())
    return found


def test_characters_are_cut_into_windows_and_the_last_of_the_text_is_the_test(tmp_path):
    content = "abcdefghij\n" * 40
    dataset = TextCharsSpec(path=write(tmp_path, "a.txt", content), window=30).build()
    assert texts(dataset) == {"train": content[:396], "valid": content[396:418], "test": content[418:]}
    train = dataset.split("train")
    assert len(train) == 14
    assert train.take([0, 13])["text"].lengths.tolist() == [30, 396 - 13 * 30]
    assert dataset.fields["text"].length == 30
    assert dataset.fields["text"].vocabulary.symbols[4:] == tuple("\nabcdefghij")


def test_words_are_counted_most_frequent_first_and_lines_have_ends(tmp_path):
    path = write(tmp_path, "a.txt", "b a b\n\nc b a\n" * 20)
    dataset = TextWordsSpec(path=path, window=7, valid_fraction=0.1, test_fraction=0.2).build()
    assert dataset.fields["text"].vocabulary.symbols[4:] == ("b", "a", "c")
    whole = ("b a b <end> <end> c b a <end> " * 20).split()
    assert [texts(dataset)[name].split() for name in SPLITS] == [whole[:126], whole[126:144], whole[144:]]
    without = TextWordsSpec(path=path, end_of_line=False).build()
    assert "<end>" not in texts(without)["train"]


def test_only_training_text_makes_the_vocabulary_unless_all_is_asked_for(tmp_path):
    path = write(tmp_path, "a.txt", "a b " * 45 + "c d " * 5)
    fractions = {"valid_fraction": 0.05, "test_fraction": 0.05}
    dataset = TextWordsSpec(path=path, **fractions).build()
    assert texts(dataset)["test"] == "<unknown> <unknown> <unknown> <unknown> <unknown>"
    assert "c" in texts(TextWordsSpec(path=path, vocabulary_from="all", **fractions).build())["test"]
    assert set(texts(TextCharsSpec(path=path).build())["test"].replace("<unknown>", "?")) == {"?", " "}
    assert "c" in texts(TextCharsSpec(path=path, vocabulary_from="all").build())["test"]


def test_rare_words_are_unknown_and_unk_is_no_word(tmp_path):
    path = write(tmp_path, "a.txt", "a a a b b <unk> c " * 10)
    assert TextWordsSpec(path=path, vocabulary_size=2).build().fields["text"].vocabulary.symbols[4:] == ("a", "b")
    assert TextWordsSpec(path=path, min_count=10).build().fields["text"].vocabulary.symbols[4:] == ("a", "b")
    assert texts(TextWordsSpec(path=path).build())["train"].startswith("a a a b b <unknown> c")


@pytest.mark.parametrize("spec", BOTH)
def test_lines_are_examples_with_an_end(tmp_path, spec):
    path = write(tmp_path, "a.txt", "".join(f"a b {'c ' * (number % 3)}\n\n" for number in range(20)))
    dataset = spec(path=path, unit="line", valid_fraction=0.1, test_fraction=0.2).build()
    assert [len(dataset.split(name)) for name in SPLITS] == [14, 2, 4]
    batch = dataset.split("train").take([1])["text"]
    assert batch.data[0, -1].item() == dataset.fields["text"].vocabulary.end
    joined = dataset.fields["text"].decode(batch)[0]
    assert joined.strip() == "a b c"


@pytest.mark.parametrize("spec", BOTH)
def test_a_line_that_is_too_long_is_refused_with_its_file_and_line(tmp_path, spec):
    write(tmp_path, "a.txt", "x y\n\nx\n" * 20)
    write(tmp_path, "b.txt", "x\n\n x y z w \n" * 20)
    with pytest.raises(
        Mistake, match=r"at most 4 tokens, its end counted, but has \d+: .*b.txt, line 3; `longest` says"
    ):
        spec(path=tmp_path, unit="line", longest=4).build()
    assert spec(path=tmp_path, unit="line", longest=10).build().fields["text"].length == 10


def test_lines_that_are_too_long_are_left_out_where_it_is_asked_for(tmp_path):
    path = write(tmp_path, "a.txt", "a b\na b c\n" * 20)
    dataset = TextWordsSpec(path=path, unit="line", longest=3, too_long="leave-out").build()
    assert len(dataset.split("train")) == 18
    assert dataset.fields["text"].length == 3
    with pytest.raises(Mistake, match="`longest` must leave lines, but 2 leaves none in `train`"):
        TextWordsSpec(path=path, unit="line", longest=2, too_long="leave-out").build()


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("latin1", r"byte 0xe9 at offset 7 is not: .*a.txt, line 2; .*iconv -f latin1"),
        ("utf-16", r"byte 0xff at offset 0 is not: .*a.txt, line 1; .*iconv -f utf-16"),
        ("utf-16-le", r"byte 0xe9 at offset 14 is not: .*a.txt, line 2; .*iconv -f utf-16"),
    ],
)
def test_a_text_in_another_encoding_is_refused_with_its_file_and_line(tmp_path, encoding, message):
    (tmp_path / "a.txt").write_bytes("one\ncaf\u00e9\n".encode(encoding))
    with pytest.raises(Mistake, match=message):
        TextWordsSpec(path=tmp_path).build()


def test_a_zero_byte_is_a_sign_of_another_encoding(tmp_path):
    (tmp_path / "a.txt").write_bytes("one\n".encode("utf-16-le"))
    with pytest.raises(Mistake, match=r"byte 0x00 at offset 1 is not: .*a.txt, line 1; .*iconv -f utf-16"):
        TextWordsSpec(path=tmp_path).build()


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    write(tmp_path, "b.txt", "second\n" * 10)
    write(tmp_path, "a.txt", "first\n" * 9 + "first")
    write(tmp_path, "notes.md", "never")
    assert "".join(texts(TextCharsSpec(path=tmp_path).build()).values()) == "first\n" * 10 + "second\n" * 10


def test_files_named_after_the_splits_are_the_splits(tmp_path):
    for name in ("train", "valid", "test"):
        write(tmp_path, f"ptb.{name}.txt", f"the {name}\n")
    write(tmp_path, "readme.txt", "never")
    found = texts(TextCharsSpec(path=tmp_path, vocabulary_from="all").build())
    assert found == {name: f"the {name}\n" for name in SPLITS}


def test_two_files_of_one_split_are_not_read_as_one_text(tmp_path):
    for name in ("ptb.train", "ptb.test", "ptb.char.train", "ptb.char.test"):
        write(tmp_path, f"{name}.txt", "a b c\n")
    with pytest.raises(
        Mistake, match=r"one file for `train`, but holds ptb.char.train.txt, ptb.train.txt: .*its folder"
    ):
        TextWordsSpec(path=tmp_path).build()


def test_a_validation_that_has_no_file_comes_from_the_end_of_training(tmp_path):
    write(tmp_path, "train_coco.txt", "abcdefghij" * 10)
    write(tmp_path, "test_coco.txt", "jihg")
    found = texts(TextCharsSpec(path=tmp_path, valid_fraction=0.1).build())
    assert found == {"train": "abcdefghij" * 9, "valid": "abcdefghij", "test": "jihg"}


@pytest.mark.parametrize("spec", BOTH)
def test_the_fingerprint_changes_with_the_text_only(tmp_path, spec):
    first, moved = write(tmp_path, "a.txt", "a b c\n" * 50), write(tmp_path, "b.txt", "a b c\r\n" * 50)
    changed = write(tmp_path, "c.txt", "a b c\n" * 49 + "a b a\n")
    assert spec(path=first).build().fingerprint == spec(path=moved).build().fingerprint
    assert spec(path=first).build().fingerprint != spec(path=changed).build().fingerprint


def test_a_byte_order_mark_is_no_character(tmp_path):
    path = write(tmp_path, "a.txt", b"\xef\xbb\xbf" + b"ab" * 50)
    assert TextCharsSpec(path=path).build().fields["text"].vocabulary.symbols[4:] == ("a", "b")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), min_size=40, max_size=200))
def test_characters_come_back_as_they_were(tmp_path_factory, content):
    if not content.strip():
        return
    path = write(tmp_path_factory.mktemp("text"), "a.txt", content)
    dataset = TextCharsSpec(path=path, vocabulary_from="all", window=7).build()
    assert "".join(texts(dataset).values()) == content


@pytest.mark.parametrize("spec", BOTH)
def test_what_is_no_text_is_named_with_its_place(tmp_path, spec):
    with pytest.raises(Mistake, match=r"must be a text file or a folder of .* but does not exist: .*nowhere"):
        spec(path=tmp_path / "nowhere").build()
    with pytest.raises(Mistake, match="but the folder has none"):
        spec(path=tmp_path).build()
    with pytest.raises(Mistake, match=r"`path` must have text, but has none: .*empty.txt"):
        spec(path=write(tmp_path, "empty.txt", " \n")).build()
    latin = write(tmp_path, "latin.txt", "one\ntwo\ncafé".encode("latin1"))
    with pytest.raises(Mistake, match=r"byte 0xe9 at offset 11 is not: .*latin.txt, line 3; convert it"):
        spec(path=latin).build()
    with pytest.raises(Mistake, match=r"`valid` must have text, but has none: .*short.txt"):
        spec(path=write(tmp_path, "short.txt", "abc")).build()


def test_shares_that_leave_nothing_to_train_on_are_a_mistake(tmp_path):
    path = write(tmp_path, "a.txt", "abc" * 50)
    with pytest.raises(Mistake, match="`train` must have text"):
        TextCharsSpec(path=path, valid_fraction=0.5, test_fraction=0.6).build()


def test_batches_are_long_integers(tmp_path):
    batch = TextCharsSpec(path=write(tmp_path, "a.txt", "abc" * 50)).build().split("train").take([0])["text"]
    assert batch.data.dtype == batch.lengths.dtype == torch.long
