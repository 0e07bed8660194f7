import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import cache
from pathlib import Path

import pytest
import torch
from attrs import evolve
from safetensors import safe_open
from safetensors.torch import save_file

from dovetail import Image, Mistake, Regions, Vector, registry
from dovetail.assembly import SpaceMisfit, open_dataset
from dovetail.config import FromRun
from dovetail.errors import Failure
from dovetail.interfaces import Encoder
from dovetail.randomness import stream
from dovetail_standard import feature_files
from dovetail_standard.conv import Conv, ConvSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.example_files import write_flickr8k
from dovetail_standard.feature_files import FeatureFiles
from dovetail_standard.features import FeaturesSpec, cache_folder
from dovetail_standard.flatten import FlattenSpec
from dovetail_standard.flickr8k import Flickr8kSpec
from dovetail_standard.resnet import ResnetSpec
from dovetail_standard.scenes import ScenesSpec

CONV = ConvSpec(channels=(3,), output="regions")
SCENES = ScenesSpec(train=7, valid=3, test=2, size=8)


def spec(cache: Path | None, **values) -> FeaturesSpec:
    return FeaturesSpec(cache=str(cache or ""), **{"dataset": SCENES, "encoder": CONV, "batch": 2, **values})


def build(cache: Path | None, **values):
    return open_dataset(names(), spec(cache, **values))


@cache
def names():
    return registry()


@pytest.fixture
def calls(monkeypatch):
    """How many images the encoder has read, call by call."""
    read = []
    forward = Conv.forward

    def counting(self, x):
        read.append(len(x))
        assert not self.training
        assert not torch.is_grad_enabled()
        return forward(self, x)

    monkeypatch.setattr(Conv, "forward", counting)
    return read


@pytest.fixture
def small(monkeypatch):
    """Three examples a file: 16 regions of 3 numbers of 4 bytes each."""
    monkeypatch.setattr(feature_files, "SHARD_BYTES", 3 * 16 * 3 * 4)


def test_the_field_is_replaced_by_what_the_encoder_gives_and_the_others_stay(tmp_path):
    data, plain = build(tmp_path), SCENES.build()
    assert set(data.fields) == {"regions", "captions", "caption", "scene"}
    assert isinstance(data.fields["regions"], Regions)
    for name, count in {"train": 7, "valid": 3, "test": 2}.items():
        assert len(data.split(name)) == count
        batch = data.split(name).take(range(count))
        data.fields.check(batch)
        assert torch.equal(batch["caption"].data, plain.split(name).take(range(count))["caption"].data)


def test_features_are_those_of_the_frozen_encoder_on_each_image(tmp_path):
    data = build(tmp_path, encoder=FlattenSpec(), into="pixels", keep=True)
    batch = data.split("train").take([6, 0, 3])
    assert data.fields["pixels"] == Vector(3 * 8 * 8)
    assert torch.equal(batch["pixels"], batch["image"].flatten(1))
    assert torch.equal(batch["image"], SCENES.build().split("train").take([6, 0, 3])["image"])


def test_half_precision_takes_half_the_space_and_rounds(tmp_path):
    kept = {name: build(tmp_path / name, encoder=FlattenSpec(), dtype=name) for name in ("float32", "float16")}
    full, half = (data.split("train").take(range(7))["regions"] for data in kept.values())
    assert half.dtype == torch.float32
    assert torch.equal(half, full.half().float())
    sizes = [next((tmp_path / name).rglob("train*.safetensors")).stat().st_size for name in kept]
    assert sizes[0] - sizes[1] == pytest.approx(7 * 192 * 2, abs=64)


def test_the_encoder_reads_each_image_once_whatever_is_taken_how_often(tmp_path, calls):
    split = build(tmp_path).split("train")
    assert calls == []
    first = split.take([5, 2])["regions"]
    assert calls == [2, 2, 2, 1]
    for epoch in range(3):
        assert torch.equal(split.take([2, 5], lambda i, e=epoch: stream(e, i))["regions"].flip(0), first)
    assert sum(calls) == 7


def test_another_opening_computes_nothing(tmp_path, calls):
    first = build(tmp_path).split("valid").take([0, 1, 2])["regions"]
    calls.clear()
    again = build(tmp_path, batch=3)
    assert torch.equal(again.split("valid").take([0, 1, 2])["regions"], first)
    assert calls == []


def test_each_split_is_computed_when_it_is_first_taken_from(tmp_path, calls):
    data = build(tmp_path)
    assert data.split("test").remark() == ""
    data.split("test").take([1])
    assert sum(calls) == 2
    assert {file.name for file in tmp_path.rglob("*.safetensors")} == {"test-00000.safetensors"}


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": evolve(CONV, channels=(4,))},
        {"encoder": evolve(CONV, activation="tanh")},
        {"dataset": evolve(SCENES, seed=1)},
        {"dataset": evolve(SCENES, size=12)},
        {"dtype": "float16"},
    ],
)
def test_another_encoder_other_data_or_another_precision_is_computed_anew(tmp_path, calls, change):
    one = build(tmp_path)
    one.split("test").take([0])
    calls.clear()
    other = build(tmp_path, **change)
    assert other.fingerprint != one.fingerprint
    other.split("test").take([0])
    assert sum(calls) == 2
    assert len([*tmp_path.iterdir()]) == 2


def test_weights_count_by_their_values_and_not_by_their_file(tmp_path, calls):
    weights = ResnetSpec(depth=18, layer="conv1").build(input=Image(3, 8, 8)).trunk.state_dict()
    fingerprints = []
    for name, scale in {"a": 1.0, "b": 1.0, "c": 2.0}.items():
        save_file({key: value * scale for key, value in weights.items()}, tmp_path / f"{name}.safetensors")
        encoder = ResnetSpec(depth=18, layer="conv1", weights=str(tmp_path / f"{name}.safetensors"))
        fingerprints.append(build(tmp_path, encoder=encoder).fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


class Earlier:
    """A finished run with a convolutional encoder."""

    identity = "known"

    def __init__(self, scale: float) -> None:
        self.tensors = {name: value * scale for name, value in made().state_dict().items()}

    def part(self, path):
        assert path == "encoder"
        return CONV, [{"input": Image(3, 8, 8)}], self.tensors


def made() -> Conv:
    torch.manual_seed(3)
    return CONV.build(input=Image(3, 8, 8)).eval()


def test_an_encoder_of_an_earlier_run_counts_by_what_it_is_and_not_by_the_runs_name(tmp_path, calls):
    runs = {"old": Earlier(1.0), "renamed": Earlier(1.0), "other": Earlier(0.5)}
    data = {
        name: open_dataset(names(), spec(tmp_path, encoder=FromRun(name, "encoder")), runs.__getitem__) for name in runs
    }
    features = {name: dataset.split("test").take([1, 0])["regions"] for name, dataset in data.items()}
    assert sum(calls) == 4
    assert data["old"].fingerprint == data["renamed"].fingerprint != data["other"].fingerprint
    assert torch.equal(features["old"], features["renamed"])
    with torch.no_grad():
        expected = made()(SCENES.build().split("test").take([1, 0])["image"])
    torch.testing.assert_close(features["old"], expected)


def test_drawn_weights_are_the_same_in_every_run_and_disturb_no_generator(tmp_path, calls):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    data = build(tmp_path)
    data.split("test").take([0])
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert build(tmp_path).fingerprint == data.fingerprint
    assert spec(tmp_path).build().fingerprint == spec(tmp_path).build().fingerprint


def test_augmentation_draws_captions_and_leaves_features_alone(tmp_path):
    write_flickr8k(tmp_path, 0)
    photographs = Flickr8kSpec(path=tmp_path, size=8, augment=True, min_count=1)
    data = build(tmp_path, dataset=photographs)
    split, plain = data.split("train"), photographs.build().split("train")
    features = split.take([0])["regions"]
    captions = set()
    for epoch in range(20):
        draw = lambda i, e=epoch: stream(0, e, i)  # noqa: E731
        batch = split.take([0], draw)
        assert torch.equal(batch["regions"], features)
        assert torch.equal(batch["caption"].data, plain.take([0], draw)["caption"].data)
        captions.add(tuple(batch["caption"].data[0].tolist()))
    assert len(captions) > 1


def test_photographs_are_not_read_again_once_their_features_are_kept(tmp_path):
    write_flickr8k(tmp_path, 0)
    split = build(tmp_path, dataset=Flickr8kSpec(path=tmp_path, size=8, min_count=1)).split("train")
    expected = split.take([1, 0])["regions"]
    for file in (tmp_path / "Flicker8k_Dataset").iterdir():
        file.unlink()
    assert torch.equal(split.take([1, 0])["regions"], expected)


def test_files_hold_as_many_examples_as_their_size_allows(tmp_path, small, calls):
    split = build(tmp_path).split("train")
    taken = split.take(range(7))["regions"]
    files = sorted(tmp_path.rglob("train-*.safetensors"))
    assert [file.name for file in files] == [f"train-0000{n}.safetensors" for n in range(3)]
    stored = []
    for file in files:
        with safe_open(file, framework="pt") as opened:
            stored.append(opened.get_tensor("features"))
    assert [len(part) for part in stored] == [3, 3, 1]
    assert torch.equal(torch.cat(stored), taken)
    assert torch.equal(split.take([6, 1, 3])["regions"], taken[[6, 1, 3]])
    assert calls == [2, 1, 2, 1, 1]


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "other"])
def test_a_file_that_is_not_whole_is_made_anew_and_the_others_stay(tmp_path, small, calls, damage):
    expected = build(tmp_path).split("train").take(range(7))["regions"]
    calls.clear()
    file = next(tmp_path.rglob("train-00001.safetensors"))
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "other":
        save_file({"features": torch.zeros(3, 16, 2)}, file)
    else:
        file.write_bytes(content[:-5] if damage == "cut" else b"")
    again = build(tmp_path).split("train").take(range(7))["regions"]
    assert torch.equal(again, expected)
    assert calls == [2, 1]
    assert file.read_bytes() == content


def test_a_file_that_goes_while_it_is_needed_is_told(tmp_path):
    data = build(tmp_path)
    split = data.split("test")
    split.take([0])
    next(tmp_path.rglob("test-00000.safetensors")).unlink()
    other = build(tmp_path).split("test")
    other.files.made = True
    with pytest.raises(
        Failure, match=r"test-00000\.safetensors is gone or not whole: start again, and it is made anew"
    ):
        other.take([0])


CHILD = """
import sys, time
from dovetail_standard import feature_files
from dovetail_standard.conv import Conv, ConvSpec
from dovetail_standard.features import FeaturesSpec
from dovetail_standard.scenes import ScenesSpec
feature_files.SHARD_BYTES = 3 * 16 * 3 * 4
forward, read = Conv.forward, []
def counting(self, x):
    read.append(len(x))
    if len(read) > int(sys.argv[2]):
        print("stuck", flush=True)
        time.sleep(100)
    return forward(self, x)
Conv.forward = counting
scenes = ScenesSpec(train=7, valid=3, test=2, size=8)
spec = FeaturesSpec(dataset=scenes, encoder=ConvSpec(channels=(3,), output="regions"), cache=sys.argv[1], batch=2)
spec.build().split("train").take([0])
print(sum(read))
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_files_and_the_next_goes_on(tmp_path, small, calls):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)]
    with subprocess.Popen([*command, "3"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stuck\n"
        (next(tmp_path.iterdir()) / f".train-00001.safetensors.{process.pid}.tmp").write_bytes(b"half")
        process.send_signal(signal.SIGKILL)
    assert [file.name for file in tmp_path.rglob("*.safetensors")] == ["train-00000.safetensors"]
    done = subprocess.run([*command, "99"], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "4\n"
    assert not [*tmp_path.rglob("*.tmp")]
    spec(tmp_path).build().split("train").take(range(7))
    assert calls == []


def test_two_at_once_compute_each_image_once(tmp_path, small):
    read = []

    def rows_of(examples):
        read.extend(examples)
        time.sleep(0.01)
        return torch.tensor(examples).float()[:, None]

    one, two = (FeatureFiles(folder=tmp_path, name="train", count=700, shape=(1,), dtype="float32") for _ in "ab")
    assert len(one.missing()) == len(two.missing()) == 5
    child = os.fork()
    if child == 0:
        two.make(rows_of, {})
        os._exit(len(read) // 100)
    one.make(rows_of, {})
    theirs = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert sorted([len(read) // 100, theirs]) == [0, 7]
    assert two.rows([699, 0]).tolist() == [[699.0], [0.0]]


class Broken(Encoder):
    """Gives a number that no file of half precision holds."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.output, self.value = Vector(2), value

    def forward(self, x):
        rows = torch.ones(len(x), 2)
        rows[-1] = self.value
        return rows


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (1e6, "float16", r"those of example 1 of `train` are not; `dtype` = torch\.float16 holds numbers up to 65504"),
        (float("nan"), "float32", r"features must be finite, but those of example 1 of `train` are not$"),
    ],
)
def test_numbers_that_are_not_finite_are_refused_with_their_example(tmp_path, monkeypatch, value, dtype, message):
    monkeypatch.setattr(FlattenSpec, "build", lambda _, **spaces: Broken(value))
    split = build(tmp_path, encoder=FlattenSpec(), dtype=dtype).split("train")
    with pytest.raises(Mistake, match=message):
        split.take([0])
    assert not [*tmp_path.rglob("*.safetensors")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"field": "imag"},
            r"`field` must be one of caption, captions, image, scene, but is 'imag' did you mean `image`",
        ),
        ({"into": "caption"}, "`into` must be the name of no other field, but is 'caption'"),
        ({"into": "image", "keep": True}, "`into` must be the name of no other field, but is 'image'"),
        (
            {"encoder": EmbeddingSpec(size=3), "field": "caption"},
            r"`encoder` must give numbers of one shape, as in Regions, but gives Sequence\(length=\d+, size=3\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, values, message):
    with pytest.raises(Mistake, match=message):
        build(tmp_path, **values)


def test_an_encoder_that_does_not_read_the_field_is_named(tmp_path):
    with pytest.raises(SpaceMisfit, match=r"encoder standard/conv \(?.*takes .*Image.*as `input`, but .*Tokens"):
        build(tmp_path, field="caption")


def test_features_may_take_the_place_of_their_field(tmp_path):
    data = build(tmp_path, into="image")
    assert isinstance(data.fields["image"], Regions)
    data.fields.check(data.split("test").take([0, 1]))


def test_the_folder_is_in_the_cache_of_the_machine_unless_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DOVETAIL_FEATURES", str(tmp_path / "all"))
    data = build(None)
    data.split("test").take([0])
    assert next((tmp_path / "all").rglob("test-00000.safetensors")).is_file()
    monkeypatch.delenv("DOVETAIL_FEATURES")
    assert cache_folder() == Path.home() / ".cache" / "dovetail" / "features"


@pytest.mark.parametrize(("depth", "size"), [(18, 256), (50, 1024)])
def test_a_residual_network_cut_at_layer3_gives_196_regions(depth, size):
    with torch.device("meta"):
        encoder = ResnetSpec(depth=depth, layer="layer3", frozen=True).build(input=Image(3, 224, 224))
    assert encoder.output == Regions(196, size, (14, 14))


@pytest.mark.slow
def test_the_regions_of_a_residual_network_are_kept(tmp_path):
    scenes = ScenesSpec(train=2, valid=1, test=1, size=224)
    data = build(tmp_path, dataset=scenes, encoder=ResnetSpec(depth=18, layer="layer3"), dtype="float16")
    batch = data.split("train").take([1, 0])
    data.fields.check(batch)
    assert batch["regions"].shape == (2, 196, 256)


def test_an_assembled_dataset_takes_its_parts_by_name(tmp_path):
    table = {"use": "standard/scenes", "train": 4, "valid": 2, "test": 2, "size": 8}
    encoder = {"use": "standard/conv", "channels": [3], "output": "regions"}
    made = names().spec("dataset", "standard/features", dataset=table, encoder=encoder, cache=str(tmp_path))
    one, again = (open_dataset(names(), made) for _ in range(2))
    assert one.fingerprint == again.fingerprint
    one.fields.check(one.split("valid").take([1, 0]))
    assert len([*tmp_path.iterdir()]) == 1
