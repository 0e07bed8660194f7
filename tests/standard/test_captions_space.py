import pytest
import torch
from attrs import resolve_types

from dovetail import Padded, Tokens, Vocabulary
from dovetail_standard.captions_space import Captions

TOKENS = Tokens(Vocabulary.of(["red", "blue"]), 5)


def test_collating_gathers_the_first_captions_then_the_second():
    space = Captions(2, TOKENS)
    one, two = [torch.tensor([4, 2]), torch.tensor([5, 4, 2])], [torch.tensor([5, 2]), torch.tensor([4, 2])]
    batch = space.collate([one, two, one])
    space.check(batch)
    assert batch[0].data.tolist() == [[4, 2], [5, 2], [4, 2]]
    assert batch[1].lengths.tolist() == [3, 2, 3]
    assert space.decode(batch) == [["red", "blue red"], ["blue", "red"], ["red", "blue red"]]


def test_a_fake_batch_lies_in_the_space():
    batch = Captions(3, TOKENS).fake(2)
    Captions(3, TOKENS).check(batch)
    assert len(batch) == 3
    assert all(captions.data.shape[0] == 2 for captions in batch)


def test_what_is_no_tuple_of_captions_is_refused():
    space = Captions(2, TOKENS)
    with pytest.raises(ValueError, match="must be a tuple of 2 batches of tokens, but is Padded"):
        space.check(TOKENS.fake(2))
    with pytest.raises(ValueError, match="must be a tuple of 2 batches of tokens, but is 3 of them"):
        space.check(Captions(3, TOKENS).fake(2))
    with pytest.raises(ValueError, match=r"must be of one size, but is \[2, 3\]"):
        space.check((TOKENS.fake(2), TOKENS.fake(3)))
    with pytest.raises(ValueError, match="at most 5 long"):
        space.check((TOKENS.fake(2), Padded(torch.zeros(2, 6).long(), torch.ones(2).long())))


def test_its_types_resolve():
    assert resolve_types(Captions) is Captions
