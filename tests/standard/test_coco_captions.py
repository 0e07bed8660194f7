import json
import sys

import pytest

from dovetail import Image, Mistake
from dovetail_standard.captions_space import Captions
from dovetail_standard.coco_captions import CocoCaptionsSpec, words_of
from dovetail_standard.example_files import write_coco_captions

pytest.importorskip("pycocotools")


@pytest.fixture
def folder(tmp_path):
    write_coco_captions(tmp_path, 0)
    return tmp_path


def build(folder, **values):
    return CocoCaptionsSpec(**{"path": folder, "size": 8, "min_count": 1, **values}).build()


def names(data, split):
    return [file.name for file in data.split(split).files]


def test_every_split_gives_batches_of_its_fields_in_silence(folder, capsys):
    data = build(folder)
    tokens = data.fields["caption"]
    assert dict(data.fields) == {"image": Image(3, 8, 8), "captions": Captions(5, tokens), "caption": tokens}
    for name, count in {"train": 5, "valid": 3, "test": 3}.items():
        assert len(data.split(name)) == count
        data.fields.check(data.split(name).take(range(count)))
    assert capsys.readouterr() == ("", "")


def test_validation_and_testing_have_the_published_validation_by_turns(folder):
    data = build(folder)
    assert names(data, "train") == [f"{number}_0.jpg" for number in range(100, 105)]
    assert names(data, "valid") == ["105_0.jpg", "107_0.jpg", "109_0.jpg"]
    assert names(data, "test") == ["106_0.jpg", "108_0.jpg", "110_0.jpg"]


def test_karpathys_splits_may_take_training_images_from_validation(folder):
    data = build(folder, splits=folder / "dataset_coco.json")
    assert names(data, "valid") == ["105_0.jpg", "106_0.jpg", "107_0.jpg"]
    division = json.loads((folder / "dataset_coco.json").read_text())
    division["images"][-1]["split"] = "restval"
    (folder / "rest.json").write_text(json.dumps(division))
    rest = build(folder, splits=folder / "rest.json")
    assert names(rest, "train")[-1] == "110_0.jpg"
    assert names(rest, "test") == ["108_0.jpg", "109_0.jpg"]


def test_captions_are_those_of_their_image(folder):
    told = json.loads((folder / "annotations" / "captions_val2014.json").read_text())["annotations"]
    expected = [one["caption"] for one in told if one["image_id"] == 2]
    data = build(folder)
    assert data.fields["captions"].decode(data.split("valid").take([1])["captions"]) == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man, riding.", ["a", "man", ",", "riding", "."]),
        ("The dog's T-shirt isn't  red\n", ["the", "dog's", "t-shirt", "isn't", "red"]),
        ('"2 Caf\u00e9s" - 3!', ['"', "2", "caf\u00e9s", '"', "-", "3", "!"]),
        (" \n", []),
    ],
)
def test_words_are_runs_of_letters_and_each_other_sign(text, words):
    assert words_of(text) == tuple(words)


def test_the_other_edition_is_told_from_karpathys_file(folder):
    for place in (*folder.glob("*2014"), *(folder / "annotations").iterdir()):
        place.rename(place.with_name(place.name.replace("2014", "2017")))
    assert len(build(folder, year="2017").split("train")) == 5
    (folder / "other.json").write_text(json.dumps({"images": [{"filename": "COCO_1.jpg", "split": "val"}]}))
    message = (
        r"other\.json must divide images that have captions in .*, but has COCO_1\.jpg and 0 more: .* `year` is 2017"
    )
    with pytest.raises(Mistake, match=message):
        build(folder, year="2017", splits=folder / "other.json")


def test_missing_data_say_how_to_get_them(folder):
    with pytest.raises(
        Mistake, match=r"train2017 and .*captions_train2017\.json of COCO must be there, .* https://coco"
    ):
        build(folder, year="2017")


@pytest.mark.parametrize("content", ["{", "[]", '{"annotations": [{"image_id": 0}], "images": [{"id": 0}]}'])
def test_a_damaged_file_is_named(folder, content):
    (folder / "annotations" / "captions_val2014.json").write_text(content)
    with pytest.raises(
        Mistake, match=r"captions_val2014\.json must be COCO's JSON of captions, but is not \(\w+: .*get it"
    ):
        build(folder)


def test_the_library_that_is_missing_is_named_with_how_to_get_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(Mistake, match=r'needs pycocotools, which is not installed: pip install "dovetail\[captions\]"'):
        build(folder)
