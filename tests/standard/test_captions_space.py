import pytest
import torch
from attrs import resolve_types

from dovetail import Mistake, Padded, Tokens, Vocabulary
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


def test_a_file_has_an_examples_captions_on_a_line_with_tabs_between_them(tmp_path):
    (tmp_path / "c.txt").write_bytes(b"a red  dog\ta dog \r\nblue\t\r\n")
    space, batch = Captions.read(tmp_path / "c.txt")
    space.check(batch)
    assert space.decode(batch) == [["a red dog", "a dog"], ["blue", ""]]
    assert space.tokens.vocabulary.symbols[4:] == ("a", "red", "dog", "blue")


def test_an_unknown_word_of_a_file_stays_unknown(tmp_path):
    (tmp_path / "c.txt").write_text("a <unknown>")
    space, (batch,) = Captions.read(tmp_path / "c.txt")
    assert batch.data.tolist() == [[4, space.tokens.vocabulary.unknown, space.tokens.vocabulary.end]]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"a\tb\nc\td\ne", "c.txt:3: must have as many captions with tabs between them as line 1, 2, but has 1"),
        (b"a\nb <end>", "c.txt:2: must have words alone, but has `<end>`; take such marks out"),
        (b"a\n\xff", "must be UTF-8 text"),
        (None, "c.txt: cannot be read: No such file"),
    ],
)
def test_a_file_that_has_no_captions_is_a_mistake(tmp_path, content, error):
    if content is not None:
        (tmp_path / "c.txt").write_bytes(content)
    with pytest.raises(Mistake, match=error):
        Captions.read(tmp_path / "c.txt")
