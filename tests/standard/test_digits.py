import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from dovetail import Image, Label, Sequence
from dovetail_standard.digits import DigitsSpec, divide

SIZES = {"train": 1197, "valid": 300, "test": 300}


@pytest.mark.parametrize(
    ("spec", "space"),
    [
        (DigitsSpec(), Image(1, 8, 8)),
        (DigitsSpec(size=32), Image(1, 32, 32)),
        (DigitsSpec(form="rows"), Sequence(8, 8)),
        (DigitsSpec(form="rows", size=16), Sequence(16, 16)),
    ],
)
def test_every_split_gives_batches_of_its_fields(spec, space):
    data = spec.build()
    assert data.fields["input"] == space
    assert data.fields["label"] == Label(10, tuple("0123456789"))
    for name, size in SIZES.items():
        assert len(data.split(name)) == size
        data.fields.check(data.split(name).take(range(size)))


def test_the_images_are_scikit_learns_in_minus_one_to_one():
    digits = load_digits()
    batch = DigitsSpec().build().split("train").take(range(1197))
    chosen = divide(torch.from_numpy(digits.target), seed=0)["train"]
    torch.testing.assert_close((batch["input"][:, 0] + 1) * 8, torch.from_numpy(digits.images)[chosen].float())
    assert batch["label"].tolist() == digits.target[chosen.numpy()].tolist()
    assert (batch["input"].min(), batch["input"].max()) == (-1, 1)


def test_the_rows_are_the_images_rows_from_the_top():
    images = DigitsSpec().build().split("test").take([5, 0])["input"]
    rows = DigitsSpec(form="rows").build().split("test").take([5, 0])["input"]
    assert torch.equal(rows.data, images[:, 0])
    assert rows.lengths.tolist() == [8, 8]


def test_a_larger_image_is_the_same_digit():
    small = DigitsSpec().build().split("test").take(range(9))["input"]
    large = DigitsSpec(size=32).build().split("test").take(range(9))["input"]
    pair = torch.stack([torch.nn.functional.avg_pool2d(large, 4).flatten(), small.flatten()])
    assert pair.corrcoef()[0, 1] > 0.97
    torch.testing.assert_close(large.mean((1, 2, 3)), small.mean((1, 2, 3)), atol=0.02, rtol=0)


def test_the_splits_share_no_digit_and_divide_every_class_alike():
    labels = torch.from_numpy(load_digits().target)
    parts = divide(labels, seed=3)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(1797))
    shares = torch.stack([labels[part].bincount() / labels.bincount() for part in parts.values()])
    torch.testing.assert_close(shares, torch.tensor([4 / 6, 1 / 6, 1 / 6])[:, None].expand(3, 10), atol=0.01, rtol=0)


def test_the_division_follows_its_seed_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = DigitsSpec().build()
    assert torch.equal(state, torch.get_rng_state())
    assert first.fingerprint == DigitsSpec().build().fingerprint
    others = (DigitsSpec(split_seed=1), DigitsSpec(size=16), DigitsSpec(form="rows"))
    assert len({first.fingerprint, *(other.build().fingerprint for other in others)}) == 4


def test_the_digits_can_be_told_apart():
    data = DigitsSpec().build()
    train, test = data.split("train").take(range(1197)), data.split("test").take(range(300))
    model = LogisticRegression(max_iter=300).fit(train["input"].flatten(1).numpy(), train["label"].numpy())
    assert model.score(test["input"].flatten(1).numpy(), test["label"].numpy()) > 0.93
