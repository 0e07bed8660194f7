import bench_toys
import pytest
import torch

import dovetail
from dovetail.bench.files import FileFailure, read_tensors, write_tensors
from dovetail.errors import Mistake

FRECHET = """
[systems.gan]
dataset = "standard/digits"
generator = { use = "standard/dcgan", start = 2, width = 2, latent = 3 }
discriminator = { use = "standard/dcgan", end = 2, width = 2 }
objective = "standard/adversarial"
metrics = { fd = { use = "standard/frechet-distance", encoder = { use = "standard/conv", channels = [3] } } }
train = { limit = 2, batch = 8 }
"""


def test_a_finished_runs_model_comes_back_without_its_data(workplace, monkeypatch):
    run = workplace.train(train__epochs=2)
    monkeypatch.setattr(bench_toys.PointsSpec, "build", lambda _: pytest.fail("the dataset was opened"))
    model = dovetail.load(run.folder.path, workplace.registry)
    kept = read_tensors(run.folder.file("model.safetensors"))[0]
    for name, tensor in model.tensors().items():
        assert tensor.equal(kept[f"model/{name}"])
    assert not model.objective.training
    assert model.encoder(torch.zeros(2, 5)).shape == (2, 4)


def test_a_run_is_loaded_by_name_from_the_store_of_the_environment(workplace, monkeypatch):
    workplace.train()
    monkeypatch.setenv("DOVETAIL_STORE", str(workplace.store.path))
    assert dovetail.load("tiny-s0", workplace.registry).encoder.output.size == 4
    with pytest.raises(Mistake, match="there is no run `moon`"):
        dovetail.load("moon", workplace.registry)


def test_schedules_stand_where_training_ended(workplace):
    run = workplace.train(objective__weight={"use": "standard/linear", "start": 1.0, "end": 0.0, "finish": 10})
    model = dovetail.load(run.folder.path, workplace.registry)
    assert float(model.objective.weight()) == pytest.approx(0.1)


def test_a_metrics_own_weights_come_back(workplace):
    workplace.add(FRECHET)
    run = workplace.train(workplace.system("gan"), seed=4)
    model = dovetail.load(run.folder.path, workplace.registry)
    kept = read_tensors(run.folder.file("model.safetensors"))[0]
    names = [name for name in kept if name.startswith("slot/metrics.fd.encoder/")]
    assert names
    state = model.built["metrics.fd.encoder"][0].module.state_dict()
    for name in names:
        assert state[name.rpartition("/")[2]].equal(kept[name])


def test_weights_that_do_not_fit_are_named(workplace):
    run = workplace.train()
    file = run.folder.file("model.safetensors")
    tensors, header = read_tensors(file)
    write_tensors(file, {name: t for name, t in tensors.items() if name != "model/readout.weight"}, header)
    with pytest.raises(FileFailure, match=r"(?s)model\.safetensors: does not fit the run's model: .*readout\.weight"):
        dovetail.load(run.folder.path, workplace.registry)
    file.write_bytes(b"garbage")
    with pytest.raises(
        FileFailure, match=r"model\.safetensors: is no whole tensor file of Dovetail's: .*; delete the run"
    ):
        dovetail.load(run.folder.path, workplace.registry)


@pytest.mark.parametrize("name", ["run.json", "spaces.json", "model.safetensors"])
def test_a_file_that_a_finished_run_lost_is_named_wherever_it_is_looked_at(workplace, name):
    run = workplace.train()
    run.folder.file(name).unlink()
    assert run.folder.state() == "failed"
    told = rf"run {run.folder.name}: .*{name}: is not there; delete the run's folder to train it anew"
    for look in (lambda: dovetail.load(run.folder.path, workplace.registry), workplace.train):
        with pytest.raises((FileFailure, Mistake), match=told if name != "run.json" else f"{told}|there is no run"):
            look()
    assert run.folder.file("result.json").exists()


def test_spaces_that_are_damaged_are_named(workplace):
    run = workplace.train()
    run.folder.file("spaces.json").write_text("[]")
    with pytest.raises(
        FileFailure, match=r"spaces\.json: does not say the spaces of a run: .*; delete the run's folder"
    ):
        dovetail.load(run.folder.path, workplace.registry)
