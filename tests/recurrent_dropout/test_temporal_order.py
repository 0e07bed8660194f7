import pytest
import torch

from dovetail_recurrent_dropout.temporal_order import TemporalOrderSpec

SMALL = {"train": 300, "valid": 40, "test": 70}
FORMS = ["symbols", "bits"]


def whole(dataset, name):
    split = dataset.split(name)
    return split.take(range(len(split)))


@pytest.mark.parametrize("length", [6, 15, 20, 30])
def test_labels_are_the_two_early_symbols_in_their_order(length):
    batch = whole(TemporalOrderSpec(length=length, **SMALL).build(), "train")
    third = length // 3
    for row, label in zip(batch["input"].data, batch["label"].tolist(), strict=True):
        text = "".join("ABCD"[symbol.argmax()] for symbol in row)
        early = [(place, letter) for place, letter in enumerate(text) if letter in "AB"]
        (first, one), (second, two) = early
        assert row.sum() == length
        assert first < third <= second < 2 * third
        assert ("AA", "AB", "BA", "BB")[label] == one + two


@pytest.mark.parametrize(("length", "low", "high"), [(6, 2, 4), (15, 5, 10), (30, 10, 20)])
def test_labels_are_the_two_marked_bits(length, low, high):
    batch = whole(TemporalOrderSpec(length=length, form="bits", **SMALL).build(), "train")
    for row, label in zip(batch["input"].data.tolist(), batch["label"].tolist(), strict=True):
        marked = [place for place, (_, marker) in enumerate(row) if marker == 1]
        first, second = marked if len(marked) == 2 else marked * 2
        assert 0 <= first <= low <= second <= high
        assert label == 2 * row[first][0] + row[second][0]


def test_markers_of_the_codes_form_reach_both_ends_and_can_coincide():
    data = whole(TemporalOrderSpec(length=30, form="bits", train=20_000).build(), "train")["input"].data
    markers = data[:, :, 1]
    assert markers.sum(0).nonzero().flatten().tolist() == list(range(21))
    coincide = (markers.sum(1) == 1).double().mean().item()
    assert coincide == pytest.approx(1 / 121, abs=0.003)  # 0.8 %


@pytest.mark.parametrize("form", FORMS)
def test_classes_and_places_are_even(form):
    batch = whole(TemporalOrderSpec(form=form).build(), "train")
    shares = torch.bincount(batch["label"], minlength=4) / 6400
    torch.testing.assert_close(shares, torch.full((4,), 0.25), rtol=0, atol=0.03)
    if form == "symbols":
        places = batch["input"].data[:, :, :2].sum(dim=(0, 2)) / 6400
        torch.testing.assert_close(places[:10], torch.full((10,), 0.2), rtol=0, atol=0.03)
        assert places[10:].sum() == 0


@pytest.mark.parametrize(("form", "width"), [("symbols", 4), ("bits", 2)])
def test_sizes_and_spaces_are_the_papers(form, width):
    dataset = TemporalOrderSpec(form=form).build()
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [6400, 1000, 10_000]
    assert (dataset.fields["input"].length, dataset.fields["input"].size) == (15, width)
    assert dataset.fields["label"].classes == 4
    for name in ("train", "valid", "test"):
        dataset.fields.check(dataset.split(name).take([3, 0, 5]))


@pytest.mark.parametrize("form", FORMS)
def test_the_data_are_the_same_every_time_and_others_with_another_seed(form):
    first, again, other = (TemporalOrderSpec(form=form, seed=seed, **SMALL).build() for seed in (1, 1, 2))
    assert torch.equal(whole(first, "test")["input"].data, whole(again, "test")["input"].data)
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != other.fingerprint
    assert first.fingerprint != TemporalOrderSpec(form=form, seed=1, length=18, **SMALL).build().fingerprint


def test_drawing_the_data_leaves_torchs_generator_alone():
    before = torch.get_rng_state()
    TemporalOrderSpec(**SMALL).build()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("form", FORMS)
def test_splits_have_streams_of_their_own(form):
    small = TemporalOrderSpec(form=form, length=30, train=50, valid=50, test=50).build()
    data = [whole(small, name)["input"].data for name in ("train", "valid", "test")]
    rows = {tuple(row.flatten().tolist()) for part in data for row in part}
    assert len(rows) == 150
    larger = TemporalOrderSpec(form=form, length=30, train=80, valid=50, test=50).build()
    assert torch.equal(whole(larger, "test")["input"].data, data[2])


def test_a_sequence_too_short_for_thirds_is_refused():
    with pytest.raises(ValueError, match=r"`length` must be in \[6, inf\), but is 5"):
        TemporalOrderSpec(length=5)
    with pytest.raises(ValueError, match=r"`test` must be in \[1, inf\), but is 0"):
        TemporalOrderSpec(test=0)
