import pytest
import torch

from dovetail.assembly import assemble
from dovetail.bench import checkpoint as checkpoints
from dovetail.bench.checkpoint import Place
from dovetail.bench.devices import make_fabric
from dovetail.bench.files import FileFailure, write_tensors

OPTIMIZERS = {
    "sgd": lambda ps: torch.optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda ps: torch.optim.Adam(ps, lr=0.01, betas=(0.5, 0.9)),
    "amsgrad": lambda ps: torch.optim.AdamW(ps, lr=0.01, amsgrad=True),
    "rmsprop": lambda ps: torch.optim.RMSprop(ps, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda ps: torch.optim.Adagrad(ps, lr=0.05),
    "groups": lambda ps: torch.optim.Adam([{"params": ps[:1], "lr": 0.5}, {"params": ps[1:]}], lr=0.01),
    "rprop": lambda ps: torch.optim.Rprop(ps, lr=0.01),
}
CPU = torch.device("cpu")
PRECISION = make_fabric("cpu", "32-true").strategy.precision


def a_model(workplace, seed=0):
    return assemble(workplace.system(encoder__rate=0.0), seed=seed)


def step(model, optimizer, batch):
    optimizer.zero_grad()
    model.objective(batch, "fit").backward()
    optimizer.step()


def save(file, place, model, optimizers):
    totals = {"fit": torch.tensor(0.1, dtype=torch.float64)}
    checkpoints.save(file, place=place, model=model, optimizers=optimizers, precision=PRECISION, totals=totals)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_bit_by_bit_after_a_checkpoint(workplace, tmp_path, name):
    model, other = a_model(workplace), a_model(workplace, seed=1)
    optimizers = [OPTIMIZERS[name](list(each.objective.parameters())) for each in (model, other)]
    batches = [model.dataset.split("train").take(range(start, start + 4)) for start in range(5)]
    for batch in batches[:3]:
        step(model, optimizers[0], batch)
    place = Place(1, 2, 3, 4, [0.1, 1 / 3], 1, True, 7, 0.25)
    save(tmp_path / "a", place, model, {"fit": optimizers[0]})
    for batch in batches[3:]:
        step(model, optimizers[0], batch)

    read = checkpoints.load(tmp_path / "a")
    assert read.place == place
    totals = read.restore(other, {"fit": optimizers[1]}, PRECISION, CPU)
    assert totals == {"fit": torch.tensor(0.1, dtype=torch.float64)}
    for batch in batches[3:]:
        step(other, optimizers[1], batch)
    assert model.objective.carried["sum"].equal(other.objective.carried["sum"])
    for key, tensor in model.tensors().items():
        assert tensor.equal(other.tensors()[key]), key


def test_there_is_no_checkpoint_before_one_is_written(tmp_path):
    assert checkpoints.load(tmp_path / "a") is None


def test_a_damaged_checkpoint_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(b"\x00" * 100)
    with pytest.raises(FileFailure, match=r"checkpoint\.safetensors: is no whole .*; delete the file to start the run"):
        checkpoints.load(file)
    write_tensors(file, {}, {"place": {"moon": 1}})
    with pytest.raises(FileFailure, match=r"is a tensor file, but no checkpoint: TypeError: .*moon.*; delete the file"):
        checkpoints.load(file)
    write_tensors(file, {}, {"something": "else"})
    with pytest.raises(FileFailure, match=r"no checkpoint: KeyError: 'place'"):
        checkpoints.load(file)


def test_a_checkpoint_of_another_model_is_refused(workplace, tmp_path):
    model = a_model(workplace)
    optimizer = OPTIMIZERS["adam"](list(model.objective.parameters()))
    save(tmp_path / "a", Place(), model, {"fit": optimizer})
    wider = assemble(workplace.system(encoder__width=7))
    with pytest.raises(FileFailure, match=r"(?s)a: does not fit the run.s model: .*size mismatch.*; delete the file"):
        checkpoints.load(tmp_path / "a").restore(wider, {"fit": optimizer}, PRECISION, CPU)
    with pytest.raises(FileFailure, match="does not fit the run's model: 'other'"):
        checkpoints.load(tmp_path / "a").restore(model, {"other": optimizer}, PRECISION, CPU)
