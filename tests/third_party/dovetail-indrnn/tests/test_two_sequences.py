"""The dataset indrnn/two-sequences by hand."""

import dovetail
import pytest

from dovetail_indrnn.two_sequences import TwoSequencesSpec


def test_the_first_steps_tell_the_class_and_the_others_do_not():
    data = TwoSequencesSpec(train=400, steps=40, informative=2).build()
    batch = data.split("train").take(range(400))
    data.fields.check(batch)
    values, lengths = batch["input"]
    sign = 2.0 * batch["label"] - 1.0
    assert values[:, :2, 0].T.tolist() == [sign.tolist()] * 2
    assert sorted(set(lengths.tolist())) == [40, 41, 42, 43, 44]
    noise = values[:, 2:40, 0]
    assert noise.var().item() == pytest.approx(0.2, rel=0.05)
    assert abs((noise.mean(1) * sign).mean().item()) < 0.02


def test_examples_are_taken_by_number():
    data = TwoSequencesSpec(train=7, valid=5, test=3).build()
    assert [len(data.split(name)) for name in ("train", "valid", "test")] == [7, 5, 3]
    batch = data.split("valid").take([4, 1])
    assert batch["input"].data[1].tolist() == data.split("valid").take([1])["input"].data[0].tolist()
    with pytest.raises(dovetail.Mistake, match="`dev` is no split"):
        data.split("dev")


def test_the_fingerprint_changes_with_the_data_alone():
    prints = [TwoSequencesSpec(seed=seed).build().fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_there_must_be_more_steps_than_informative_ones():
    with pytest.raises(dovetail.Mistake, match="`informative` must be less than `steps`, which is 5, but is 5"):
        TwoSequencesSpec(steps=5, informative=5).build()


def test_the_registry_knows_it():
    assert dovetail.registry().spec("dataset", "indrnn/two-sequences", steps=9) == TwoSequencesSpec(steps=9)
