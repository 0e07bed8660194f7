from pathlib import Path

import pytest
import torch
from PIL import Image as Picture

from dovetail import Image, Mistake, Tokens
from dovetail_standard.captions_space import Captions
from dovetail_standard.flickr8k import Flickr8kSpec, read_captions

IMAGES = {"train": ["11_a.jpg", "12_b.jpg"], "valid": ["13_c.jpg"], "test": ["15_e.jpg", "14_d.jpg"]}
LEMMA = {
    "11_a.jpg": ["A dog run .", "a big dog run", "Dog , run !", "the dog run", "dog"],
    "12_b.jpg": ["a cat sit .", "A black cat", "cat sit", "the cat sit .", "cat"],
    "13_c.jpg": ["a dog sit .", "dog", "the dog", "A dog", "dog ."],
    "14_d.jpg": ["a cat run .", "cat", "the cat", "A cat", "cat ."],
    "15_e.jpg": ["a bird run .", "the bird", "a bird .", "A bird", "run ."],
}
PARTS = {"train": "trainImages", "valid": "devImages", "test": "testImages"}


def write(folder: Path, texts: str = "", images: str = "Flicker8k_Dataset", captions=LEMMA) -> Path:
    """Five plain photographs in the published layout; each raw caption ends in an `s`."""
    (folder / images).mkdir(parents=True)
    (folder / texts).mkdir(exist_ok=True)
    for place, name in enumerate(name for names in IMAGES.values() for name in names):
        Picture.new("RGB", (30, 20), (50 * place, 0, 0)).save(folder / images / name, quality=95)
    lines = [f"{name}#{n}\t{text}" for name, own in captions.items() for n, text in enumerate(own)]
    (folder / texts / "Flickr8k.lemma.token.txt").write_text("\n".join(lines) + "\n")
    (folder / texts / "Flickr8k.token.txt").write_text("\n".join(f"{line}s" for line in lines) + "\n")
    for split, part in PARTS.items():
        (folder / texts / f"Flickr_8k.{part}.txt").write_text("\n".join(IMAGES[split]) + "\n")
    return folder


def build(folder: Path, **values):
    return Flickr8kSpec(**{"path": folder, "size": 8, "min_count": 1, **values}).build()


def texts(data, split: str) -> list[list[str]]:
    whole = data.split(split)
    return data.fields["captions"].decode(whole.take(range(len(whole)))["captions"])


@pytest.mark.parametrize("layout", [{}, {"texts": "Flickr8k_text"}, {"images": "Flickr8k_Dataset"}])
def test_every_split_gives_batches_of_its_fields(tmp_path, layout):
    data = build(write(tmp_path / "f", **layout))
    tokens = data.fields["caption"]
    assert isinstance(tokens, Tokens)
    assert tokens.length == 21
    assert dict(data.fields) == {"image": Image(3, 8, 8), "captions": Captions(5, tokens), "caption": tokens}
    for name, images in IMAGES.items():
        split = data.split(name)
        assert len(split) == len(images)
        assert split.remark() == ""
        data.fields.check(split.take(range(len(images))))


def test_captions_are_the_lines_of_their_image_in_lower_case_with_marks_as_words(tmp_path):
    data = build(write(tmp_path / "f"))
    assert texts(data, "train") == [[t.lower() for t in LEMMA[name]] for name in IMAGES["train"]]
    assert set(data.fields["caption"].vocabulary.symbols[4:]) == set("a dog run . big , ! the cat sit black".split())  # noqa: SIM905 (as in a caption)


def test_the_first_caption_is_the_caption_and_ends(tmp_path):
    data = build(write(tmp_path / "f"))
    caption = data.split("train").take([1, 0])["caption"]
    assert data.fields["caption"].decode(caption) == ["a cat sit .", "a dog run ."]
    assert caption.data[:, 4].tolist() == [2, 2]
    assert caption.lengths.tolist() == [5, 5]


def test_images_are_those_of_the_split_file_in_its_order(tmp_path):
    image = build(write(tmp_path / "f")).split("test").take([0, 1])["image"]
    torch.testing.assert_close(image[:, 0, 4, 4], torch.tensor([150.0, 200.0]) / 127.5 - 1, atol=0.03, rtol=0)


def test_the_raw_captions_are_read_where_they_are_asked_for(tmp_path):
    data = build(write(tmp_path / "f"), captions="token")
    assert texts(data, "valid")[0][1:3] == ["dogs", "the dogs"]
    assert data.fingerprint != build(tmp_path / "f").fingerprint


def test_captions_of_other_images_are_named_and_not_used(tmp_path):
    folder = write(tmp_path / "f")
    more = {**LEMMA, "2258277193_586949ec62.jpg.1": ["a ghost"] * 5, "99_z.jpg": ["a stray"] * 2}
    lines = [f"{name}#{n}\t{text}" for name, own in more.items() for n, text in enumerate(own)]
    (folder / "Flickr8k.lemma.token.txt").write_text("\n".join(lines))
    Picture.new("RGB", (9, 9)).save(folder / "Flicker8k_Dataset" / "99_z.jpg")
    data = build(folder)
    assert data.split("train").remark() == (
        "there are captions of 1 images that are not there (2258277193_586949ec62.jpg.1); "
        "there are captions of 1 images that are in no split (99_z.jpg)"
    )
    assert {"ghost", "stray"}.isdisjoint(data.fields["caption"].vocabulary.symbols)
    assert data.fingerprint == build(write(tmp_path / "g")).fingerprint


def test_an_image_without_a_caption_is_left_out_by_name(tmp_path):
    data = build(write(tmp_path / "f", captions={k: v for k, v in LEMMA.items() if k != "14_d.jpg"}))
    assert len(data.split("test")) == 1
    assert data.split("test").remark() == "1 of 2 images have no caption and are left out (14_d.jpg)"


def test_captions_are_in_the_order_of_their_numbers(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("a.jpg#2\tthird\nb.jpg#0\tother\na.jpg#0\tfirst\n\n  \na.jpg#10\tlast\r\na.jpg#1\tsecond one\n")
    assert read_captions(file) == {
        "a.jpg": (("first",), ("second", "one"), ("third",), ("last",)),
        "b.jpg": (("other",),),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg\tno number", r"line 2, must be NAME\.jpg#NUMBER, a tab and a caption, but is 'a\.jpg\\tno number'"),
        ("a.jpg#1 no tab", "line 2, must be NAME"),
        ("a.jpg#x\tno number", "line 2, must be NAME"),
        ("#1\tno name", "line 2, must be NAME"),
        ("a.jpg#1\tone\ttoo many", "line 2, must be NAME"),
        ("a.jpg#0\tagain", r"line 2, gives caption 0 of a\.jpg a second time"),
    ],
)
def test_a_line_that_is_no_caption_is_refused_with_its_number(tmp_path, line, message):
    file = tmp_path / "captions.txt"
    file.write_text(f"a.jpg#0\tright\n{line}\n")
    with pytest.raises(Mistake, match=rf"captions\.txt, {message}"):
        read_captions(file)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Flickr8k.lemma.token.txt", r"lemma\.token\.txt must hold captions, but holds none: get it anew"),
        ("Flickr_8k.devImages.txt", r"devImages\.txt must name images, one a line, but names none: get it anew"),
    ],
)
def test_an_empty_file_is_named(tmp_path, name, message):
    (write(tmp_path / "f") / name).write_text("\n")
    with pytest.raises(Mistake, match=message):
        build(tmp_path / "f")


def test_a_file_that_is_no_text_is_named(tmp_path):
    (write(tmp_path / "f") / "Flickr8k.lemma.token.txt").write_bytes(b"a.jpg#0\tcaf\xe9\n")
    with pytest.raises(Mistake, match=r"must be UTF-8 text, but byte 0xe9 .*Flickr8k\.lemma\.token\.txt, line 1"):
        build(tmp_path / "f")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Flickr8k.lemma.token.txt", r"^Flickr8k\.lemma\.token\.txt of Flickr8k must be in .* or .*Flickr8k_text, but"),
        ("Flickr_8k.testImages.txt", r"^Flickr_8k\.testImages\.txt of Flickr8k must be in .*: ask for .* at https://"),
        ("Flicker8k_Dataset", r"^Flicker8k_Dataset or Flickr8k_Dataset of Flickr8k must be in .*, and unpack both in"),
    ],
)
def test_missing_files_say_how_to_get_them(tmp_path, name, message):
    (write(tmp_path / "f") / name).rename(tmp_path / "away")
    with pytest.raises(Mistake, match=message):
        build(tmp_path / "f")


def test_an_image_that_is_missing_or_in_two_splits_is_refused(tmp_path):
    folder = write(tmp_path / "f")
    (folder / "Flicker8k_Dataset" / "15_e.jpg").rename(tmp_path / "away.jpg")
    with pytest.raises(Mistake, match=r"Flicker8k_Dataset must hold every image .*, but lacks 15_e\.jpg and 0 more"):
        build(folder)
    (folder / "Flickr_8k.testImages.txt").write_text("11_a.jpg\n12_b.jpg\n")
    with pytest.raises(Mistake, match=r"an image must be in one split, once, but more often are 11_a\.jpg, 12_b\.jpg"):
        build(folder)
