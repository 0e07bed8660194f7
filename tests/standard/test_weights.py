import pickle
from pathlib import Path

import pytest
import torch
import typer
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from dovetail import Failure, Mistake
from dovetail_standard import plugin, weights

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DOVETAIL_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_converted_file_holds_the_same_tensors(tmp_path):
    shared = torch.randn(5, 3)
    torch.save({**TENSORS, "view": shared[:, 1:].T, "tied": shared, "again": shared}, tmp_path / "x.pth")
    weights.convert(tmp_path / "x.pth", tmp_path / "deep" / "x.safetensors")
    found = load_file(tmp_path / "deep" / "x.safetensors")
    assert found.keys() == {"a.weight", "a.bias", "view", "tied", "again"}
    assert torch.equal(found["view"], shared[:, 1:].T)
    assert torch.equal(found["a.weight"], TENSORS["a.weight"])
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.safetensors"]


def test_converting_runs_no_code_from_the_file(tmp_path):
    with (tmp_path / "bomb.pth").open("wb") as file:
        pickle.dump({"a": Bomb()}, file, protocol=2)
    torch.save({"a": Bomb()}, tmp_path / "bomb.zip.pth")
    for name in ("bomb.pth", "bomb.zip.pth"):
        with pytest.raises(Mistake, match=r"bomb.* is no file of weights that torch's restricted loader reads"):
            weights.convert(tmp_path / name, tmp_path / "y.safetensors")
    assert not (tmp_path / "exploded").exists()
    assert not (tmp_path / "y.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(Mistake, match=r"x\.pth is no file of weights"):
        weights.convert(tmp_path / "x.pth", tmp_path / "y.safetensors")


@pytest.mark.parametrize(
    ("content", "held"),
    [([torch.zeros(2)], "a list"), ({}, "entries none"), ({"epoch": 3, "model": {}}, r"epoch \(int\), model \(dict\)")],
)
def test_a_file_of_anything_but_tensors_is_refused(tmp_path, content, held):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(Mistake, match=f"must hold tensors by name, but holds .*{held}"):
        weights.convert(tmp_path / "x.pth", tmp_path / "y.safetensors")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Mistake, match=r"no file is at .*gone\.pth"):
        weights.convert(tmp_path / "gone.pth", tmp_path / "y.safetensors")


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    torch.save(TENSORS, tmp_path / "x.pth")
    (tmp_path / "y.safetensors").write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(Failure, match=r"y\.safetensors could not be written: .*No space left"):
        weights.convert(tmp_path / "x.pth", tmp_path / "y.safetensors")
    assert (tmp_path / "y.safetensors").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pth", "y.safetensors"]


def test_missing_imagenet_weights_say_what_to_fetch_and_what_to_run(tmp_path):
    with pytest.raises(Mistake) as error:
        weights.locate("imagenet", "resnet50")
    assert str(tmp_path / "cache" / "resnet50.safetensors") in str(error.value)
    assert "download https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(error.value)
    assert "`dovetail convert-weights resnet50-0676ba61.pth`" in str(error.value)


def test_the_cache_is_in_the_home_folder_where_no_other_is_named(monkeypatch):
    monkeypatch.delenv("DOVETAIL_WEIGHTS")
    assert weights.cache_folder() == Path.home() / ".cache" / "dovetail" / "weights"


def test_weights_that_are_no_file_are_refused_with_what_was_meant():
    with pytest.raises(Mistake, match="no file is at imagnet did you mean `imagenet`"):
        weights.locate("imagnet", "resnet50")


def test_a_file_must_hold_what_is_needed_in_its_shape_and_nothing_of_another(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(TENSORS, path)
    weights.check_shapes(path, {"a.bias": (2,)}, ["a.bias", "a.weight"])
    with pytest.raises(Mistake, match=r"x\.safetensors does not fit: it lacks b of the 2 tensors needed"):
        weights.check_shapes(path, {"a.bias": (2,), "b": (2,)}, ["a.bias", "a.weight"])
    with pytest.raises(Mistake, match=r"the network has no tensors a\.weight; is it another's\?"):
        weights.check_shapes(path, {"a.bias": (2,)}, ["a.bias"])
    with pytest.raises(Mistake, match=r"`a\.bias` must have the shape \(3,\), but has \(2,\)"):
        weights.check_shapes(path, {"a.bias": (3,)}, ["a.bias", "a.weight"])


def test_an_unconverted_file_is_refused_with_the_command(tmp_path):
    torch.save(TENSORS, tmp_path / "x.pth")
    with pytest.raises(Mistake, match=r"x\.pth is no readable safetensors file .*dovetail convert-weights"):
        weights.read_shapes(tmp_path / "x.pth")


def _command(*arguments: str):
    app = typer.Typer()
    app.callback()(lambda: None)
    plugin.dovetail_commands(app)
    return CliRunner().invoke(app, ["convert-weights", *arguments])


def test_the_command_knows_the_network_from_the_files_name(tmp_path):
    torch.save(TENSORS, tmp_path / "inception_v3_google-0cc3c7bd.pth")
    result = _command("inception_v3_google-0cc3c7bd.pth")
    assert result.exit_code == 0
    assert "inception_v3.safetensors" in result.output.replace("\n", "")
    assert weights.locate("imagenet", "inception_v3") == tmp_path / "cache" / "inception_v3.safetensors"


def test_the_command_takes_the_networks_name(tmp_path):
    torch.save(TENSORS, tmp_path / "mine.pth")
    assert _command("mine.pth", "--as", "vgg16_bn").exit_code == 0
    assert (tmp_path / "cache" / "vgg16_bn.safetensors").exists()
    assert "whose weights mine.pth holds is not known" in str(_command("mine.pth").exception)
    assert "but is resnt50 did you mean `resnet50`?" in str(_command("mine.pth", "--as", "resnt50").exception)


def test_the_command_writes_the_file_that_it_is_told(tmp_path):
    torch.save(TENSORS, tmp_path / "mine.pkl")
    result = _command("mine.pkl", "--to", "deep/mine.safetensors")
    assert result.output == "wrote deep/mine.safetensors\n"
    assert load_file("deep/mine.safetensors").keys() == TENSORS.keys()
    assert not (tmp_path / "cache").exists()
