import json
import re

import bench_toys_plugin
import pytest
import torch
from bench_toys import SEEN

from dovetail.assembly import assemble
from dovetail.bench.checkpoint import Place
from dovetail.bench.files import FileFailure, read_tensors
from dovetail.bench.loop import Training
from dovetail.errors import Failure
from dovetail.randomness import reseed, stream

LINEAR = {"use": "standard/linear", "start": 1.0, "end": 0.0, "finish": 4}
CRITIC = {"critic": {"use": "toys/net", "rate": 0.0}, "objective__second": "standard/sgd"}


def weights(run):
    return read_tensors(run.folder.file("model.safetensors"))[0]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def values(run, name="right.valid"):
    return [record[name] for record in run.folder.records()]


# --------------------------------------------------------------------------------------------------------- by hand


def by_hand(system, seed, epochs, clip=None):
    """The same training, written out: what the loop must equal to the last bit."""
    model = assemble(system, seed=seed)
    objective, train = model.objective, system.stages[0].train
    split = model.dataset.split("train")
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)
    step = 0
    for epoch in range(epochs):
        objective.train()
        objective.begin_epoch(epoch)
        order = torch.randperm(len(split), generator=stream(seed, "order", 0, epoch)).tolist()
        for start in range(0, len(order) - train.batch + 1, train.batch):
            reseed(seed, "step", 0, step)
            optimizer.zero_grad()
            objective(split.take(order[start : start + train.batch]), "fit").backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(objective.parameters(), clip)
            optimizer.step()
            step += 1
    return model.tensors()


@pytest.mark.parametrize("clip", [None, 0.01])
def test_training_equals_a_hand_written_loop_to_the_last_bit(workplace, clip):
    system = workplace.system(**({} if clip is None else {"train__clip": clip}))
    run = workplace.train(system, seed=3)
    found = {name.removeprefix("model/"): t for name, t in weights(run).items() if name.startswith("model/")}
    assert same(found, by_hand(workplace.system(), 3, 3, clip))


# ------------------------------------------------------------------------------------------------------ evaluation


def test_every_epoch_is_evaluated_or_every_nth_and_the_last(workplace):
    epochs = {
        n: [r["epoch"] for r in workplace.train(train__epochs=5, train__evaluate=n).folder.records()] for n in (1, 2, 9)
    }
    assert epochs == {1: [1, 2, 3, 4, 5], 2: [2, 4, 5], 9: [5]}


def test_a_record_says_where_and_what(workplace):
    run = workplace.train(metrics__table="toys/table")
    record = run.folder.records()[1]
    assert (record["stage"], record["epoch"], record["step"]) == ("train", 2, 6)
    assert record.keys() == {
        "stage", "epoch", "step", "seconds", "loss.fit", "right.valid", "table.one.valid", "table.share.valid",
    }  # fmt: skip
    assert run.metrics.keys() == {f"{n}.{s}" for n in ("right", "table.one", "table.share") for s in ("valid", "test")}


def test_evaluations_exhibits_and_hooks_do_not_disturb_training(workplace):
    often, seldom = (workplace.train(train__epochs=5, train__evaluate=n) for n in (1, 5))
    assert same(weights(often), weights(seldom))
    assert often.metrics == seldom.metrics
    assert often.folder.records()[-1]["right.valid"] == seldom.folder.records()[-1]["right.valid"]


def test_checkpoints_do_not_disturb_training(workplace, tmp_path):
    seldom = workplace.train()
    workplace.store.path = tmp_path / "other"
    often = workplace.train(train__checkpoint=0.0)
    assert same(weights(often), weights(seldom))


def test_hooks_hear_of_a_run(workplace):
    folder = workplace.train().folder
    heard = bench_toys_plugin.HEARD
    assert [(what, value) for what, value, _ in heard] == [
        ("started", 0), ("evaluated", 1), ("evaluated", 2), ("evaluated", 3),
        ("finished", ["right.test", "right.valid"]),
    ]  # fmt: skip
    told = {"name": "tiny", "seed": 0, "folder": str(folder.path), "spec": folder.about()["system"]}
    assert [run for _, _, run in heard] == [told] * 5


def test_the_mean_loss_of_an_epoch_is_recorded(workplace):
    run = workplace.train(train__epochs=1, encoder__rate=0.0, objective__optimizer={"use": "standard/sgd", "lr": 0.0})
    model = assemble(workplace.system(encoder__rate=0.0))
    model.train()
    order = torch.randperm(13, generator=stream(0, "order", 0, 0)).tolist()
    split = model.dataset.split("train")
    losses = [model.objective(split.take(order[i : i + 4]), "fit").item() for i in (0, 4, 8)]
    assert run.folder.records()[0]["loss.fit"] == pytest.approx(sum(losses) / 3, abs=1e-7)


# ------------------------------------------------------------------------------------------- watching and stopping


def watched(workplace, given, **changes):
    return workplace.train(metrics__right__values=given, train__watch="right", train__epochs=len(given), **changes)


def test_training_stops_when_the_watched_metric_has_not_got_better_for_so_long(workplace):
    run = watched(workplace, [0.1, 0.5, 0.4, 0.5, 0.3, 0.9], train__patience=2)
    assert values(run) == [0.1, 0.5, 0.4, 0.5]
    assert run.folder.result()["epochs"] == 4
    assert run.folder.result()["validation"] == [0.1, 0.5, 0.4, 0.5]


def test_lower_can_be_better(workplace):
    changes = {"metrics__low": "toys/table", "train__watch": "low.one", "train__patience": 1, "train__epochs": 4}
    assert len(workplace.train(**changes).folder.records()) == 2


def test_training_stops_when_the_watched_metric_reaches_its_target(workplace):
    assert values(watched(workplace, [0.1, 0.5, 0.4, 0.9], train__target=0.5)) == [0.1, 0.5]
    changes = {"metrics__low": "toys/table", "train__watch": "low.one", "train__epochs": 4}
    assert len(workplace.train(**changes, train__target=0.0).folder.records()) == 4
    assert len(workplace.train(**changes, train__target=100.0).folder.records()) == 1


def test_a_metric_that_is_not_a_number_is_never_the_best(workplace):
    run = watched(workplace, [-1.0, 0.3, -1.0, 0.2], train__select="best")
    assert same(model_of(run), model_after(workplace, 2))


def model_of(run):
    return {name.removeprefix("model/"): t for name, t in weights(run).items() if name.startswith("model/")}


def model_after(workplace, epochs):
    return by_hand(workplace.system(), 0, epochs)


@pytest.mark.parametrize(("select", "epochs"), [("best", 2), ("last", 4)])
def test_the_best_or_the_last_model_is_tested(workplace, select, epochs):
    run = watched(workplace, [0.1, 0.5, 0.4, 0.3], train__select=select)
    assert same(model_of(run), model_after(workplace, epochs))
    assert not run.folder.file("best.safetensors").exists()
    assert not run.folder.file("checkpoint.safetensors").exists()


def test_a_watched_name_that_the_metric_does_not_give_fails_the_run(workplace):
    with pytest.raises(
        Failure, match=r"run tiny-s0-\w+: `train.watch` is `t.two`, but the metrics gave right, t.one, t.share"
    ):
        workplace.train(metrics__t="toys/table", train__watch="t.two")


# ------------------------------------------------------------------------------------------------- steps and phases


def test_a_limit_cuts_the_epoch(workplace):
    assert [r["step"] for r in workplace.train(train__limit=2).folder.records()] == [2, 4, 6]


def test_no_epochs_only_evaluates(workplace):
    run = workplace.train(train__epochs=0)
    (record,) = run.folder.records()
    assert record["step"] == 0
    assert not [key for key in record if key.startswith("loss")]
    assert same(model_of(run), dict(assemble(workplace.system()).tensors()))


def test_an_objective_without_phases_is_only_evaluated(workplace):
    run = workplace.train(objective__phases=False, train__epochs=0)
    assert run.folder.records()[0]["step"] == 0
    assert run.metrics.keys() == {"right.valid", "right.test"}
    with pytest.raises(Failure, match=r"its objective trains nothing: `train.epochs` must be 0"):
        workplace.train(objective__phases=False)


def test_the_data_order_is_the_seeds_and_the_epochs_alone(workplace):
    workplace.train(train__epochs=2, train__evaluate=5)
    seen = [entry[2] for entry in SEEN if entry[0] == "fit"]
    SEEN.clear()
    workplace.train(train__epochs=2, train__evaluate=5, encoder__width=9, encoder__rate=0.0)
    assert [entry[2] for entry in SEEN if entry[0] == "fit"] == seen
    assert seen[:3] != seen[3:]


@pytest.mark.parametrize(
    ("repeat", "every", "expected"),
    [(1, 1, "fsfsfs"), (2, 1, "fssfssfss"), (1, 2, "ffsf"), (3, 3, "fffsss"), (1, 5, "fff")],
)
def test_phases_run_in_order_so_often_and_every_so_many_steps(workplace, repeat, every, expected):
    run = workplace.train(**CRITIC, objective__repeat=repeat, objective__every=every, train__epochs=1)
    assert "".join(entry[0][0] for entry in SEEN if entry[0] != "evaluate") == expected
    losses = {name for name in run.folder.records()[0] if name.startswith("loss.")}
    assert losses == ({"loss.fit", "loss.second"} if "s" in expected else {"loss.fit"})


def test_each_phase_trains_its_own_parts(workplace):
    still = {"use": "standard/sgd", "lr": 0.0}
    start = assemble(workplace.system(**CRITIC)).tensors()
    run = workplace.train(**CRITIC | {"objective__second": still}, train__epochs=1)
    for name, tensor in model_of(run).items():
        if name.endswith("weight") and "norm" not in name:
            assert torch.equal(tensor, start[name]) is name.startswith("critic.layers"), name


def test_a_phase_without_parameters_fails_the_run_and_is_named(workplace):
    with pytest.raises(Failure, match=r"run tiny-s0-\w+: the phase `second` trains critic, which have no parameters"):
        workplace.train(objective__second="standard/sgd")


def test_scheduled_quantities_are_filled_before_each_step_and_before_each_evaluation(workplace):
    workplace.train(objective__weight=LINEAR, train__epochs=2)
    assert [entry[3] for entry in SEEN if entry[0] == "fit"] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    evaluated = [entry[2] for entry in SEEN if entry[0] == "evaluate"]
    assert evaluated[:2] == [0.25, 0.25]  # two batches after three steps
    assert set(evaluated[2:]) == {0.0}


def test_a_weighted_auxiliary_loss_counts(workplace):
    plain, weighted = workplace.train(), workplace.train(objective__weight={"use": "standard/constant", "value": 0.5})
    assert not same(model_of(plain), model_of(weighted))
    assert weighted.folder.records()[0]["loss.fit"] > plain.folder.records()[0]["loss.fit"]


def test_the_learning_rate_follows_its_schedule(workplace):
    rates = [0.1, 0.05, 0.025]
    schedule = {"use": "standard/piecewise", "values": rates, "boundaries": [2, 4], "by": "step"}
    system = workplace.system(
        encoder__rate=0.0, objective__optimizer={"use": "standard/sgd", "lr": schedule}, train__epochs=2
    )
    run = workplace.train(system)
    model = assemble(workplace.system(encoder__rate=0.0))
    model.train()
    split, step = model.dataset.split("train"), 0
    for epoch in range(2):
        model.objective.begin_epoch(epoch)
        order = torch.randperm(13, generator=stream(0, "order", 0, epoch)).tolist()
        for start in (0, 4, 8):
            model.objective.zero_grad()
            model.objective(split.take(order[start : start + 4]), "fit").backward()
            for parameter in model.objective.parameters():
                parameter.data.add_(parameter.grad, alpha=-rates[step // 2])
            step += 1
    for name, tensor in model_of(run).items():
        assert torch.allclose(tensor.double(), model.tensors()[name].double(), atol=1e-6), name


def test_data_can_come_from_processes_beside_and_is_the_same(workplace):
    alone = workplace.train()
    workplace.store.path = workplace.folder / "other"
    beside = workplace.train(train__workers=1, train__epochs=3)
    assert same(weights(alone), weights(beside))


# ------------------------------------------------------------------------------------------------------- what fails


def test_a_loss_that_is_not_a_number_ends_the_run_and_names_it(workplace):
    text = (
        r"run (tiny-s0-\w+): the loss of the phase `fit` became nan in epoch 2 of stage train, by step 6; .*checkpoint"
    )
    with pytest.raises(Failure, match=text) as error:
        workplace.train(objective__nan_at=5)
    name = re.search(text, str(error.value))[1]
    folder = workplace.store.find(name)
    assert folder.state() == "failed"
    assert folder.failure()["kind"] == "error"
    assert len(folder.records()) == 1
    assert folder.file("checkpoint.safetensors").exists()


def test_a_training_split_without_a_batch_fails_the_run(workplace):
    with pytest.raises(Failure, match=r"run tiny-s0-\w+: the training split gives no batch of 4: it has 0 examples"):
        workplace.train(dataset__count=0)


def a_training(workplace, records, text):
    system = workplace.system()
    folder = workplace.store.folder("tiny", 0, "key")
    folder.path.mkdir(parents=True)
    folder.file("metrics.jsonl").write_text(text, encoding="utf-8")
    return Training(system, 0, folder, [], place=Place(records=records))


def test_evaluations_after_the_checkpoint_are_forgotten_with_a_line_that_was_cut_off(workplace):
    lines = [json.dumps({"epoch": epoch}) for epoch in (1, 2, 3)]
    training = a_training(workplace, 2, "\n".join([*lines, '{"epo']))
    training._forget_later_records()
    assert [record["epoch"] for record in training.folder.records()] == [1, 2]


def test_evaluations_that_are_missing_are_an_error_that_names_the_file(workplace):
    with pytest.raises(FileFailure, match=r"metrics\.jsonl: has 1 evaluations, but there were 2 when .*checkpoint"):
        a_training(workplace, 2, '{"epoch": 1}\n')._forget_later_records()
