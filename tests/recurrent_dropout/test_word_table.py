"""The static features of words."""

import builtins

import pytest
import torch

from dovetail.errors import Mistake
from dovetail.spaces import Vocabulary
from dovetail_recurrent_dropout.word_table import CAPITALS, capitals_of, word_table

VOCABULARY = Vocabulary.of(["london", "London", "IBM", "iPhone", "1996", "U.S."])
WORDS = "london 1.0 0.0 -1.0\nthe 0.5 0.5 0.5\nIBM 0.0 2.0 0.0\n"


def test_capitals_are_told_apart():
    sorts = [CAPITALS[capitals_of(word)] for word in ("1996", "-", "london", "London", "IBM", "U.S.", "iPhone", "A")]
    assert sorts == ["none", "none", "lower", "initial", "upper", "upper", "mixed", "initial"]


@pytest.mark.parametrize("header", ["", "3 3\n"])
def test_word2vec_and_glove_files_are_read(tmp_path, header):
    pytest.importorskip("gensim")
    file = tmp_path / "vectors.txt"
    file.write_text(header + WORDS)
    table = word_table(VOCABULARY, file, size=7)
    number = VOCABULARY.numbers
    assert table.shape == (10, 3 + 5)
    assert table[number["london"]].tolist() == [1, 0, -1, 0, 1, 0, 0, 0]
    assert table[number["London"]].tolist() == [1, 0, -1, 0, 0, 1, 0, 0]  # the lower-case word's
    assert table[number["IBM"]].tolist() == [0, 2, 0, 0, 0, 0, 1, 0]
    assert table[number["1996"], :3].any()  # random
    assert not table[[VOCABULARY.pad, VOCABULARY.start, VOCABULARY.end]].any()


def test_a_word_without_a_vector_has_the_same_one_in_every_vocabulary():
    other = Vocabulary.of(["x", "IBM"])
    mine, theirs = (word_table(words, None, size=4)[words.numbers["IBM"]] for words in (VOCABULARY, other))
    torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    assert not torch.equal(mine[:4], word_table(other, None, size=4)[other.numbers["x"], :4])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the 0.1 0.2\nlove 0.1\n", r"vectors.txt: line 2 must have a word and 2 numbers, but has 2 columns"),
        (b"the 0.1 0.2\ncaf\xe9 0.1 0.2\n", r"vectors.txt: line 2 must be UTF-8, but byte 0xe9 is not"),
        (b"3 2\nthe 0.1 0.2\nlove 0.1 0.2\n", r"vectors.txt: the first line says 3 words, but there are 2"),
        (b"1 2\nthe 0.1 0.2\nlove 0.1 0.2\n", r"vectors.txt: the first line says 1 words, but there are 2"),
    ],
)
def test_a_damaged_file_of_vectors_is_refused_with_its_line(tmp_path, content, message):
    pytest.importorskip("gensim")
    file = tmp_path / "vectors.txt"
    file.write_bytes(content)
    with pytest.raises(Mistake, match=message):
        word_table(VOCABULARY, file, size=4)


def test_a_file_that_holds_no_vectors_is_named(tmp_path):
    pytest.importorskip("gensim")
    file = tmp_path / "vectors.txt"
    file.write_text("this is no\nfile of vectors\n")
    with pytest.raises(Mistake, match=r"`vectors` must be a word2vec or GloVe text file, .*vectors.txt"):
        word_table(VOCABULARY, file, size=4)


def test_without_gensim_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("gensim"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Mistake, match=r"needs gensim to read .*: pip install 'dovetail\[ner\]'"):
        word_table(VOCABULARY, tmp_path / "vectors.txt", size=4)
