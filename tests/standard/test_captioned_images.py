import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from attrs import frozen
from PIL import Image as Picture

from dovetail import Mistake, Padded
from dovetail.randomness import stream
from dovetail_standard.captioned_images import Captioned, CaptionedImagesSpec, Collection, lowered


@frozen(kw_only=True)
class Spec(CaptionedImagesSpec):
    """Three images of three splits, each with the captions given."""

    folder: Path
    train: tuple[str, ...]
    valid: tuple[str, ...] = ("a", "b", "c", "d", "e")
    remarks: tuple[str, ...] = ()

    def build(self):
        images = {}
        for name, captions in {"train": self.train, "valid": self.valid, "test": ("a",) * 5}.items():
            file = self.folder / f"{name}.jpg"
            if not file.exists():
                Picture.new("RGB", (12, 10), (10, 20, 30)).save(file)
            images[name] = [Captioned(file, tuple(map(lowered, captions)))]
        other = self.folder / "other.jpg"
        Picture.new("RGB", (12, 10)).save(other)
        images["train"].append(Captioned(other, tuple(map(lowered, "abcde"))))
        return self.dataset(Collection(images, {"train": self.remarks}))


def build(folder, *train, **values):
    return Spec(**{"folder": folder, "train": train, "size": 8, "min_count": 1, **values}).build()


def first(data, split="train"):
    return data.fields["captions"].decode(data.split(split).take([0])["captions"])[0]


def test_captions_longer_than_asked_are_left_out_and_the_rest_is_given_again(tmp_path):
    data = build(tmp_path, "a b c", "a b", "c b a d", "d", "a b d e e", longest=3)
    assert first(data) == ["a b c", "a b", "d", "a b c", "a b"]
    assert data.fields["caption"].length == 4
    assert data.split("train").remark() == (
        "2 of 10 captions have more than 3 words and are left out; "
        "1 of 2 images have fewer than 5 captions and give some twice (train.jpg)"
    )


def test_captions_longer_than_asked_are_cut_where_that_is_chosen(tmp_path):
    data = build(tmp_path, "a b c", "a b", "c b a d", "d", "a b d e e", longest=3, too_long="cut")
    assert first(data) == ["a b c", "a b", "c b a", "d", "a b d"]
    assert data.split("train").remark() == "2 of 10 captions have more than 3 words and are cut"


def test_a_caption_as_long_as_asked_stays_whole(tmp_path):
    data = build(tmp_path, "a b c d e", "a", "b", "c", "d", longest=5)
    captions = data.split("train").take([0])["captions"]
    assert captions[0].lengths.tolist() == [6]
    assert first(data)[0] == "a b c d e"
    data.fields["captions"].check(captions)


def test_captions_beyond_the_fifth_are_not_used_and_counted(tmp_path):
    data = build(tmp_path, *"abcdefg")
    assert first(data) == list("abcde")
    assert data.split("train").remark() == "2 of 12 captions are beyond an image's first 5 and not used (train.jpg)"


def test_a_caption_of_unknown_words_alone_is_left_out_by_name(tmp_path):
    data = build(tmp_path, *"abcde", valid=("a x", "y z", "x", "b", "c"))
    assert first(data, "valid") == ["a <unknown>", "b", "c", "a <unknown>", "b"]
    assert data.split("valid").remark() == (
        "2 of 5 captions have no word that is known and are left out (valid.jpg); "
        "1 of 1 images have fewer than 5 captions and give some twice (valid.jpg)"
    )


def test_an_image_whose_captions_cannot_be_used_is_left_out_by_name(tmp_path):
    data = build(tmp_path, "a b c", "b b b b", longest=2)
    assert len(data.split("train")) == 1
    assert "1 of 2 images have no caption that can be used and are left out (train.jpg)" in data.split("train").remark()


def test_a_split_that_nothing_is_left_of_is_refused(tmp_path):
    with pytest.raises(Mistake, match=r"`valid` must have an image with a caption of known words and of at most 20"):
        build(tmp_path, *"abcde", valid=("x", "y"))


@pytest.mark.parametrize(("where", "known"), [("train", set("abcde")), ("all", set("abcdexy"))])
def test_the_vocabulary_is_of_the_splits_asked_for(tmp_path, where, known):
    data = build(tmp_path, *"abcde", valid=("a x", "y", "x"), vocabulary_from=where)
    assert set(data.fields["caption"].vocabulary.symbols[4:]) == known


def test_a_word_must_occur_as_often_as_asked_in_captions_that_are_used(tmp_path):
    data = build(tmp_path, "a a", "b f", "f g g g g", min_count=2, longest=4, valid=("a",))
    assert set(data.fields["caption"].vocabulary.symbols[4:]) == {"a", "b"}


def test_the_caption_is_drawn_among_those_that_differ_in_training(tmp_path):
    data = build(tmp_path, "a", "b", "c")
    split, decode = data.split("train"), data.fields["caption"].decode
    drawn = [decode(split.take([0], augment=lambda i, e=epoch: stream(0, e, i))["caption"])[0] for epoch in range(300)]
    counts = [drawn.count(word) for word in "abc"]
    assert sum(counts) == 300
    assert all(70 < count < 130 for count in counts)
    assert decode(split.take([0])["caption"]) == ["a"]


def test_what_a_reader_found_is_said_first(tmp_path):
    data = build(tmp_path, *"abcd", remarks=("something is odd",))
    assert data.split("train").remark().startswith("something is odd; 1 of 2 images have fewer than 5")
    assert "odd" not in data.split("valid").remark()


def ramp(folder: Path) -> Path:
    """A photograph, twice as wide as high, that is white in its middle square and black beside it."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 255
    Picture.fromarray(pixels).save(folder / "train.jpg", quality=95)
    return folder


def test_the_middle_square_is_cut_out_of_an_image_that_covers_it(tmp_path):
    image = build(ramp(tmp_path), *"abcde").split("train").take([0])["image"]
    assert image.shape == (1, 3, 8, 8)
    assert image[..., 1:-1].min() > 0.8


def test_augmentation_moves_the_square_and_leaves_it_alone_where_it_is_off(tmp_path):
    ramp(tmp_path)
    plain, moved = (build(tmp_path, *"abcde", size=14, augment=on).split("train") for on in (False, True))
    draws = [lambda i, e=epoch: stream(0, e, i) for epoch in range(8)]
    assert all(torch.equal(plain.take([0], draw)["image"], plain.take([0])["image"]) for draw in draws)
    images = [moved.take([0], draw)["image"] for draw in draws]
    assert sum(not torch.equal(image, images[0]) for image in images) >= 5
    assert torch.equal(moved.take([0], draws[3])["image"], images[3])


@pytest.mark.parametrize(
    ("mode", "colour", "expected"), [("L", 51, [-0.6] * 3), ("CMYK", (0, 255, 255, 0), [1, -1, -1])]
)
def test_grey_and_printed_images_become_red_green_and_blue(tmp_path, mode, colour, expected):
    Picture.new(mode, (12, 10), colour).save(tmp_path / "train.jpg", quality=95)
    image = build(tmp_path, *"abcde").split("train").take([0])["image"]
    torch.testing.assert_close(image[0, :, 4, 4], torch.tensor(expected, dtype=torch.float32), atol=0.06, rtol=0)


def test_a_damaged_image_is_named_when_it_is_taken(tmp_path):
    (tmp_path / "train.jpg").write_bytes(b"no picture")
    split = build(tmp_path, *"abcde").split("train")
    with pytest.raises(Mistake, match=r"train\.jpg is no readable picture .*: get it anew"):
        split.take([1, 0])


def test_without_its_images_a_split_gives_the_same_captions_and_reads_no_file(tmp_path):
    data = build(tmp_path, *"abcde")
    whole = data.split("train")
    bare = whole.without("image")
    draw = lambda index: stream(5, index)  # noqa: E731
    expected = whole.take([1, 0], draw)
    (tmp_path / "train.jpg").unlink()
    found = bare.take([1, 0], draw)
    assert set(found) == {"captions", "caption"}
    assert torch.equal(found["caption"].data, expected["caption"].data)
    assert len(bare) == len(whole)
    assert bare.without("caption").pictures is False


def test_the_fingerprint_changes_with_an_image_and_a_caption(tmp_path):
    for name in "xyz":
        (tmp_path / name).mkdir()
    one = build(tmp_path / "x", *"abcde").fingerprint
    assert build(tmp_path / "x", *"abcde").fingerprint == one
    assert build(tmp_path / "y", *"abcd").fingerprint != one
    assert build(ramp(tmp_path / "z"), *"abcde").fingerprint != one


def test_a_split_travels_to_another_process(tmp_path):
    split = build(tmp_path, *"abcde").split("train")
    assert torch.equal(pickle.loads(pickle.dumps(split)).take([0])["image"], split.take([0])["image"])


def test_captions_of_every_image_are_as_many(tmp_path):
    captions = build(tmp_path, "a b", "c").split("train").take([0, 1])["captions"]
    assert all(isinstance(one, Padded) and len(one.lengths) == 2 for one in captions)
    assert [one.lengths.tolist() for one in captions] == [[3, 2], [2, 2], [3, 2], [2, 2], [3, 2]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, r"`size` must be in \[1, inf\), but is 0"),
        ({"longest": 0}, r"`longest` must be in \[1, inf\), but is 0"),
        ({"min_count": 0}, r"`min_count` must be in \[1, inf\), but is 0"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, values, message):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, "a", **values)
