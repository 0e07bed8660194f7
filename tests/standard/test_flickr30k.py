import json

import pytest

from dovetail import Image, Mistake
from dovetail_standard.captions_space import Captions
from dovetail_standard.example_files import write_flickr30k
from dovetail_standard.flickr30k import Flickr30kSpec


@pytest.fixture
def folder(tmp_path):
    write_flickr30k(tmp_path, 0)
    return tmp_path


def build(folder, **values):
    return Flickr30kSpec(**{"path": folder, "size": 8, "min_count": 1, **values}).build()


def divide(folder, **splits):
    images = [{"filename": name, "split": split} for name, split in splits.items()]
    (folder / "dataset_flickr30k.json").write_text(json.dumps({"images": images, "dataset": "flickr30k"}))


def test_every_split_of_karpathys_gives_batches_of_its_fields(folder):
    data = build(folder)
    tokens = data.fields["caption"]
    assert dict(data.fields) == {"image": Image(3, 8, 8), "captions": Captions(5, tokens), "caption": tokens}
    for name, count in {"train": 5, "valid": 3, "test": 3}.items():
        assert len(data.split(name)) == count
        assert data.split(name).remark() == ""
        data.fields.check(data.split(name).take(range(count)))


def test_captions_are_those_of_the_images_lines(folder):
    lines = (folder / "results_20130124.token").read_text().splitlines()
    told = [line.partition("\t")[2] for line in lines if line.startswith("105_0.jpg")]
    data = build(folder)
    assert data.fields["captions"].decode(data.split("valid").take([0])["captions"]) == [told]


def test_the_split_file_may_lie_elsewhere(folder, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "splits.json"
    expected = build(folder).fingerprint
    (folder / "dataset_flickr30k.json").rename(moved)
    assert build(folder, splits=moved).fingerprint == expected
    with pytest.raises(Mistake, match=r"no file is at .*dataset_flickr30k\.json: it comes with the data at https://cs"):
        build(folder)


def test_images_without_captions_and_captions_without_a_split_are_named(folder):
    file = folder / "results_20130124.token"
    file.write_text("".join(line + "\n" for line in file.read_text().splitlines() if not line.startswith("101_0")))
    names = {f"{number}_0.jpg": "train" for number in (100, 101, 102)}
    divide(folder, **names, **{"103_0.jpg": "val", "104_0.jpg": "test"})
    assert build(folder).split("train").remark() == (
        "there are captions of 6 images that are in no split (105_0.jpg, 106_0.jpg, 107_0.jpg, … (3 more)); "
        "1 of 3 images have no caption and are left out (101_0.jpg)"
    )


def test_missing_data_say_how_to_get_them(folder):
    (folder / "results_20130124.token").unlink()
    message = (
        r"flickr30k-images \(a folder\) and results_20130124\.token of Flickr30k must be in .*: ask for them at http"
    )
    with pytest.raises(Mistake, match=message):
        build(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.jpg#0 no tab\n", r"results_20130124\.token must have lines NAME\.jpg#NUMBER, a tab and a caption, but has"),
        ("", r"results_20130124\.token must hold captions, but holds none"),
    ],
)
def test_a_damaged_file_of_captions_is_named(folder, content, message):
    (folder / "results_20130124.token").write_text(content)
    with pytest.raises(Mistake, match=message):
        build(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"dataset_flickr30k\.json must name the `filename` and `split` of `images`, but is no such JSON \(JSON"),
        ("[]", r"but is no such JSON \(TypeError"),
        ('{"images": [{"split": "train"}]}', r"but is no such JSON \(KeyError: 'filename'\)"),
        (
            '{"images": [{"filename": "a", "split": "dev"}]}',
            "must divide images into restval, test, train, val, but has dev",
        ),
    ],
)
def test_a_damaged_division_is_named(folder, content, message):
    (folder / "dataset_flickr30k.json").write_text(content)
    with pytest.raises(Mistake, match=message):
        build(folder)
