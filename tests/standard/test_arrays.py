import pytest
import torch

from dovetail.errors import Mistake
from dovetail.spaces import Fields, Image, Label, Padded, Sequence, Vocabulary
from dovetail_standard.arrays import ArrayDataset, ArraySplit, carve, fingerprint_of


def _split() -> ArraySplit:
    rows = Padded(torch.arange(4 * 3 * 2.0).reshape(4, 3, 2), torch.tensor([1, 3, 2, 1]))
    pixels = torch.tensor([0, 255, 51, 204], dtype=torch.uint8).reshape(4, 1, 1, 1).expand(4, 1, 2, 5)
    return ArraySplit(fields={"rows": rows, "image": pixels, "label": torch.tensor([7, 8, 9, 6])})


def test_a_batch_holds_the_examples_asked_for_in_that_order():
    batch = _split().take([2, 0])
    assert batch["label"].tolist() == [9, 7]
    assert batch["rows"].data[0].tolist() == [[12, 13], [14, 15]]


def test_a_batch_of_varying_lengths_is_cut_to_its_longest():
    assert _split().take([0, 3])["rows"].data.shape == (2, 1, 2)
    assert _split().take(range(4))["rows"].lengths.tolist() == [1, 3, 2, 1]


def test_bytes_are_taken_as_pixels_in_minus_one_to_one():
    image = _split().take(range(4))["image"]
    torch.testing.assert_close(image[:, 0, 0, 0], torch.tensor([-1.0, 1.0, -0.6, 0.6]))
    Image(1, 2, 5).check(image)


def test_taking_does_not_change_what_is_held():
    split = _split()
    split.take([0])["rows"].data.fill_(-9)
    assert split.take([0])["rows"].data.tolist() == [[[0, 1]]]


def test_an_empty_batch_has_the_fields_of_any_other():
    batch = _split().take([])
    assert batch["image"].shape == (0, 1, 2, 5)
    assert batch["rows"].data.shape == (0, 0, 2)


def test_a_part_holds_the_chosen_examples_unchanged():
    part = _split().part(torch.tensor([3, 1]))
    assert len(part) == 2
    assert part.take([0, 1])["label"].tolist() == [6, 8]
    assert part.take([1])["rows"].data.shape == (1, 3, 2)


def test_fields_of_different_counts_are_refused():
    with pytest.raises(ValueError, match=r"as many examples each, but hold \{'input': 3, 'label': 2\}"):
        ArraySplit(fields={"input": torch.zeros(3, 5), "label": torch.zeros(2)})


def test_an_unknown_split_is_refused_with_those_there_are():
    data = ArrayDataset(Fields({"label": Label(10)}), {"train": _split(), "valid": _split()}, "0")
    assert len(data.split("train")) == 4
    with pytest.raises(Mistake, match=r"`vald` is no split .* train, valid did you mean `valid`"):
        data.split("vald")


def test_the_fingerprint_tells_values_shapes_types_names_and_spaces_apart():
    a = torch.arange(6.0)
    contents = [
        a,
        a + 0.5,
        a.reshape(2, 3),
        a.reshape(3, 2),
        a.long(),
        {"x": a},
        {"y": a},
        [a],
        [a, a],
        Padded(a.reshape(2, 3), torch.tensor([1, 2])),
        Padded(a.reshape(2, 3), torch.tensor([2, 2])),
        Sequence(3, 2),
        Sequence(2, 3),
        Vocabulary.of(["a"]),
        Vocabulary.of(["b"]),
        b"ab",
        "ab",
        torch.tensor(1.0),
        torch.tensor(2.0),
        Fields({"a": Label(2)}),
        Fields({"a": Label(3)}),
    ]
    assert len({fingerprint_of(content) for content in contents}) == len(contents)
    assert fingerprint_of("a", "b") != fingerprint_of("ab")


def test_the_fingerprint_is_the_same_every_time_and_in_any_layout():
    grid = torch.arange(6.0).reshape(2, 3)
    assert fingerprint_of({"a": grid, "b": 1}) == fingerprint_of({"b": 1, "a": grid.T.contiguous().T})
    assert fingerprint_of(_split()) == fingerprint_of(_split())


def test_carving_divides_all_numbers_and_repeats_with_its_seed():
    rest, valid = carve(20, 6, seed=3)
    assert sorted([*rest.tolist(), *valid.tolist()]) == list(range(20))
    assert len(valid) == 6
    assert torch.equal(valid, carve(20, 6, seed=3)[1])
    assert not torch.equal(valid, carve(20, 6, seed=4)[1])


@pytest.mark.parametrize("size", [0, 20])
def test_carving_leaves_something_on_both_sides(size):
    with pytest.raises(Mistake, match=f"`valid` must leave examples to train on, but is {size} of 20"):
        carve(20, size, seed=0)
