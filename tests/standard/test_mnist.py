import gzip
import shutil
import struct
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST

from dovetail import Image, Label, Mistake, Sequence
from dovetail_standard import mnist
from dovetail_standard.mnist import MnistSpec

REAL = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def _idx(values: torch.Tensor) -> bytes:
    return (
        struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape) + values.to(torch.uint8).numpy().tobytes()
    )


def _write(folder: Path, train: int = 7, test: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    for part, count in (("train", train), ("t10k", test)):
        images = torch.randint(256, (count, 28, 28), generator=generator)
        images[:, 0, :2] = torch.tensor([0, 255])
        (folder / f"{part}-images-idx3-ubyte").write_bytes(_idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(torch.arange(count) % 10)))
    return folder


@pytest.mark.parametrize(
    ("form", "size", "space"),
    [("image", 28, Image(1, 28, 28)), ("image", 32, Image(1, 32, 32)), ("rows", 28, Sequence(28, 28))],
)
def test_every_split_gives_batches_of_its_fields(tmp_path, form, size, space):
    data = MnistSpec(path=_write(tmp_path), form=form, size=size, valid=2).build()
    assert data.fields["input"] == space
    assert data.fields["label"] == Label(10, tuple("0123456789"))
    for name, count in {"train": 5, "valid": 2, "test": 3}.items():
        assert len(data.split(name)) == count
        data.fields.check(data.split(name).take(range(count)))


def test_black_is_minus_one_and_white_is_one(tmp_path):
    image = MnistSpec(path=_write(tmp_path), valid=2).build().split("test").take([0])["input"]
    assert image[0, 0, 0, :2].tolist() == [-1, 1]


def test_a_larger_image_has_a_black_edge(tmp_path):
    _write(tmp_path)
    small, large = (
        MnistSpec(path=tmp_path, valid=2, size=size).build().split("test").take([1])["input"] for size in (28, 32)
    )
    assert torch.equal(large[:, :, 2:-2, 2:-2], small)
    assert (large.sum() - small.sum()).item() == pytest.approx(-(32**2 - 28**2), rel=1e-4)


def test_rows_are_the_images_rows_from_the_top(tmp_path):
    _write(tmp_path)
    image, rows = (
        MnistSpec(path=tmp_path, valid=2, form=form).build().split("train").take([3])["input"]
        for form in ("image", "rows")
    )
    assert torch.equal(rows.data, image[:, 0])


def test_validation_is_carved_from_training_by_its_seed(tmp_path):
    _write(tmp_path)
    prints = {MnistSpec(path=tmp_path, valid=2, split_seed=seed).build().fingerprint for seed in (0, 0, 1, 2)}
    assert len(prints) == 3
    data = MnistSpec(path=tmp_path, valid=2).build()
    labels = [
        *data.split("train").take(range(5))["label"].tolist(),
        *data.split("valid").take(range(2))["label"].tolist(),
    ]
    assert sorted(labels) == list(range(7))


def test_the_fingerprint_is_the_datas_not_the_folders(tmp_path):
    first = MnistSpec(path=_write(tmp_path / "a"), valid=2).build().fingerprint
    assert MnistSpec(path=_write(tmp_path / "b" / "MNIST" / "raw").parents[1], valid=2).build().fingerprint == first
    changed = tmp_path / "a" / "t10k-images-idx3-ubyte"
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x01")
    assert MnistSpec(path=tmp_path / "a", valid=2).build().fingerprint != first


def test_missing_files_are_named_with_how_to_get_them(tmp_path):
    _write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        Mistake, match=r"t10k-labels-idx1-ubyte \(or .*\.gz\) is neither in .* set `download = true`, or put"
    ):
        MnistSpec(path=tmp_path).build()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be an idx file of bytes with 3 axes, but begins with nothing where 00000803 stands"),
        (b"\0\0\x08\x01\0\0\0\0", "but begins with 00000801 where 00000803 stands"),
        (b"\0\0\x08\x03\0\0", "is cut off after 6 bytes, within its header"),
        (_idx(torch.zeros(7, 28, 28))[:-1], r"must hold 5504 bytes for its shape \(7, 28, 28\), but holds 5503"),
        (_idx(torch.zeros(7, 28, 28)) + b"0", "must hold 5504 bytes .*, but holds 5505"),
        (_idx(torch.zeros(0, 28, 28)), r"must hold images of 28×28 pixels, but has the shape \(0, 28, 28\)"),
        (_idx(torch.zeros(7, 8, 8)), r"must hold images of 28×28 pixels, but has the shape \(7, 8, 8\)"),
        (_idx(torch.zeros(6, 28, 28)), r"train-labels.* must hold a label for each of 6 images, but holds 7"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, content, message):
    (_write(tmp_path) / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(Mistake, match=rf"{tmp_path}.*{message}"):
        MnistSpec(path=tmp_path).build()


def test_a_label_out_of_range_is_refused(tmp_path):
    (_write(tmp_path) / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(torch.arange(7) + 5)))
    with pytest.raises(Mistake, match=r"train-labels.* must hold labels in 0 … 9, but holds 11"):
        MnistSpec(path=tmp_path).build()


@pytest.mark.parametrize("damage", [lambda content: content[:20], lambda content: b"no gzip", lambda content: b""])
def test_a_damaged_archive_is_named(tmp_path, damage):
    path = _write(tmp_path) / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Mistake, match=r"train-labels-idx1-ubyte\.gz (cannot be read|must be an idx file)"):
        MnistSpec(path=tmp_path).build()


def test_more_validation_than_there_is_is_refused(tmp_path):
    with pytest.raises(Mistake, match="`valid` must leave examples to train on, but is 5000 of 7"):
        MnistSpec(path=_write(tmp_path)).build()


def test_a_download_fetches_what_is_missing(tmp_path, monkeypatch):
    _write(tmp_path / "here")
    (tmp_path / "here" / "train-labels-idx1-ubyte.gz").unlink()
    asked = []

    def fetch(addresses, folder, md5):
        asked.append((addresses[0].rpartition("/")[2], md5))
        shutil.copy(_write(tmp_path / "there") / "train-labels-idx1-ubyte.gz", folder / "train-labels-idx1-ubyte.gz")
        return folder / "train-labels-idx1-ubyte.gz"

    monkeypatch.setattr(mnist, "fetch", fetch)
    (tmp_path / "here" / "MNIST" / "raw").mkdir(parents=True)
    MnistSpec(path=tmp_path / "here", download=True, valid=2).build()
    assert asked == [("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432")]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real test digits are not beside this checkout")
def test_the_real_digits_are_read_as_torchvision_reads_them(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for kind in ("images-idx3", "labels-idx1"):
        content = gzip.decompress((REAL / f"t10k-{kind}-ubyte.gz").read_bytes())
        for part in ("train", "t10k"):
            (raw / f"{part}-{kind}-ubyte").write_bytes(content)
    batch = MnistSpec(path=tmp_path).build().split("test").take(range(10_000))
    theirs = MNIST(tmp_path, train=False)
    torch.testing.assert_close((batch["input"][:, 0] + 1) * 127.5, theirs.data.float(), atol=1e-4, rtol=0)
    assert torch.equal(batch["label"], theirs.targets)
