import tarfile
from pathlib import Path

import pytest
import torch

from dovetail import Image, Label, Mistake
from dovetail_standard import cifar10
from dovetail_standard.cifar10 import RECORD, Cifar10Spec

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _records(labels: list[int]) -> bytes:
    """Red 0, green 255, blue the label's number; the first row's second pixel is all 51."""
    content = b""
    for label in labels:
        planes = torch.tensor([0, 255, label], dtype=torch.uint8).repeat_interleave(1024).reshape(3, 32, 32)
        planes[:, 0, 1] = 51
        content += bytes([label]) + planes.numpy().tobytes()
    return content


def _write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(_records([number, number + 4]))
    (folder / "test_batch.bin").write_bytes(_records([9, 0, 3]))
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return folder


def test_every_split_gives_batches_of_its_fields(tmp_path):
    data = Cifar10Spec(path=_write(tmp_path), valid=4).build()
    assert dict(data.fields) == {"input": Image(3, 32, 32), "label": Label(10, NAMES)}
    for name, count in {"train": 6, "valid": 4, "test": 3}.items():
        assert len(data.split(name)) == count
        data.fields.check(data.split(name).take(range(count)))


def test_a_record_is_its_label_and_then_its_red_green_and_blue_plane(tmp_path):
    batch = Cifar10Spec(path=_write(tmp_path), valid=4).build().split("test").take([2, 0])
    assert batch["label"].tolist() == [3, 9]
    torch.testing.assert_close(batch["input"][0, :, 5, 7], torch.tensor([-1.0, 1.0, 3 / 127.5 - 1]))
    torch.testing.assert_close(batch["input"][:, :, 0, 1], torch.full((2, 3), -0.6))


def test_all_training_files_are_read_and_carved_by_the_seed(tmp_path):
    _write(tmp_path)
    data = Cifar10Spec(path=tmp_path, valid=4).build()
    labels = [data.split(name).take(range(count))["label"] for name, count in (("train", 6), ("valid", 4))]
    assert sorted(torch.cat(labels).tolist()) == sorted([1, 5, 2, 6, 3, 7, 4, 8, 5, 9])
    assert Cifar10Spec(path=tmp_path, valid=4, split_seed=1).build().fingerprint != data.fingerprint


def test_the_fingerprint_is_the_datas_not_the_folders(tmp_path):
    first = Cifar10Spec(path=_write(tmp_path / "a"), valid=4).build().fingerprint
    assert (
        Cifar10Spec(path=_write(tmp_path / "b" / "cifar-10-batches-bin").parent, valid=4).build().fingerprint == first
    )
    (tmp_path / "a" / "test_batch.bin").write_bytes(_records([9, 0, 4]))
    assert Cifar10Spec(path=tmp_path / "a", valid=4).build().fingerprint != first


def test_missing_files_are_named_with_how_to_get_them(tmp_path):
    with pytest.raises(
        Mistake, match=r"data_batch_1\.bin, .*batches\.meta\.txt of CIFAR-10's binary version must be in"
    ):
        Cifar10Spec(path=tmp_path).build()
    (_write(tmp_path) / "data_batch_3.bin").unlink()
    with pytest.raises(
        Mistake, match=r"^data_batch_3\.bin of .* set `download = true`, or unpack https://www\.cs\.toronto"
    ):
        Cifar10Spec(path=tmp_path).build()


@pytest.mark.parametrize("size", [0, 1, RECORD - 1, RECORD + 5])
def test_a_file_of_no_whole_records_is_named_with_its_size(tmp_path, size):
    (_write(tmp_path) / "data_batch_2.bin").write_bytes(_records([1, 2])[:size])
    message = rf"data_batch_2\.bin must hold whole records of 3073 bytes, but holds {size} bytes"
    with pytest.raises(Mistake, match=message):
        Cifar10Spec(path=tmp_path).build()


def test_a_label_out_of_range_is_refused_with_its_record(tmp_path):
    (_write(tmp_path) / "test_batch.bin").write_bytes(_records([1, 10]))
    with pytest.raises(Mistake, match=r"test_batch\.bin must hold labels in 0 … 9, but record 1 has 10"):
        Cifar10Spec(path=tmp_path, valid=4).build()


def test_the_names_must_be_ten(tmp_path):
    (_write(tmp_path) / "batches.meta.txt").write_text("cat\ndog\n")
    with pytest.raises(Mistake, match=r"batches\.meta\.txt must name 10 classes, but names 2"):
        Cifar10Spec(path=tmp_path, valid=4).build()


def test_a_download_is_unpacked_where_the_files_are_missing(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as tar:
        tar.add(_write(tmp_path / "source"), "cifar-10-batches-bin")
    asked = []

    def fetch(addresses, folder, md5):
        asked.append((addresses, folder, md5))
        return tmp_path / "cifar.tar.gz"

    monkeypatch.setattr(cifar10, "fetch", fetch)
    spec = Cifar10Spec(path=tmp_path / "data", download=True, valid=4)
    assert len(spec.build().split("test")) == 3
    spec.build()
    assert asked == [([cifar10.ADDRESS], tmp_path / "data", cifar10.MD5)]
