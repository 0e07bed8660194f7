import sys

import pytest

from dovetail import Mistake
from dovetail_text_gan import conformance
from dovetail_text_gan.characters import CharactersSpec
from dovetail_text_gan.pieces import PiecesSpec
from dovetail_text_gan.words import TreebankSpec, WordsSpec

TEXTS = ["the cat sees the dog", "a dog sees cats", "the dog sleeps"]


def test_words_are_numbered_by_how_often_they_occur_and_then_by_the_alphabet():
    words = WordsSpec(vocabulary_size=3).build(texts=TEXTS)
    assert words.vocabulary.symbols[4:] == ("dog", "the", "sees")
    assert words.encode(" the  cat sees ").tolist() == [5, 3, 6]
    assert WordsSpec(min_count=2).build(texts=TEXTS).vocabulary.symbols[4:] == ("dog", "the", "sees")


def test_a_word_that_is_spelt_like_a_special_symbol_is_unknown():
    words = WordsSpec().build(texts=["a <end> b <pad>", "<start>"])
    assert words.vocabulary.symbols[4:] == ("a", "b")
    assert words.encode("a <end> <pad> <start> <unknown> b").tolist() == [4, 3, 3, 3, 3, 5]


def test_treebanks_words_have_their_punctuation_apart_and_are_found_again():
    words = TreebankSpec(min_count=2).build(texts=["it's a cat.", "a cat , it's", "dogs."])
    assert words.vocabulary.symbols[4:] == ("'s", ".", "a", "cat", "it")
    numbers = words.encode("it's dogs.").tolist()
    assert numbers == [8, 4, 3, 5]
    text = words.vocabulary.decode(words.encode("it's a cat.").tolist())
    assert words.vocabulary.decode(words.encode(text).tolist()) == text


def test_characters_are_in_the_order_of_their_codes_and_spaces_are_some():
    characters = CharactersSpec().build(texts=["b a", "ca"])
    assert characters.vocabulary.symbols[4:] == (" ", "a", "b", "c")
    assert characters.encode("a zc").tolist() == [5, 4, 3, 7]


def test_pieces_give_any_text_of_known_characters_back():
    pieces = PiecesSpec(size=40, coverage=1.0).build(texts=TEXTS)
    for text in [*TEXTS, "cats  the", " dogs see ", "t"]:
        assert pieces.vocabulary.decode(pieces.encode(text).tolist()) == text
    assert " dog" in pieces.vocabulary.symbols, "a piece at the beginning of a word has its space"


def test_the_size_bounds_the_pieces_and_a_short_text_has_fewer():
    few, many = (PiecesSpec(size=size, coverage=1.0).build(texts=conformance.TEXTS) for size in (24, 4000))
    assert len(few.vocabulary) == 24 + 4
    assert 28 < len(many.vocabulary) < 100


def test_a_piece_is_numbered_as_the_model_has_it_and_special_spellings_are_text():
    pieces = PiecesSpec(size=40, coverage=1.0).build(texts=[*TEXTS, "<s> </s> <pad>"])
    text = "<pad> <s> </s>"
    numbers = pieces.encode(text).tolist()
    assert min(numbers) > pieces.vocabulary.unknown
    assert pieces.vocabulary.decode(numbers) == text
    assert [pieces.vocabulary.symbols[number] for number in pieces.encode("dog").tolist()] == [
        piece.replace("▁", " ") for piece in pieces.model.encode("dog", out_type=str)
    ]


def test_pieces_need_their_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(Mistake, match=r'not installed: pip install "dovetail\[text-gan\]"'):
        PiecesSpec().build(texts=TEXTS)


def test_too_few_pieces_for_the_characters_are_a_mistake():
    with pytest.raises(Mistake, match="cannot learn pieces from these 3 texts with `size` 5 and `coverage` 1: "):
        PiecesSpec(size=5, coverage=1.0).build(texts=TEXTS)
