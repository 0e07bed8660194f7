import pytest
import torch

from dovetail.spaces import (
    Fields,
    Frames,
    Gaussian,
    Image,
    Label,
    Labels,
    Normal,
    Padded,
    Regions,
    Sequence,
    Tokens,
    Vector,
    Vocabulary,
)

WORDS = Vocabulary.of(["red", "big", "star"])
SPACES = [
    Vector(5),
    Gaussian(5),
    Label(3),
    Labels(None, 3),
    Labels(2, 3),
    Tokens(WORDS),
    Tokens(WORDS, 4),
    Sequence(None, 5),
    Sequence(2, 5),
    Image(3, 4, 6),
    Image(1, 4, 6, 0.25, 1.0),
    Frames(3, Image(1, 4, 6, 0.25, 1.0)),
    Regions(6, 5, (2, 3)),
]
SPACES = [*SPACES, Fields({"a": Vector(5), "b": Fields({"c": Tokens(WORDS)})})]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_fake_batch_lies_in_its_space_and_depends_on_the_generator_alone(space):
    one, two = (space.fake(2, torch.Generator().manual_seed(3)) for _ in range(2))
    space.check(one)
    assert str(one) == str(two)
    assert hash(space) == hash(space)


def examples(space, batch):
    """The examples of a batch, each without its batch axis."""
    if isinstance(space, Fields):
        columns = {name: examples(inner, batch[name]) for name, inner in space.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(batch, Padded):
        return [data[:length] for data, length in zip(*batch, strict=True)]
    return list(zip(*batch, strict=True)) if isinstance(batch, Normal) else list(batch)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_the_examples_of_a_batch_collate_to_the_batch(space):
    batch = space.fake(3)
    again = space.collate(examples(space, batch))
    space.check(again)
    assert str(again) == str(batch)


T = torch.tensor


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (Vector(5), torch.zeros(2, 3), r"a batch of Vector\(size=5\) must be \(batch, 5\), but is \(2, 3\)"),
        (Vector(5), torch.zeros(5), r"must be \(batch, 5\), but is \(5,\)"),
        (Vector(5), [1.0], r"must be \(batch, 5\), but is \('list',\)"),
        (Gaussian(5), torch.zeros(2, 5), "must be Normal, but is Tensor"),
        (Gaussian(5), Normal(torch.zeros(2, 5), torch.zeros(2, 4)), r"must be \(batch, 5\), but is \(2, 4\)"),
        (Label(3), T([[1]]), r"must be \(batch\), but is \(1, 1\)"),
        (Label(3), T([1.0]), r"must be integers, but is torch\.float32"),
        (Label(3), T([0, 3]), r"must be in \[0, 2\], but is outside"),
        (Label(3), T([-1]), r"must be in \[0, 2\], but is outside"),
        (Labels(None, 3), T([[1]]), "must be Padded, but is Tensor"),
        (Labels(None, 3), Padded(T([1]), T([1])), r"must be \(batch, time, …\), but is \(1,\)"),
        (Labels(2, 3), Padded(T([[0, 1, 2]]), T([3])), "must be at most 2 long, but is 3"),
        (Labels(None, 3), Padded(T([[0, 1]]), T([1, 1])), r"must be with one length an example, but is \(2,\)"),
        (Labels(None, 3), Padded(T([[0, 1]]), T([3])), r"must be with lengths inside the data, but is \[3\]"),
        (Labels(None, 3), Padded(T([[0, 1]]), T([-1])), r"must be with lengths inside the data, but is \[-1\]"),
        (Labels(None, 3), Padded(T([[0, 3]]), T([2])), r"the steps of a batch of Labels\(.*: .* must be in \[0, 2\]"),
        (Tokens(WORDS), Padded(T([[7]]), T([1])), r"the steps of a batch of Tokens\(.* must be in \[0, 6\]"),
        (Sequence(None, 5), Padded(torch.zeros(2, 3, 4), T([3, 1])), r"must be \(batch, 5\), but is \(6, 4\)"),
        (Image(3, 4, 6), torch.zeros(2, 3, 6, 4), r"must be \(batch, 3, 4, 6\), but is \(2, 3, 6, 4\)"),
        (Image(1, 1, 1), torch.full((2, 1, 1, 1), 1.5), r"must be in \[-1\.0, 1\.0\], but is outside"),
        (Image(1, 1, 1), torch.full((2, 1, 1, 1), float("nan")), r"must be in \[-1\.0, 1\.0\], but is outside"),
        (Frames(2, Image(1, 1, 1)), Padded(torch.zeros(2, 2, 1, 1, 2), T([1, 1])), r"must be \(batch, 1, 1, 1\)"),
        (Regions(6, 5), torch.zeros(2, 5, 6), r"must be \(batch, 6, 5\), but is \(2, 5, 6\)"),
        (Fields({"a": Vector(5)}), {"b": 1}, r"must be a mapping of \['a'\], but is \['b'\]"),
        (Fields({"a": Vector(5)}), 3, r"must be a mapping of \['a'\], but is int"),
        (Fields({"a": Vector(5)}), {"a": torch.zeros(1, 4)}, r"a batch of Vector\(size=5\) must be"),
    ],
)
def test_a_value_outside_of_a_space_is_refused_with_the_rule(space, value, message):
    with pytest.raises(ValueError, match=message):
        space.check(value)


@pytest.mark.parametrize("space", [Vector(5), Label(3), Image(1, 2, 3), Regions(2, 5)], ids=str)
def test_an_empty_batch_is_a_batch(space):
    space.check(space.fake(2)[:0])


def test_the_mask_of_a_padded_batch():
    mask = Padded(torch.zeros(2, 3), T([1, 3])).mask
    assert mask.tolist() == [[True, False, False], [True, True, True]]


def test_padding_is_the_vocabularys_the_darkest_or_zero():
    vocabulary = Vocabulary(("<s>", "a", "<pad>", "<e>", "?"), pad=2, start=0, end=3, unknown=4)
    assert Tokens(vocabulary).collate([T([1, 3]), T([3])]).data.tolist() == [[1, 3], [3, 2]]
    frames = Frames(None, Image(1, 1, 1, low=0.5)).collate([torch.ones(2, 1, 1, 1), torch.ones(1, 1, 1, 1)])
    assert frames.data.flatten().tolist() == [1.0, 1.0, 1.0, 0.5]
    assert Labels(None, 3).collate([T([2]), T([], dtype=torch.long)]).data.tolist() == [[2], [0]]


def test_a_vocabulary_encodes_and_decodes():
    numbers = WORDS.encode(["red", "huge", "star"])
    assert numbers == [4, 3, 6]
    assert WORDS.decode([1, *numbers, 2, 4, 0]) == "red <unknown> star"
    assert WORDS.symbols_of([1, *numbers, 2, 4, 0]) == ["red", "<unknown>", "star"]
    assert len(WORDS) == 7
    assert Vocabulary.of("ab", joiner="").decode([4, 5]) == "ab"
    batch = Padded(T([[4, 6, 5], [5, 0, 0]]), T([2, 1]))
    assert Tokens(WORDS).decode(batch) == ["red star", "big"]


def test_spaces_fit_where_they_are_equal():
    assert Vector(5) == Vector(5) != Vector(4)
    assert Label(3) != Labels(None, 3)
    assert Tokens(WORDS) == Tokens(Vocabulary.of(["red", "big", "star"]))
    assert Fields({"a": Vector(5), "b": Label(3)}) == Fields({"b": Label(3), "a": Vector(5)})
    assert len({Fields({"a": Vector(5), "b": Label(3)}), Fields({"b": Label(3), "a": Vector(5)})}) == 1
