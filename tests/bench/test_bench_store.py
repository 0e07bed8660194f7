import fcntl
import json
import os
import re
import subprocess
import sys

import attrs
import pytest

from dovetail.bench import store
from dovetail.bench.files import FileFailure, read_json
from dovetail.bench.identity import identify
from dovetail.bench.store import FinishedRun, RunFolder, Store, check_folder
from dovetail.errors import Mistake
from dovetail.spaces import Vector

HOLD = """
import sys
from pathlib import Path
from dovetail.bench.store import RunFolder
with RunFolder(Path(sys.argv[1])).claim() as mine:
    print(mine, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "a-s0-0123456789ab")


def hold(folder):
    """A process that claims the run until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    return process


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_claim_is_one_processs_and_ends_with_it(folder):
    assert not folder.claimed()
    holder = hold(folder)
    assert folder.claimed()
    assert folder.state() == "running"
    with folder.claim() as mine:
        assert not mine
    end(holder)
    assert not folder.claimed()
    with folder.claim() as mine:
        assert mine
        assert folder.claimed()
    assert folder.state() == "missing"


def test_looking_whether_a_run_is_claimed_claims_nothing(folder):
    with folder.claim():
        pass
    with folder.file("lock").open() as one, folder.file("lock").open() as other:
        fcntl.flock(one, fcntl.LOCK_SH)
        assert not folder.claimed()
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_folder_says_its_state(workplace):
    run = workplace.train()
    folder = run.folder
    assert folder.state() == "finished"
    assert folder.failure() is None
    folder.file("result.json").unlink()
    assert folder.state() == "missing"
    folder.file("checkpoint.safetensors").write_bytes(b"x")
    assert folder.state() == "interrupted"
    folder.fail("error", "run x: broke", "Traceback")
    assert folder.state() == "failed"
    assert folder.failure() == {"kind": "error", "message": "run x: broke", "traceback": "Traceback"}


def test_a_failure_is_known_since_a_moment(workplace):
    folder = workplace.train().folder
    folder.file("result.json").unlink()
    assert folder.failed_since(0.0) is None
    folder.fail("error", "broke")
    moment = folder.file("failure.json").stat().st_mtime
    assert folder.failed_since(moment - 1) == "broke"
    assert folder.failed_since(moment + 1) is None
    folder.fail("file", "the disk was full")
    assert folder.failed_since(moment - 1) is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.json", "{", r"run.json: cannot be read: .*; delete the run's folder to train it anew"),
        ("run.json", "[]", r"run.json: does not say name, identity, made_of, system; delete"),
        ("run.json", "7", r"not iterable.*; delete"),
        ("result.json", "", r"result.json: cannot be read: .*; delete"),
        ("result.json", '{"metrics": {}}', r"result.json: does not say measured, seconds, epochs, steps, validation"),
    ],
)
def test_a_damaged_file_makes_a_failed_run_and_is_named(workplace, name, text, message):
    folder = workplace.train().folder
    folder.file(name).write_text(text, encoding="utf-8")
    assert folder.state() == "failed"
    assert folder.failure()["kind"] == "file"
    assert folder.failure()["message"].startswith(f"run {folder.name}: ")
    with pytest.raises(FileFailure, match=message):
        FinishedRun(folder, workplace.registry, workplace.store)
    with pytest.raises(FileFailure, match=message):
        workplace.train()


def test_a_look_at_a_run_reads_each_of_its_files_once(workplace, monkeypatch):
    folder, read = workplace.train().folder, []
    monkeypatch.setattr(store, "read_json", lambda file: read.append(file.name) or read_json(file))
    assert folder.state() == "finished"
    assert sorted(read) == ["result.json", "run.json"]


def test_a_damaged_evaluation_is_named(workplace):
    folder = workplace.train().folder
    with folder.file("metrics.jsonl").open("a") as lines:
        lines.write('{"epo')
    assert len(folder.records()) == 3
    with folder.file("metrics.jsonl").open("a") as lines:
        lines.write("\n")
    with pytest.raises(FileFailure, match=r"metrics\.jsonl: has a line that is no JSON"):
        folder.records()
    folder.file("metrics.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(FileFailure, match=r"metrics\.jsonl: is not UTF-8: .*; delete the run's folder"):
        folder.records()


def test_a_run_is_found_by_its_folder_its_name_and_its_beginning(workplace):
    one, two = workplace.train(), workplace.train(seed=1)
    store = workplace.store
    assert store.find(str(one.folder.path)) == one.folder
    assert store.find(one.folder.name) == one.folder
    assert store.find("tiny-s1") == two.folder
    assert store.runs() == [one.folder, two.folder]
    with pytest.raises(Mistake, match=r"`tiny` is the beginning of several runs in .*: tiny-s0-\w+, tiny-s1-\w+"):
        store.find("tiny")
    with pytest.raises(Mistake, match=r"there is no run `tyny-s1-\w+` in .*; did you mean `tiny-s1-"):
        store.find(two.folder.name.replace("i", "y"))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("tiny-s3", "`dovetail run tiny --seed 3` makes it"),
        ("tiny-sx", "it holds 0 runs: see `dovetail status`"),
        ("other-s3", "it holds 0 runs: see `dovetail status`"),
    ],
)
def test_what_takes_a_part_of_a_missing_run_is_told_how_to_make_it(workplace, name, how):
    with pytest.raises(Mistake, match=re.escape(how)):
        workplace.store.earlier(workplace.registry)(name)


@pytest.mark.parametrize(("seeds", "count"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_a_name_that_is_close_to_no_runs_is_told_how_many_there_are(workplace, seeds, count):
    for seed in range(seeds):
        workplace.train(seed=seed)
    with pytest.raises(Mistake, match=f"there is no run `nowhere` in .*; it holds {count}: see `dovetail status`"):
        workplace.store.find("nowhere")


def test_a_run_is_found_under_any_systems_name(workplace):
    run = workplace.train()
    workplace.add("[systems.other]\nextends = 'tiny'\n")
    assert workplace.train(workplace.system("other")) == run


def test_a_stale_run_says_what_changed_and_is_set_aside_once_trained_again(workplace):
    run = workplace.train()
    before = run.folder.file("model.safetensors").read_bytes()
    system = workplace.system()
    raise_version(system.registry)
    identity = identify(system, 0, ["points-13-a"])
    changes = ["version of objective toys/fit: 3 → 4"]
    assert workplace.store.status(run.folder, identity) == ("stale", changes)
    again = workplace.train(system)
    assert again.folder == run.folder
    assert workplace.store.status(run.folder, identity) == ("finished", [])
    (aside,) = (workplace.store.path / "stale").iterdir()
    assert aside.joinpath("model.safetensors").read_bytes() == before
    for _ in range(4):
        raise_version(system.registry)
        workplace.train(system)
    assert len(list((workplace.store.path / "stale").iterdir())) == 5
    assert len(workplace.store.runs()) == 1


def test_runs_on_other_data_stand_beside_one_another(workplace):
    folders = {workplace.train(dataset__data=data).folder.name for data in "abab"}
    assert len(folders) == len(workplace.store.runs()) == 2
    assert not (workplace.store.path / "stale").exists()


def raise_version(registry):
    component = registry.components["objective", "toys/fit"]
    registry.components["objective", "toys/fit"] = attrs.evolve(component, version=component.version + 1)


def test_an_interrupted_run_that_is_stale_is_trained_anew(workplace):
    folder = workplace.train(train__checkpoint=0.0).folder
    folder.file("result.json").unlink()
    folder.file("checkpoint.safetensors").write_bytes(b"of another version")
    system = workplace.system()
    component = system.registry.components["objective", "toys/fit"]
    system.registry.components["objective", "toys/fit"] = attrs.evolve(component, version=4)
    assert workplace.train(system).folder == folder
    assert len(list((workplace.store.path / "stale").iterdir())) == 1


def test_a_part_of_a_finished_run_has_its_spec_spaces_and_tensors(workplace):
    run = workplace.train()
    finished = FinishedRun(run.folder, workplace.registry, workplace.store)
    spec, (spaces,), tensors = finished.part("encoder")
    assert spec == workplace.system().stages[0].parts["encoder"]
    assert spaces == {"input": Vector(5)}
    assert tensors.keys() >= {"layers.0.weight", "norm.running_mean"}
    with pytest.raises(Mistake, match=r"has no part `x`; its parts are encoder, "):
        finished.part("x")
    with pytest.raises(Mistake, match=r"has no part `encodr`; did you mean `encoder`"):
        finished.part("encodr")


def test_only_a_finished_run_has_parts(workplace):
    folder = workplace.train().folder
    folder.file("result.json").unlink()
    with pytest.raises(Mistake, match=f"the run {folder.name} is missing; only a finished run"):
        FinishedRun(folder, workplace.registry, workplace.store)


def test_a_store_is_where_it_is_asked_for_or_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("DOVETAIL_STORE", str(tmp_path))
    assert Store.at().path == tmp_path
    assert Store.at("other").path.name == "other"
    monkeypatch.delenv("DOVETAIL_STORE")
    assert Store.at().path.name == "runs"


def test_a_store_that_cannot_be_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileFailure, match=r"the store .*file cannot be made: File exists; `--store` takes a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(FileFailure, match=r"the store .*file/below cannot be made: Not a directory"):
        check_folder(tmp_path / "file" / "below")


def test_a_run_remembers_what_it_ran_on(workplace):
    about = workplace.train().folder.about()
    assert about["environment"].keys() >= {"python", "torch", "dovetail", "processor", "platform"}
    assert json.loads(json.dumps(about["system"]))[0]["train"]["threads"] == 1
    assert os.sep not in about["name"]
