import json
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import dovetail.bench
from dovetail.bench.files import (
    FileFailure,
    append_line,
    read_json,
    read_tensors,
    remove_leftovers,
    write_json,
    write_tensors,
    write_text,
    write_whole,
)


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "a.json"
    write_json(file, {"value": 0.1, "list": [1, 2]})
    assert read_json(file) == {"value": 0.1, "list": [1, 2]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_write_that_fails_keeps_what_stood_there_and_names_the_file(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "before")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileFailure, match=r"a\.txt: cannot be written: No space left on device; what stood there"):
        write_whole(file, fail)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    for name in (".result.json.17.tmp", "result.json", ".keep", "best.safetensors"):
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path, "best.safetensors", "not-there")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep", "result.json"]


def test_files_are_as_open_to_others_as_any_that_this_process_writes(tmp_path):
    (tmp_path / "plain").touch()
    write_json(tmp_path / "a", {})
    write_tensors(tmp_path / "b", {"a": torch.zeros(2)}, {})
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_a_line_is_added_or_its_file_named(tmp_path):
    append_line(tmp_path / "log", "one")
    append_line(tmp_path / "log", "two")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    with pytest.raises(FileFailure, match="gone/log: cannot be written: No such file or directory"):
        append_line(tmp_path / "gone" / "log", "one")


@pytest.mark.parametrize("text", ["", "{", "\udcff"])
def test_what_is_no_json_is_named(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FileFailure, match=r"a\.json: cannot be read: "):
        read_json(tmp_path / "a.json")


def test_tensors_come_back_bit_by_bit_with_their_header(tmp_path):
    tensors = {
        "plain": torch.randn(2, 3),
        "half": torch.randn(3).bfloat16(),
        "whole": torch.tensor([2**62, -1]),
        "single": torch.tensor(float("nan")),
        "empty": torch.zeros(0, 3),
    }
    write_tensors(tmp_path / "a", tensors, {"place": [0.1, None]})
    found, header = read_tensors(tmp_path / "a")
    assert header == {"place": [0.1, None]}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].nan_to_num(5.0), tensor.nan_to_num(5.0))


def test_one_tensor_with_two_names_is_written_once_and_read_under_both(tmp_path):
    shared = torch.randn(300)
    write_tensors(tmp_path / "two", {"a": shared, "b": shared, "c": shared.detach()}, {})
    write_tensors(tmp_path / "one", {"a": shared}, {})
    assert (tmp_path / "two").stat().st_size < (tmp_path / "one").stat().st_size + 200
    found, _ = read_tensors(tmp_path / "two")
    assert all(torch.equal(found[name], shared) for name in "abc")


@pytest.mark.parametrize("view", ["transposed", "sliced", "reversed-order", "overlapping"])
def test_views_of_one_storage_are_written_apart(tmp_path, view):
    whole = torch.randn(4, 6)
    tensors = {
        "transposed": {"a": whole, "b": whole.t()},
        "sliced": {"a": whole[:, :2], "b": whole[1:]},
        "reversed-order": {"a": whole.t(), "b": whole},
        "overlapping": {"a": whole[:3], "b": whole[1:], "c": whole[0]},
    }[view]
    write_tensors(tmp_path / "a", tensors, {})
    found, _ = read_tensors(tmp_path / "a")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(FileFailure, match=r"foreign: is no whole tensor file of Dovetail's: KeyError: 'dovetail'"):
        read_tensors(tmp_path / "foreign")
    save_file({"a": torch.zeros(2)}, tmp_path / "list", metadata={"dovetail": json.dumps(["a"])})
    with pytest.raises(FileFailure, match="list: is no whole tensor file"):
        read_tensors(tmp_path / "list")


def test_a_truncated_file_is_refused_at_every_length(tmp_path):
    write_tensors(tmp_path / "a", {"a": torch.randn(5, 7), "b": torch.arange(3)}, {"x": 1})
    whole = (tmp_path / "a").read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / "a").write_bytes(whole[:length])
        with pytest.raises(FileFailure, match="a: is no whole tensor file of Dovetail's"):
            read_tensors(tmp_path / "a")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (tmp_path / "a").write_bytes(pickle.dumps(Trap()))
    torch.save({"a": torch.zeros(2)}, tmp_path / "b")
    for name in "ab":
        with pytest.raises(FileFailure, match=f"{name}: is no whole tensor file"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_no_module_of_the_bench_unpickles():
    for file in Path(dovetail.bench.__file__).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "torch.load" not in text, file
        assert "import pickle" not in text, file


def test_a_file_too_large_for_the_disk_is_named_and_the_old_one_kept(tmp_path):
    write_tensors(tmp_path / "a", {"a": torch.zeros(3)}, {})
    script = f"""
import resource, signal, torch
from pathlib import Path
import dovetail.bench
from dovetail.bench.files import FileFailure, write_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write_tensors(Path({str(tmp_path / "a")!r}), {{"a": torch.zeros(9000)}}, {{}})
except FileFailure as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"{tmp_path / 'a'}: cannot be written: " in done.stdout
    assert "File too large" in done.stdout
    assert read_tensors(tmp_path / "a")[0]["a"].tolist() == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 5000
