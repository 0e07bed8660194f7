"""What every scheme of dropout must do, as checks of the conformance kit: of this plugin's schemes and of any other's.

Paper: semeniuta2019, section 3.3.

Axes: batch first in what a check sees; masks are time-first where a scheme makes them.
"""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve, fields
from torch import Tensor

from dovetail import Spec, State
from dovetail.testing import Broken, Subject, check, subject_of
from dovetail_recurrent_dropout.dropout import Dropout, Masks, Site

SITES = (Site(input=5, gates=4, memories=2), Site(input=2, gates=3, memories=1))
"""An LSTM's and a GRU's."""
HIDDEN, STEPS = 3, 4
MANY = 4000
"""Examples of a batch whose mean is taken."""
DEVIATIONS = 5
"""Standard errors by which a mean may differ from what is expected: once in two million masks by chance."""
KIND = "docs/papers/recurrent-dropout.md"


@subject_of("dropout")
class DropoutSubject(Subject):
    """A scheme at the sites of `SITES`: its masks, and what it carries."""

    trains = True

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        return (torch.zeros(batch, HIDDEN),)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        (memory,) = inputs
        return {f"masks at {site}": self.masks(module, site, memory)[0] for site in SITES}

    def masks(self, module: Dropout, site: Site, memory: Tensor, steps: int = STEPS) -> tuple[Masks, State]:
        """The masks of some steps at the beginning of a sequence, and what is carried."""
        carried = module.carried(site, memory)
        return module(site, memory, steps, carried), carried

    def drawn(self, site: Site, batch: int = 4, seed: int = 0, *, training: bool = True) -> tuple[Masks, State]:
        """The same of a module built anew."""
        module = self.build().train(training)
        with self.on_stream(seed):
            return self.masks(module, site, *self.inputs(batch))


def shapes_of(site: Site, batch: int) -> dict[str, set[tuple[int, ...]]]:
    """The shapes that the masks of `STEPS` steps may have."""
    each = (STEPS, batch)
    return {
        "hidden": {(*each, 1, HIDDEN), (*each, site.gates, HIDDEN)},
        "candidate": {(*each, HIDDEN)},
        "memory": {(*each, HIDDEN)},
        "stay": {(*each, site.memories, HIDDEN)},
        "input": {(*each, site.input)},
        "output": {(*each, HIDDEN)},
    }


def present(masks: Masks) -> dict[str, Tensor]:
    """The masks that there are, by where they act."""
    return {name: mask for name, mask in masks._asdict().items() if mask is not None}


@check(
    "dropout",
    reason="a cell multiplies by masks whose shapes it knows from the kind alone",
    source=KIND,
    after=("examples",),
)
def mask_shapes(subject: DropoutSubject) -> None:
    """Masks have the declared shapes, in the memory's type; as many tensors are carried as `carries` says."""
    for site in SITES:
        for training in (True, False):
            module = subject.build().train(training)
            memory = torch.zeros(4, HIDDEN, dtype=torch.float64)
            with subject.on_stream():
                masks, carried = subject.masks(module, site, memory)
            for name, mask in present(masks).items():
                possible = shapes_of(site, 4)[name]
                if tuple(mask.shape) not in possible:
                    raise Broken(f"at {site} `{name}` is {tuple(mask.shape)}, but must be {sorted(possible)}")
                if mask.dtype != memory.dtype:
                    raise Broken(f"`{name}` is {mask.dtype} for a memory of {memory.dtype}")
            if training and len(carried) != module.carries(site):
                raise Broken(f"carries {len(carried)} tensors, but `carries` says {module.carries(site)}")
            if any(part.shape[0] != 4 for part in carried):
                raise Broken(f"carries {[tuple(part.shape) for part in carried]}, of which the first axis is no batch")


@check(
    "dropout",
    reason="dropout that stays on in evaluation makes every measurement a random one",
    source="semeniuta2019, Eq. 3.3.2",
    after=("mask-shapes",),
)
def drawn_in_evaluation(subject: DropoutSubject) -> None:
    """In evaluation nothing is drawn, nothing is carried, and masks are the same for every example and step."""
    for site in SITES:
        with subject.on_stream():
            before = torch.default_generator.get_state()
            masks, carried = subject.masks(subject.build().eval(), site, *subject.inputs())
            if not torch.equal(torch.default_generator.get_state(), before):
                raise Broken("draws random numbers in evaluation")
        if carried:
            raise Broken("carries masks in evaluation")
        for name, mask in present(masks).items():
            if not torch.equal(mask, mask[:1, :1].expand_as(mask)):
                raise Broken(f"`{name}` differs between examples or steps in evaluation")


@check(
    "dropout",
    reason="what stands for the masks in evaluation is their mean, or the network is another one than was trained",
    source="semeniuta2019, Eq. 3.3.2 and 3.3.15",
    after=("drawn-in-evaluation",),
)
def expected_masks(subject: DropoutSubject) -> None:
    """What is used in evaluation is the mean of the masks in training: without a mask one, or no stay."""
    for site in SITES:
        training = present(subject.drawn(site, MANY)[0])
        evaluation = present(subject.drawn(site, 1, training=False)[0])
        for name in training.keys() | evaluation.keys():
            neutral = torch.full((1, 1), float(name != "stay"))
            masks = training.get(name, neutral)
            mean, error = (
                masks.mean((0, 1)),
                masks.std((0, 1), correction=0) / MANY**0.5,
            )  # one mask a sequence, at worst
            expected = evaluation.get(name, neutral)[0, 0]
            if ((mean - expected).abs() > DEVIATIONS * error + 1e-6).any():
                raise Broken(
                    f"at {site} `{name}` is {expected.mean():.3f} in evaluation, but {mean.mean():.3f} on average"
                )


@check(
    "dropout",
    reason="an ablation compares a rate of zero with none",
    source="semeniuta2019, section 3.3",
    after=("mask-shapes",),
    applies=lambda subject: without_rates(subject.spec) != subject.spec,
    wants="a rate above zero: a hyperparameter that is a number",
)
def no_rate(subject: DropoutSubject) -> None:
    """With every rate at zero nothing changes: factors are one, nothing stays, and nothing is drawn."""
    module = without_rates(subject.spec).build()
    for site in SITES:
        for training in (True, False):
            with subject.on_stream():
                masks, _ = subject.masks(module.train(training), site, *subject.inputs())
            for name, mask in present(masks).items():
                if not (mask == (name != "stay")).all():
                    raise Broken(f"`{name}` is not {float(name != 'stay'):g} everywhere at a rate of zero")


def without_rates(spec: Spec) -> Any:
    """The spec with zero for every number between zero and one, in its parts as well."""
    changed: dict[str, Any] = {}
    for attribute in fields(type(spec)):
        value = getattr(spec, attribute.name)
        if isinstance(value, float):
            changed[attribute.name] = 0.0
        elif isinstance(value, tuple) and all(isinstance(part, Spec) for part in value):
            changed[attribute.name] = tuple(without_rates(part) for part in value)
    return evolve(spec, **changed)


def carrying(module: Dropout, site: Site) -> list[Dropout]:
    """The schemes that carry something, those that only put others together left out."""
    schemes = [part for part in module.modules() if isinstance(part, Dropout)]
    together = [scheme for scheme in schemes if sum(isinstance(part, Dropout) for part in scheme.modules()) > 1]
    return [scheme for scheme in schemes if scheme not in together and scheme.carries(site)]


@check(
    "dropout",
    reason="a mask for a sequence is drawn once, or its windows and its steps see different ones",
    source="gal2016",
    after=("mask-shapes",),
    applies=lambda subject: any(carrying(subject.build().train(), site) for site in SITES),
    wants="something carried through a sequence",
)
def carried_masks(subject: DropoutSubject) -> None:
    """What is carried makes the masks of every step, and a scheme that carries draws nothing else."""
    for site in SITES:
        for scheme in carrying(subject.build().train(), site):
            with subject.on_stream():
                memory = torch.zeros(4, HIDDEN)
                carried = scheme.carried(site, memory)
                before = torch.default_generator.get_state()
                one, other = scheme(site, memory, STEPS, carried), scheme(site, memory + 1, STEPS, carried)
                if not torch.equal(torch.default_generator.get_state(), before):
                    raise Broken(f"{type(scheme).__name__} carries masks, but draws others at each window")
            for name, mask in present(one).items():
                if not torch.equal(mask, mask[:1].expand_as(mask)):
                    raise Broken(f"`{name}` of {type(scheme).__name__} is carried, but differs between the steps")
                if not torch.equal(mask, present(other)[name]):
                    raise Broken(f"`{name}` of {type(scheme).__name__} is carried, but differs between two windows")


@check(
    "dropout",
    reason="a cell may run a window at once or step by step: both must drop the same",
    source=KIND,
    after=("mask-shapes",),
)
def windows_of_masks(subject: DropoutSubject) -> None:
    """The masks of some steps at once are those of as many single steps, from the same random numbers."""
    for site in SITES:
        masks, _ = subject.drawn(site)
        module, (memory,) = subject.build().train(), subject.inputs()
        with subject.on_stream():
            carried = module.carried(site, memory)
            steps = [present(module(site, memory, 1, carried)) for _ in range(STEPS)]
        for name, mask in present(masks).items():
            if not torch.equal(mask, torch.cat([step[name] for step in steps])):
                raise Broken(f"`{name}` of {STEPS} steps at once is another than step by step")


@check(
    "dropout",
    reason="a mask that a batch shares drops the same units everywhere: it is noise of the batch, not of an example",
    source="semeniuta2019, Eq. 3.3.1",
    after=("mask-shapes",),
)
def masks_of_each_example(subject: DropoutSubject) -> None:
    """Each example has masks of its own."""
    for site in SITES:
        for name, mask in present(subject.drawn(site, 64)[0]).items():
            if mask.std() > 0 and torch.equal(mask, mask[:, :1].expand_as(mask)):
                raise Broken(f"`{name}` is the same for every example of a batch")
