import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from scipy.io import savemat

from dovetail import Image, Label, Mistake
from dovetail.randomness import stream
from dovetail_standard import flowers102
from dovetail_standard.flowers102 import Flowers102Spec, shuffled
from dovetail_standard.photographs import decode

LABELS = [3, 102, 1, 7, 7, 50, 3, 99, 12]
SETS = {"trnid": [2, 5], "valid": [9, 1, 3], "tstid": [4, 6, 7, 8]}


def _colour(number: int) -> tuple[int, int, int]:
    return (20 * number, 255 - 20 * number, 40)


def _write(folder: Path, labels: list[int] = LABELS, sets: dict[str, list[int]] = SETS) -> Path:
    """Nine plain pictures, wide or high, whose colour tells their number, in the published layout."""
    (folder / "jpg").mkdir(parents=True)
    savemat(folder / "imagelabels.mat", {"labels": np.array([labels], dtype=np.uint8)})
    savemat(folder / "setid.mat", {name: np.array([numbers], dtype=np.uint16) for name, numbers in sets.items()})
    for number in range(1, 10):
        size = (70, 50) if number % 2 else (50, 90)
        Picture.new("RGB", size, _colour(number)).save(folder / "jpg" / f"image_{number:05d}.jpg", quality=95)
    return folder


@pytest.mark.parametrize("folder", ["", "flowers-102"])
@pytest.mark.parametrize("augment", [False, True])
def test_every_split_gives_batches_of_its_fields(tmp_path, folder, augment):
    _write(tmp_path / "data" / folder)
    data = Flowers102Spec(path=tmp_path / "data", size=20, augment=augment).build()
    assert dict(data.fields) == {"input": Image(3, 20, 20), "label": Label(102)}
    for name, part in {"train": 2, "valid": 3, "test": 4}.items():
        split = data.split(name)
        assert len(split) == part
        data.fields.check(split.take(range(part)))
        data.fields.check(split.take([]))
        data.fields.check(split.take([1, 0], augment=lambda index: stream(0, index)))


def test_images_and_labels_are_those_of_the_published_numbers(tmp_path):
    data = Flowers102Spec(path=_write(tmp_path / "f"), size=16).build()
    batch = data.split("valid").take([2, 0])
    assert batch["label"].tolist() == [LABELS[3 - 1] - 1, LABELS[9 - 1] - 1]
    expected = torch.tensor([_colour(3), _colour(9)])[:, :, None, None].expand(2, 3, 16, 16) / 127.5 - 1
    torch.testing.assert_close(batch["input"], expected, atol=0.05, rtol=0)


def test_the_middle_square_is_cut_out(tmp_path):
    _write(tmp_path / "f")
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 20:60] = 255
    Picture.fromarray(picture).save(tmp_path / "f" / "jpg" / "image_00002.jpg", quality=95)
    image = Flowers102Spec(path=tmp_path / "f", size=10).build().split("train").take([0])["input"]
    assert image[..., 1:-1].min() > 0.8


@pytest.mark.parametrize(("width", "height"), [(90, 61), (61, 90), (500, 667), (7, 300), (3, 4)])
def test_the_shorter_side_gets_its_size_and_the_shape_is_kept(tmp_path, width, height):
    Picture.new("L", (width, height)).save(tmp_path / "x.jpg")
    _, high, wide = decode(tmp_path / "x.jpg", 19).shape
    assert min(high, wide) == 19
    assert high / wide == pytest.approx(height / width, rel=0.05)


def _gradient(tmp_path: Path) -> Flowers102Spec:
    _write(tmp_path / "f")
    ramp = np.linspace(0, 255, 76).astype(np.uint8)
    both = np.stack([np.broadcast_to(ramp, (76, 76)), np.broadcast_to(ramp[:, None], (76, 76)), np.zeros((76, 76))], 2)
    Picture.fromarray(both.astype(np.uint8)).save(tmp_path / "f" / "jpg" / "image_00002.jpg", quality=100)
    return Flowers102Spec(path=tmp_path / "f", size=64, augment=True)


def test_augmentation_moves_and_mirrors_as_its_generator_draws(tmp_path):
    split = _gradient(tmp_path).build().split("train")
    images = [split.take([0], augment=lambda _, seed=seed: stream(seed, "x"))["input"] for seed in range(20)]
    again = split.take([0], augment=lambda _: stream(4, "x"))["input"]
    assert torch.equal(images[4], again)
    rising = [bool(image[0, 0, 32, -1] > image[0, 0, 32, 0]) for image in images]
    assert 3 <= sum(rising) <= 17
    assert all(image[0, 1, -1, 32] > image[0, 1, 0, 32] for image in images)
    assert len({round(float(image[0, 1, 32, 32]), 2) for image in images}) > 5


def test_without_augmentation_every_image_is_the_same_each_time(tmp_path):
    split = _gradient(tmp_path).build().split("train")
    assert torch.equal(split.take([0])["input"], split.take([0])["input"])
    plain = Flowers102Spec(path=tmp_path / "f", size=64).build().split("train")
    assert torch.equal(plain.take([0])["input"], plain.take([0], augment=stream)["input"])


def test_a_shuffled_division_trains_on_the_most_and_loses_none(tmp_path):
    data = Flowers102Spec(path=_write(tmp_path / "f"), size=8, division="shuffled").build()
    assert [len(data.split(name)) for name in ("train", "valid", "test")] == [4, 3, 2]
    numbers = {"train": torch.arange(2), "valid": torch.arange(2, 5), "test": torch.arange(5, 9)}
    parts = shuffled(numbers, seed=0)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(9))
    assert any(not torch.equal(parts[name], shuffled(numbers, seed=1)[name]) for name in parts)


def test_the_fingerprint_changes_with_a_picture_a_label_and_the_division(tmp_path):
    first = Flowers102Spec(path=_write(tmp_path / "a")).build().fingerprint
    assert Flowers102Spec(path=_write(tmp_path / "b")).build().fingerprint == first
    Picture.new("RGB", (70, 50)).save(tmp_path / "b" / "jpg" / "image_00009.jpg")
    others = [
        Flowers102Spec(path=tmp_path / "b"),
        Flowers102Spec(path=_write(tmp_path / "c", labels=[*LABELS[:-1], 13])),
        Flowers102Spec(path=tmp_path / "a", division="shuffled"),
    ]
    assert len({first, *(other.build().fingerprint for other in others)}) == 4


def test_missing_data_say_how_to_get_them(tmp_path):
    with pytest.raises(
        Mistake, match=r"^jpg, imagelabels\.mat, setid\.mat of Oxford's 102 flowers must be in .* https://www"
    ):
        Flowers102Spec(path=tmp_path).build()
    (_write(tmp_path / "f") / "setid.mat").unlink()
    with pytest.raises(Mistake, match=r"^setid\.mat of Oxford's .* set `download = true`"):
        Flowers102Spec(path=tmp_path / "f").build()


def test_a_missing_picture_is_named(tmp_path):
    (_write(tmp_path / "f") / "jpg" / "image_00006.jpg").unlink()
    with pytest.raises(
        Mistake, match=r"jpg must hold every image of setid\.mat, but lacks image_00006\.jpg and 0 more"
    ):
        Flowers102Spec(path=tmp_path / "f").build()


@pytest.mark.parametrize("keep", [0, 3, 100, 130, 150, 180, 190])
@pytest.mark.parametrize("name", ["setid.mat", "imagelabels.mat"])
def test_a_damaged_label_file_is_named(tmp_path, name, keep):
    path = _write(tmp_path / "f") / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Mistake, match=f"{name} (is no readable .mat file with|must )"):
        Flowers102Spec(path=tmp_path / "f").build()


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"no picture", lambda content: content[:400]])
def test_a_damaged_picture_is_named_when_it_is_taken(tmp_path, damage):
    path = _write(tmp_path / "f") / "jpg" / "image_00005.jpg"
    path.write_bytes(damage(path.read_bytes()))
    split = Flowers102Spec(path=tmp_path / "f").build().split("train")
    split.take([0])
    with pytest.raises(Mistake, match=r"image_00005\.jpg is no readable picture .*: get it anew"):
        split.take([1])


def test_labels_and_numbers_out_of_range_are_refused(tmp_path):
    with pytest.raises(Mistake, match=r"imagelabels\.mat must hold labels in 1 … 102"):
        Flowers102Spec(path=_write(tmp_path / "a", labels=[103] * 9)).build()
    with pytest.raises(Mistake, match=r"setid\.mat must number images in 1 … 9 for `valid`"):
        Flowers102Spec(path=_write(tmp_path / "b", sets=SETS | {"valid": [10]})).build()
    with pytest.raises(Mistake, match=r"setid\.mat must number images in 1 … 9 for `trnid`"):
        Flowers102Spec(path=_write(tmp_path / "c", sets=SETS | {"trnid": []})).build()


def test_a_download_fetches_the_three_files_and_unpacks_the_pictures(tmp_path, monkeypatch):
    source = _write(tmp_path / "source")
    with tarfile.open(source / "102flowers.tgz", "w:gz") as tar:
        tar.add(source / "jpg", "jpg")

    def fetch(addresses, folder, md5):
        folder.mkdir(parents=True, exist_ok=True)
        name = addresses[0].rpartition("/")[2]
        (folder / name).write_bytes((source / name).read_bytes())
        return folder / name

    monkeypatch.setattr(flowers102, "fetch", fetch)
    assert len(Flowers102Spec(path=tmp_path / "data", download=True).build().split("test")) == 4
