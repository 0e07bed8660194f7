import torch

from dovetail.assembly import assemble
from dovetail.bench.stages import carry


def snapshot(model):
    return {name: tensor.clone() for name, tensor in model.tensors().items()}


def test_everything_is_kept_between_equal_stages(workplace):
    before, now = assemble(workplace.system(), seed=1), assemble(workplace.system(), seed=2)
    carried = carry(before.tensors(), now)
    assert set(carried.kept) == set(now.tensors())
    assert not carried.fresh
    assert not carried.lost
    assert not carried.reshaped
    assert all(torch.equal(tensor, now.tensors()[name]) for name, tensor in before.tensors().items())
    assert str(carried) == f"{len(carried.kept)} tensors kept"


def test_what_is_new_is_fresh_and_what_is_gone_is_lost(workplace):
    small = assemble(workplace.system(), seed=1)
    large = assemble(workplace.system(encoder__layers=2), seed=2)
    drawn = snapshot(large)
    carried = carry(small.tensors(), large)
    assert carried.fresh == ("encoder.layers.1.weight", "encoder.layers.1.bias")
    assert large.tensors()["encoder.layers.1.weight"].equal(drawn["encoder.layers.1.weight"])
    assert large.tensors()["encoder.layers.0.weight"].equal(small.tensors()["encoder.layers.0.weight"])
    back = carry(large.tensors(), assemble(workplace.system(), seed=3))
    assert back.lost == ("encoder.layers.1.weight", "encoder.layers.1.bias")
    assert "2 tensors lost (encoder.layers.1.weight, encoder.layers.1.bias)" in str(back)


def test_what_has_another_shape_is_said_and_stays_fresh(workplace):
    before, now = assemble(workplace.system(), seed=1), assemble(workplace.system(encoder__width=6), seed=2)
    drawn = snapshot(now)
    carried = carry(before.tensors(), now)
    assert "encoder.layers.0.weight" in carried.reshaped
    assert "readout.weight" in carried.reshaped
    assert set(carried.kept) == {"count", "readout.bias", "encoder.norm.num_batches_tracked"}
    assert now.tensors()["readout.weight"].equal(drawn["readout.weight"])


def test_a_reset_path_is_fresh_with_all_its_tensors_and_nothing_else(workplace):
    before, now = assemble(workplace.system(), seed=1), assemble(workplace.system(), seed=2)
    drawn = snapshot(now)
    carried = carry(before.tensors(), now, ("encoder",))
    assert set(carried.fresh) == {name for name in now.tensors() if name.startswith("encoder.")}
    assert all(now.tensors()[name].equal(drawn[name]) for name in carried.fresh)
    assert now.tensors()["readout.weight"].equal(before.tensors()["readout.weight"])


def test_stages_train_one_after_another_and_the_log_says_what_was_carried(workplace):
    run = workplace.train(workplace.system("staged"))
    records = run.folder.records()
    assert [record["stage"] for record in records] == ["first"] * 2 + ["then"] * 3 + ["last"]
    assert [record["step"] for record in records] == [3, 6, 3, 6, 9, 2]
    log = run.folder.file("log.txt").read_text(encoding="utf-8")
    assert "stage then: 3 tensors kept; 9 tensors fresh (encoder.layers.0.weight" in log
    assert "stage last: 12 tensors kept\n" in log
    assert run.folder.result()["epochs"] == 1
