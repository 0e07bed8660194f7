"""What components of one kind must do: attention, generator, discriminator, metric, dataset, objective, schedule.

Axes: the first axis of every tensor is the batch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dovetail.interfaces import Objective, Phase, Progress, Split
from dovetail.randomness import stream
from dovetail.spaces import Label, Labels, Padded, Tokens
from dovetail.testing.clean import in_clean_process
from dovetail.testing.every_kind import as_table
from dovetail.testing.kit import Broken, check, documentation
from dovetail.testing.modules import evaluated
from dovetail.testing.sequences import stepwise
from dovetail.testing.subjects import (
    AttentionSubject,
    DatasetSubject,
    DiscriminatorSubject,
    GeneratorSubject,
    MetricSubject,
    ObjectiveSubject,
    OptimizerSubject,
    ScheduleSubject,
    varies,
)
from dovetail.testing.values import difference, identical, picked, tensors, trimmed

BAHDANAU = (
    "Bahdanau, Cho and Bengio 2015, Neural machine translation by jointly learning to align and translate,"
    " arXiv:1409.0473"
)
KINDS = documentation("Architecture", "Kinds")
KIT = documentation("Writing a plugin", "Pass the conformance kit")
TOLERANCE = 1e-5
RATE = 1e-2
"""Of the gradient steps on one batch."""

# ------------------------------------------------------------------------------------------------------------ attention


@check(
    "attention",
    reason="a read is a weighted mean: weights that do not sum to one scale what is read",
    source=BAHDANAU,
    after=("evaluation",),
)
def weights(subject: AttentionSubject) -> None:
    """The weights are not negative and sum to one over the memory's places, of which padding gets none."""
    made = evaluated(subject, subject.build(), *subject.inputs())["weights"]
    if made.ndim != 2:
        raise Broken(f"the weights must be (batch, places), but are {tuple(made.shape)}")
    if made.min() < 0:
        raise Broken(f"a weight is {float(made.min()):g}")
    if (off := (made.sum(1) - 1).abs()).max() > TOLERANCE:
        raise Broken(f"the weights of an example sum to {float(made.sum(1)[off.argmax()]):.4f}")


@check(
    "attention",
    reason="padding is an accident of the batch: nothing may be read from it",
    source=BAHDANAU,
    after=("weights",),
    applies=lambda subject: varies(subject.spaces.get("memory")),
    wants="a memory of varying length",
)
def masked_parts(subject: AttentionSubject) -> None:
    """What lies behind the end of a memory gets no weight, and changes nothing."""
    module, (memory, query) = subject.build(), subject.inputs()
    made = evaluated(subject, module, memory, query)
    if made["weights"].masked_fill(memory.mask, 0).abs().max() > 0:
        raise Broken("padding gets weight")
    behind = ~memory.mask[..., None]
    garbled = Padded(torch.where(behind, memory.data[:, :1].flip(0), memory.data), memory.lengths)
    if difference(evaluated(subject, module, garbled, query)["read"], made["read"]) > 1:
        raise Broken("what is read changes with the values behind the end")


# ------------------------------------------------------------------------------------------------------------ generator


@check(
    "generator",
    reason="what reads the samples is built for the space that the generator declares",
    source=KINDS,
    after=("spaces",),
)
def samples(subject: GeneratorSubject) -> None:
    """Its samples, as many as are asked for, lie in its space, and are equal for equal seeds."""
    module = subject.build().eval()
    if module.produces != subject.spaces["produces"]:
        raise Broken(f"was built for {subject.spaces['produces']}, but says that it produces {module.produces}")
    drawn, silent = [], False
    for seed in (0, 0, 1):
        with subject.on_stream(seed), torch.no_grad():
            before = torch.default_generator.get_state()
            drawn.append(module.sample(3, *subject.given(3)))
            silent = torch.equal(torch.default_generator.get_state(), before)
    for sample in drawn:
        try:
            module.produces.check(sample)
        except ValueError as error:
            raise Broken(f"a sample does not lie in its space: {error}") from error
    if {len(tensor) for tensor in tensors(drawn[0])} != {3}:
        raise Broken(f"3 samples were asked for, but the tensors have {[tuple(t.shape) for t in tensors(drawn[0])]}")
    if not identical(drawn[0], drawn[1]):
        raise Broken("two samples with one seed differ: draw from torch's global generator alone")
    decided = silent and subject.given(3)  # a condition alone may say what comes out
    if identical(drawn[0], drawn[2]) and not decided:
        raise Broken("samples with two seeds are equal: nothing that they depend on is drawn from torch's generator")


@check(
    "generator",
    reason="beams and rollouts reorder the state of a batch by its first axis",
    source=KINDS,
    after=("likelihood", "examples-apart"),
    applies=stepwise,
    wants="a generator of tokens",
)
def generator_state(subject: GeneratorSubject) -> None:
    """Its state can be indexed by example, and `forward` goes on from one that `forward` returned."""
    module, (_, texts, *given) = subject.build().eval(), subject.inputs()
    order = [3, 1, 1]
    with torch.no_grad():
        whole, _ = module(texts, *given)
        first = Padded(texts.data[:, :2], texts.lengths.clamp(max=2))
        rest = Padded(texts.data[:, 2:], (texts.lengths - 2).clamp(min=0))
        _, state = module(first, *given)
        after, _ = module(rest, *given, state=state)
        some, _ = module(picked(rest, order), *picked(tuple(given), order), state=picked(state, order))
    if difference(after, whole[:, 2:]) > 1:
        raise Broken("a text in two windows has other logits than in one")
    if difference(some, picked(after, order)) > 1:
        raise Broken("a state whose examples were picked goes on otherwise than they did")


# -------------------------------------------------------------------------------------------------------- discriminator


@check(
    "discriminator",
    reason="a generator reads the features token by token while it samples, and learns from those of whole texts",
    source="Guo et al. 2018, Long text generation via adversarial training with leaked information, arXiv:1709.08624",
    after=("evaluation",),
    applies=lambda subject: subject.leaks and isinstance(subject.spaces["input"], Tokens),
    wants="a discriminator of tokens that leaks step by step",
)
def leak(subject: DiscriminatorSubject) -> None:
    """The features that leak token by token lie in `leaks`, and do not depend on the batch."""
    module, (texts, *_) = subject.build().eval(), subject.inputs()
    with torch.no_grad():
        state, order = module.initial_state(len(texts.data)), [2, 0]
        for tokens in texts.data.unbind(1):
            before = state
            features, state = module.leak(tokens, before)
            some, _ = module.leak(tokens[torch.tensor(order)], picked(before, order))
            try:
                module.leaks.check(features)
            except ValueError as error:
                raise Broken(f"what leaks does not lie in `leaks`: {error}") from error
            if difference(some, picked(features, order)) > 1:
                raise Broken("what leaks of an example depends on its companions")


@check(
    "discriminator",
    reason="an objective must know whether there is a score for each example or for each step",
    source=KINDS,
    after=("spaces",),
)
def scores(subject: DiscriminatorSubject) -> None:
    """Scores are logits, not probabilities: training can push them below zero and above one."""
    inputs = subject.inputs()
    for sign in (1.0, -1.0):
        module = subject.build().train()
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        for _ in range(100):
            optimizer.zero_grad()
            with subject.on_stream():
                made = torch.cat(
                    [t.flatten() for t in tensors(subject.use(module, *inputs)["scores"]) if t.is_floating_point()]
                )
            torch.autograd.backward((-sign * made).mean())
            optimizer.step()
        if sign > 0 and made.max() <= 1:
            raise Broken("no score passes one, however it is trained: are they probabilities?")
        if sign < 0 and made.min() >= 0:
            raise Broken("no score falls below zero, however it is trained: are they probabilities?")


# --------------------------------------------------------------------------------------------------------------- metric


def _outcomes(subject: MetricSubject) -> list[Mapping[str, Any]]:
    return [subject.inputs(batch, seed)[0] for batch, seed in ((7, 0), (5, 1), (2, 2))]


def _spelt(value: Mapping[str, float]) -> str:
    """A number alone, or the first few of a table."""
    if [*value] == ["value"]:
        return f"{value['value']:g}"
    return ", ".join(f"{name} {number:g}" for name, number in [*value.items()][:4])


def _differs(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() != other.keys() or any(
        not math.isclose(one[name], other[name], rel_tol=1e-6, abs_tol=1e-9)
        and not (math.isnan(one[name]) and math.isnan(other[name]))
        for name in one
    )


@check(
    "metric",
    reason="batches come in any order, from any number of workers",
    source=KINDS,
    after=("examples",),
)
def batch_order(subject: MetricSubject) -> None:
    """The order of the outcomes does not matter."""
    outcomes = _outcomes(subject)
    one, other = subject.computed(*outcomes), subject.computed(*reversed(outcomes))
    if _differs(one, other):
        raise Broken(f"is {_spelt(one)} in one order of the batches and {_spelt(other)} in the other")


@check(
    "metric",
    reason="the last batch is smaller: the mean of the batches' values is not the value",
    source=KINDS,
    after=("batch-order",),
)
def batch_size(subject: MetricSubject) -> None:
    """The same examples in other batches give the same value."""
    whole = subject.inputs(7, 0)[0]
    parts = [picked(whole, [0, 1, 2, 3, 4]), picked(whole, [5, 6])]
    one, other = subject.computed(whole), subject.computed(*parts)
    if _differs(one, other):
        raise Broken(f"is {_spelt(one)} in one batch and {_spelt(other)} in two: averages are averaged")


@check(
    "metric",
    reason="parts of a split are measured apart and put together",
    source=KINDS,
    after=("batch-order",),
)
def merging(subject: MetricSubject) -> None:
    """Merging two metrics equals one pass over both their outcomes; `reset` forgets."""
    first, *others = _outcomes(subject)
    one, other = subject.build(), subject.build()
    one.update(others[0])
    one.reset()
    one.update(first)
    for outcome in others:
        other.update(outcome)
    one.merge(other)
    merged = one.compute()
    merged = dict(merged) if isinstance(merged, Mapping) else {"value": float(merged)}
    expected = subject.computed(first, *others)
    if _differs(merged, expected):
        raise Broken(
            f"is {_spelt(merged)} after `reset`, `update` and `merge`, and {_spelt(expected)} in one pass over the same"
        )


@check(
    "metric",
    reason="a table says which way is better, and a watched metric chooses the model",
    source=KINDS,
    after=("examples",),
)
def direction(subject: MetricSubject) -> None:
    """`direction` is "higher" or "lower", and it has a unit."""
    metric = subject.build()
    if metric.direction not in ("higher", "lower"):
        raise Broken(f"`direction` is {metric.direction!r}")
    if not isinstance(metric.unit, str) or not metric.unit:
        raise Broken("has no `unit`")


@check(
    "metric",
    reason="a metric that cannot reach its best value, or passes it, does not measure what it says",
    source=KINDS,
    after=("direction",),
)
def perfect(subject: MetricSubject) -> None:
    """Perfect outcomes give the best value, and no other outcome a better one."""
    if subject.example.perfect is None:
        raise Broken("the example does not say what `perfect` outcomes are")
    outcomes = [dict(outcome) for outcome in _outcomes(subject)]
    best = subject.computed(*map(subject.example.perfect, outcomes))
    value, any_other = next(iter(best.values())), next(iter(subject.computed(*outcomes).values()))
    if subject.example.best is not None and not math.isclose(value, subject.example.best, rel_tol=1e-6, abs_tol=1e-6):
        raise Broken(f"is {value} for perfect outcomes, but the best value is {subject.example.best}")
    worse = any_other <= value if subject.build().direction == "higher" else any_other >= value
    if not worse:
        raise Broken(f"is {value} for perfect outcomes, and better for others: {any_other}")


@check(
    "metric",
    reason="a mean over nothing is no number",
    source=KINDS,
    after=("examples",),
)
def nothing_seen(subject: MetricSubject) -> None:
    """Where nothing was seen, `compute` raises ValueError."""
    try:
        value = subject.build().compute()
    except ValueError:
        return
    raise Broken(f"is {value} where nothing was seen, instead of raising ValueError")


# -------------------------------------------------------------------------------------------------------------- dataset

SPLITS = ("train", "valid", "test")


@check(
    "dataset",
    reason="a run's identity has the data in it: other data are other runs",
    source=documentation("Concepts", "What a run is known by"),
    after=("examples",),
)
def fingerprint(subject: DatasetSubject) -> None:
    """The fingerprint is the same at each opening, and another one where the data are."""
    one, other = subject.build(0), subject.build(1)
    if one.fingerprint != other.fingerprint:
        raise Broken("two openings of the same data have different fingerprints")
    if subject.example.changed is None:
        raise Broken("the example does not say what `changed` data are")
    values = subject.example.changed(subject.folder) if callable(subject.example.changed) else subject.example.changed
    if subject.read(values).build().fingerprint == one.fingerprint:
        raise Broken("other data (the example's `changed`) have the same fingerprint")


FINGERPRINT = """
import sys
import tomllib
from dovetail.registries import registry
values = tomllib.loads(sys.argv[1])["spec"]
print(registry().spec("dataset", values.pop("use"), **values).build().fingerprint)
"""


@check(
    "dataset",
    reason="Python's `hash` of a text is another one in each process, and every run would be another run",
    source=documentation("Concepts", "What a run is known by"),
    after=("toml", "fingerprint"),
    applies=lambda subject: subject.number == 0,  # a process for each component is enough
)
def fingerprint_elsewhere(subject: DatasetSubject) -> None:
    """The fingerprint is the same in another process."""
    elsewhere = in_clean_process(FINGERPRINT, f"spec = {as_table(subject)}").strip()
    if elsewhere != str(subject.build().fingerprint):
        raise Broken("the fingerprint is another one in another process: has it Python's `hash`, or a time, in it?")


@check(
    "dataset",
    reason="a test of what was trained on tests nothing",
    source=KIT,
    after=("indexing",),
)
def splits_apart(subject: DatasetSubject) -> None:
    """No split shows the examples of another."""
    seen = {name: _some_examples(subject.dataset.split(name), name) for name in SPLITS}
    for one, other in (("valid", "train"), ("test", "train"), ("test", "valid")):
        both = len(seen[one] & seen[other])
        if both > SHARED * len(seen[one]):
            raise Broken(f"{both} of {len(seen[one])} examples of {one} are in {other} too")


MOST = 300
"""Examples of a split that are looked at: the first half of them and the last."""
SHARED = 0.1
"""The share of a split's examples that may also be in another: real data have some twice."""


def _some_examples(split: Split, name: str) -> set[bytes]:
    """Each example's values, hashed."""
    if not len(split):
        raise Broken(f"the split {name} is empty")
    places = sorted({*range(min(len(split), MOST // 2)), *range(max(len(split) - MOST // 2, 0), len(split))})
    return {_hash(tensors(split.take([place]))) for place in places}


def _hash(values: list[Tensor]) -> bytes:
    found = hashlib.sha256()
    for tensor in values:
        found.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        found.update(tensor.contiguous().numpy().tobytes())
    return found.digest()


@check(
    "dataset",
    reason="a run is repeated, and resumed, by the numbers of its examples",
    source=KIT,
    after=("examples",),
)
def indexing(subject: DatasetSubject) -> None:
    """An example is the same whenever, and with whomever, it is taken; its augmentation is its own generator's."""
    split = subject.dataset.split("train")
    count = min(len(split), 5)
    order = list(reversed(range(count)))
    together = split.take(order)
    for index in range(count):
        alone = split.take([index])
        if difference(trimmed(alone), trimmed(picked(together, [order.index(index)]))) > 1:
            raise Broken(f"example {index} is another one alone than in a batch")
    augment = lambda index: stream(0, "augment", index)  # noqa: E731
    if not identical(split.take(order, augment), split.take(order, augment)):
        raise Broken("augmentation with the same generators differs: it draws from another")


@check(
    "dataset",
    reason="parts are built for the spaces that the data declare",
    source=documentation("Concepts", "Spaces and what fits"),
    after=("examples",),
)
def fields_lie_in_their_spaces(subject: DatasetSubject) -> None:
    """Batches of every split lie in the dataset's fields, and their tensors are batch-first."""
    for name in SPLITS:
        split = subject.dataset.split(name)
        batch = split.take(range(min(len(split), 4)))
        try:
            subject.dataset.fields.check(batch)
        except ValueError as error:
            raise Broken(f"split {name}: {error}") from error


# ------------------------------------------------------------------------------------------------------------ objective


@check(
    "objective",
    reason="an objective that does not get smaller when it is minimised has a wrong sign, or trains nothing",
    source=KIT,
    after=("gradients", "phases"),
)
def learns(subject: ObjectiveSubject) -> None:
    """For each phase, steps against its gradient lower its loss on one batch."""
    for number in range(len(subject.build().phases)):
        module, (batch,) = subject.build().train(), subject.inputs(8)
        phase, by = module.phases[number], partial(torch.optim.SGD, lr=RATE)
        losses = _descend(subject, module, batch, phase, steps=12, by=by)
        if not losses[-1] < losses[0]:
            raise Broken(f"phase {phase.name}: the loss on one batch is {losses[0]:g} at first, {losses[-1]:g} later")


def _descend(
    subject: ObjectiveSubject,
    module: Objective,
    batch: Any,
    phase: Phase,
    *,
    steps: int,
    by: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
) -> list[float]:
    """The losses before each step of an optimizer on one batch."""
    losses, parameters = [], _trained_in(module, phase.parts)
    optimizer = by(parameters)
    for _ in range(steps):
        subject.start(module)
        with subject.on_stream():
            loss = module(batch, phase.name)
        losses.append(float(loss.detach()))
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else gradient / max(float(gradient.norm()), 1.0)
        optimizer.step()
    return losses


def _is_measured(subject: ObjectiveSubject) -> bool:
    module = subject.build()
    outcome = module.outcome
    labels = all(isinstance(outcome.get(name), Label | Labels) for name in ("predictions", "references"))
    return bool(module.phases) and ("nll" in outcome or labels)


@check(
    "objective",
    reason="a loss of the wrong sign falls, too, while what it was meant to teach is unlearnt",
    source=KIT,
    after=("learns", "evaluating"),
    applies=_is_measured,
    wants="something to train, and an outcome of predicted and true labels, or of likelihoods (`nll`)",
)
def outcome_gets_better(subject: ObjectiveSubject) -> None:
    """Training on one batch makes its own outcome better: more labels are right, or likelier."""
    module, (batch,) = subject.build(), subject.inputs(8)
    before, what = _goodness(subject, module, batch)
    for phase in module.train().phases:
        _descend(subject, module, batch, phase, steps=100, by=partial(torch.optim.Adam, lr=2 * RATE))
    after, _ = _goodness(subject, module, batch)
    if after < before or (what == "labels" and after == before <= 0.5):
        measure = "share right" if what == "labels" else "mean logarithm"
        raise Broken(
            f"the {what} that it is trained on get worse: {measure} {before:.3g} before and {after:.3g} after; "
            "has the loss a wrong sign?"
        )


def _goodness(subject: ObjectiveSubject, module: Objective, batch: Any) -> tuple[float, str]:
    """The share of labels that are right, or the mean log-likelihood; and which of the two."""
    subject.start(module)
    with subject.on_stream():
        (outcome,) = module.evaluate([batch])
    if "nll" in outcome:
        return -float(_real(outcome["nll"]).mean()), "likelihoods"
    return float((_real(outcome["predictions"]) == _real(outcome["references"])).double().mean()), "labels"


def _real(value: Any) -> Tensor:
    return value.data[value.mask] if isinstance(value, Padded) else value


def _trained_in(module: Objective, parts: tuple[str, ...]) -> list[nn.Parameter]:
    """The parameters of a phase's parts; what lies in no phase's part is the objective's own."""
    known = {part for phase in module.phases for part in phase.parts}
    owner = {
        name: first if (first := name.partition(".")[0]) in known else "objective"
        for name, _ in module.named_parameters()
    }
    return [p for name, p in module.named_parameters() if p.requires_grad and owner[name] in parts]


@check(
    "objective",
    reason="an evaluation in the middle of training must not disturb it",
    source=KINDS,
    after=("examples",),
)
def evaluating(subject: ObjectiveSubject) -> None:
    """`evaluate` yields what `outcome` says, without gradients, and leaves mode and `carried` as they were."""
    module, (batch,) = subject.build(), subject.inputs()
    module.train()
    module.begin_epoch(0)
    if module.phases:
        with subject.on_stream():
            module(batch, module.phases[0].name)
    modes = {name: part.training for name, part in module.named_modules()}
    carried = {name: tensor.clone() for name, tensor in module.carried.items()}
    with subject.on_stream():
        outcomes = list(module.evaluate([batch, batch]))
    if {name: part.training for name, part in module.named_modules()} != modes:
        raise Broken("`evaluate` leaves another mode than it found")
    if not identical(carried, dict(module.carried)):
        raise Broken("`evaluate` changes `carried`")
    for outcome in outcomes:
        if any(tensor.requires_grad for tensor in tensors(dict(outcome))):
            raise Broken("an outcome has gradients: decorate `evaluate` with @torch.no_grad()")
        try:
            module.outcome.check(dict(outcome))
        except ValueError as error:
            raise Broken(f"the outcome: {error}") from error


@check(
    "objective",
    reason="the training loop builds an optimizer for the parts of each phase",
    source=KINDS,
    after=("examples",),
)
def phases(subject: ObjectiveSubject) -> None:
    """Its phases have different names, train parts that it has, and their losses are numbers; there may be none."""
    module, (batch,) = subject.build().train(), subject.inputs()
    names = [phase.name for phase in module.phases]
    if len(set(names)) != len(names):
        raise Broken(f"its phases are {names}: they must have different names")
    known = {*subject.spec.parts, "objective"}
    for phase in module.phases:
        if unknown := set(phase.parts) - known:
            raise Broken(f"phase {phase.name} trains {sorted(unknown)}, but its parts are {sorted(known)}")
        module.begin_epoch(0)
        with subject.on_stream():
            loss = module(batch, phase.name)
        if loss.shape != () or not loss.isfinite():
            raise Broken(f"phase {phase.name}: the loss must be a finite number, but is {loss}")


# -------------------------------------------------------------------------------------------------- optimizer, schedule


@check(
    "optimizer",
    reason="an optimizer minimises",
    source=KINDS,
    after=("examples",),
)
def minimises(subject: OptimizerSubject) -> None:
    """Steps on a quadratic lower it, and its state goes through `state_dict` and back."""
    parameter = subject.parameter()
    optimizer = subject.spec.build(parameters=[parameter])
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = parameter.square().sum()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    if not losses[-1] < losses[0]:
        raise Broken(f"a quadratic goes from {losses[0]:g} to {losses[-1]:g}")
    copy = nn.Parameter(parameter.detach().clone())
    other = subject.spec.build(parameters=[copy])
    other.load_state_dict(deepcopy(optimizer.state_dict()))  # which shares its tensors
    for one, its in ((parameter, optimizer), (copy, other)):
        its.zero_grad()
        torch.autograd.backward(one.square().sum())
        its.step()
    if not torch.equal(parameter, copy):
        raise Broken("what is resumed from `state_dict` makes another step")


@check(
    "schedule",
    reason="a resumed run asks again for the value at a step",
    source=KINDS,
    after=("examples",),
)
def pure(subject: ScheduleSubject) -> None:
    """Its value is a finite number, which depends on the progress alone."""
    places = [
        Progress(step, step // 10, tuple(1.0 / (n + 1) for n in range(step // 10))) for step in (0, 1, 10, 100, 10_000)
    ]
    try:
        values = [subject.spec.at(place) for place in places]
    except (ArithmeticError, ValueError) as error:
        raise Broken(f"has no value at a step among {[place.step for place in places]}: {error}") from error
    if any(not math.isfinite(value) for value in values):
        raise Broken(f"is {values} at the steps {[place.step for place in places]}")
    if [subject.spec.at(place) for place in reversed(places)] != values[::-1]:
        raise Broken("gives other values when it is asked again: it may depend on nothing but `progress`")
