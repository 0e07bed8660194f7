import pytest
import torch
from attrs import frozen
from torch import nn

import dovetail
from dovetail import Encoder, Misfit, Padded, Tokens, Vector, Vocabulary
from dovetail.assembly import Assembly
from dovetail.config import FromRun
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.sequence import SequenceSpec
from dovetail_text_gan.retokenized import RetokenizedSpec, Retokenizer

WORDS = Tokens(Vocabulary.of(["a", "cat", "sees", "dogs"]), 6)
OTHER_WORDS = Tokens(Vocabulary.of(["dogs", "big", "a"]), 4)
LETTERS = Tokens(Vocabulary.of("zat c", joiner=""))
PIECES = Tokens(Vocabulary.of([" cat", "a", "s"], joiner=""))


def batch(space, *texts, ended=True):
    vocabulary = space.vocabulary
    split = [text.split() if vocabulary.joiner else text for text in texts]
    return space.collate([torch.tensor(vocabulary.encode(text) + [vocabulary.end] * ended) for text in split])


def test_words_are_numbered_anew_and_those_that_are_not_known_are_counted():
    retokenizer = Retokenizer(given=WORDS, own=OTHER_WORDS)
    made = retokenizer(batch(WORDS, "a cat", "dogs sees a", "what a"))
    assert made.data.tolist() == [[6, 3, 2, 0], [4, 3, 6, 2], [3, 6, 2, 0]]
    assert made.lengths.tolist() == [3, 4, 3]
    assert (retokenizer.tokens, retokenizer.unknown) == (10, 3)
    assert retokenizer.remark() == "30.00% of the tokens are unknown to the vocabulary of what read them"


def test_words_are_found_as_they_were_for_the_judge():
    given, own = (Tokens(Vocabulary.of(words)) for words in (["a", "cat.", "it's"], ["a", "cat", ".", "it", "'s"]))
    x = batch(given, "it's a cat.")
    assert Retokenizer(given=given, own=own)(x).data.tolist() == [[3, 4, 3, 2]]
    assert Retokenizer(given=given, own=own, tokenizer="treebank")(x).data.tolist() == [[7, 8, 4, 5, 6, 2]]


def test_words_become_letters_and_letters_words():
    letters = Retokenizer(given=WORDS, own=LETTERS)(batch(WORDS, "a cat", "cat what"))
    assert LETTERS.vocabulary.decode(letters.data[0].tolist()) == "a cat"
    assert letters.data[1].tolist() == [8, 5, 6, 7, 3, 2]
    words = Retokenizer(given=LETTERS, own=WORDS)(batch(LETTERS, "a cat", "ca t", "catx a"))
    assert words.data.tolist() == [[4, 5, 2], [3, 3, 2], [3, 4, 2]], "a word with an unknown letter is unknown"


def test_a_text_without_its_end_has_none_in_the_other_vocabulary():
    made = Retokenizer(given=WORDS, own=OTHER_WORDS)(batch(WORDS, "a cat", "dogs", ended=False))
    assert made.data.tolist() == [[6, 3], [4, 0]]


def test_a_text_that_is_too_long_is_cut_and_counted():
    retokenizer = Retokenizer(given=WORDS, own=OTHER_WORDS)
    made = retokenizer(batch(WORDS, "a a a a a", "a a a"))
    assert made.data.tolist() == [[6, 6, 6, 6], [6, 6, 6, 2]]
    assert retokenizer.remark() == "50.00% of the texts have more than its 4 tokens and are cut"


def test_texts_of_the_same_vocabulary_pass_through_and_are_cut_alone():
    x = batch(WORDS, "a cat sees", "dogs")
    assert Retokenizer(given=WORDS, own=WORDS)(x) is x
    short = Retokenizer(given=WORDS, own=Tokens(WORDS.vocabulary, 3))
    assert short(x).data.tolist() == [[4, 5, 6], [7, 2, 0]]


def test_pieces_cannot_be_split_again_but_can_be_read():
    with pytest.raises(Misfit, match="since texts cannot be split again into pieces of words"):
        Retokenizer(given=WORDS, own=PIECES)
    pieces = Padded(torch.tensor([[5, 4, 2], [5, 6, 2]]), torch.tensor([3, 3]))
    assert Retokenizer(given=PIECES, own=WORDS)(pieces).data.tolist() == [[4, 5, 2], [3, 2, 0]]
    assert Retokenizer(given=PIECES, own=PIECES)(pieces) is pieces


@frozen
class Earlier:
    """A store of one run."""

    spec: object
    encoder: nn.Module
    identity: str = "abc"

    def __call__(self, name):
        return self

    def part(self, path):
        return self.spec, [{"input": OTHER_WORDS}], self.encoder.state_dict()


def test_an_encoder_of_an_earlier_run_reads_texts_in_its_own_vocabulary():
    spec = SequenceSpec(embedding=EmbeddingSpec(size=3), pooling="mean")
    own = spec.build(input=OTHER_WORDS)
    assembly = Assembly(dovetail.registry(), runs=Earlier(spec, own))
    handle = assembly.handle(RetokenizedSpec(encoder=FromRun("r", "encoder")), "metrics.fd.encoder")
    encoder = handle.build(input=WORDS)
    assert isinstance(encoder, Encoder)
    assert encoder.output == Vector(256)
    expected = own(batch(OTHER_WORDS, "a big", "dogs"))
    assert torch.allclose(encoder(batch(WORDS, "a cat", "dogs")), own(batch(OTHER_WORDS, "a ?", "dogs")))
    assert torch.allclose(encoder(batch(WORDS, "dogs"))[0], expected[1], atol=1e-6)
    assert encoder.remark() == "14.29% of the tokens are unknown to the vocabulary of what read them"
