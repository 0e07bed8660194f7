"""How the components of each kind are used: what they are built with, what they read, and what comes out.

Axes: batch time feature; everything is batch-first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

import torch
from attrs import fields, frozen
from torch import Generator, Tensor, nn

from dovetail.interfaces import Leak, Spec, Stepwise
from dovetail.randomness import stream
from dovetail.spaces import (
    Fields,
    Frames,
    Gaussian,
    Image,
    Label,
    Labels,
    Padded,
    Regions,
    Sequence,
    Space,
    Tokens,
    Varying,
    Vector,
    Vocabulary,
)
from dovetail.testing.kit import Subject, subject_of
from dovetail.testing.values import aligned

TIME = 6
"""Steps of a sequence."""
VOCABULARY = Vocabulary.of("abcdefg", joiner="")
CHOICE: Mapping[type[Space], Space] = {
    Vector: Vector(5),
    Gaussian: Gaussian(5),
    Label: Label(3),
    Labels: Labels(TIME, 3),
    Tokens: Tokens(VOCABULARY, TIME),
    Sequence: Sequence(TIME, 5),
    Image: Image(1, 8, 8),
    Frames: Frames(TIME, Image(1, 8, 8)),
    Regions: Regions(4, 5, (2, 2)),
}
"""The space that the kit builds with where a spec takes one of this type."""


def chosen(spec: type[Spec] | Spec, argument: str, otherwise: Space) -> Space:
    """A space that a spec takes as `argument`."""
    kinds = spec.takes.get(argument)
    return otherwise if kinds is None else next((CHOICE[kind] for kind in kinds if kind in CHOICE), otherwise)


@frozen
class Steps(Space):
    """(batch, time, …) of a step's space: what a cell puts out"""

    step: Space

    def fake(self, batch: int, generator: Generator | None = None) -> Tensor:
        return torch.stack([self.step.fake(batch, generator) for _ in range(TIME)], 1)

    def check(self, value: Any) -> None:
        self.step.check(value.flatten(0, 1))


class ModuleSubject(Subject):
    """A module with inputs and outputs."""

    trains = True


@subject_of("encoder")
class EncoderSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        return {"input": chosen(self.spec, "input", Vector(5))}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        return (self.spaces["input"].fake(batch, stream(seed, "inputs")),)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        return {"output": module(*inputs)}

    def declared(self, module: Any) -> dict[str, Space]:
        return {"output": module.output}


@subject_of("attention")
class AttentionSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        return {"memory": chosen(self.spec, "memory", Regions(4, 5, (2, 2))), "query": Vector(3)}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        random = stream(seed, "inputs")
        return self.spaces["memory"].fake(batch, random), self.spaces["query"].fake(batch, random)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        memory, query = inputs
        read, weights, state = module(memory, query, module.initial_state(memory))
        return {"read": read, "weights": weights, "state": state}

    def declared(self, module: Any) -> dict[str, Space]:
        return {"read": module.output}


@subject_of("cell")
class CellSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        return {"input": chosen(self.spec, "input", Vector(5))}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        xs = self.spaces["input"].fake(batch * TIME, stream(seed, "inputs"))
        return (xs.unflatten(0, (batch, TIME)),)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        ys, state = module(*inputs)
        return {"ys": ys, "state": state}

    def declared(self, module: Any) -> dict[str, Space]:
        return {"ys": Steps(module.output)}

    def unroll(self, module: Any, xs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The outputs and the last state of repeated steps. Shape: xs (batch, time, …)."""
        state, ys = module.initial_state(len(xs)), []
        for x in xs.unbind(1):
            y, state = module.step(x, state)
            ys.append(y)
        return torch.stack(ys, 1), state


@subject_of("generator")
class GeneratorSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        return {"produces": chosen(self.spec, "produces", Vector(5))}

    @cached_property
    def stepwise(self) -> bool:
        """Whether it is unrolled token by token."""
        return isinstance(self.build(), Stepwise) and isinstance(self.spaces["produces"], Tokens)

    @property
    def draws(self) -> bool:
        return not self.stepwise

    def given(self, batch: int, seed: int = 0) -> tuple[Any, ...]:
        """A condition, where it is built with one."""
        condition = self.spaces.get("given")
        return () if condition is None else (condition.fake(batch, stream(seed, "given")),)

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        texts = (self.spaces["produces"].fake(batch, stream(seed, "inputs")),) if self.stepwise else ()
        return (torch.arange(batch), *texts, *self.given(batch, seed))

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        number, *rest = inputs
        if self.stepwise:
            logits, state = module(*rest)
            return {"logits": logits, "state": state}
        return {"sample": module.sample(len(number), *rest)}

    def declared(self, module: Any) -> dict[str, Space]:
        return {} if self.stepwise else {"sample": module.produces}


@subject_of("decoding")
class DecodingSubject(Subject):
    """A strategy for any generator of tokens, of which the kit has its own."""


@subject_of("discriminator")
class DiscriminatorSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        return {"input": chosen(self.spec, "input", Vector(5))}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        random = stream(seed, "inputs")
        given = self.spaces.get("given")
        condition = () if given is None else (given.fake(batch, random),)
        return (self.spaces["input"].fake(batch, random), *condition)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        return {"scores": module(*inputs), "features": module.features(*inputs)}

    def declared(self, module: Any) -> dict[str, Space]:
        return {"scores": module.output, "features": module.leaks}

    @cached_property
    def leaks(self) -> bool:
        """Whether a generator can read its features while it samples."""
        return isinstance(self.build(), Leak)


@subject_of("metric")
class MetricSubject(Subject):
    def choice(self) -> dict[str, Any]:
        names = self.spec.needs
        spaces: dict[str, Space] = {name: chosen(self.spec, name, Label(3)) for name in names}
        return {"outcome": Fields(spaces)}

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        return (aligned(self.spaces["outcome"].fake(batch, stream(seed, "inputs"))),)

    def computed(self, *outcomes: Mapping[str, Any]) -> dict[str, float]:
        """The value over outcomes, a number under the name `value`."""
        metric = self.build()
        for outcome in outcomes:
            metric.update(outcome)
        value = metric.compute()
        return dict(value) if isinstance(value, Mapping) else {"value": float(value)}


@subject_of("dataset")
class DatasetSubject(Subject):
    @cached_property
    def dataset(self) -> Any:
        return self.build()


@subject_of("objective")
class ObjectiveSubject(ModuleSubject):
    def choice(self) -> dict[str, Any]:
        parts = {name: None if p is None else self.part(_kind(base), p) for name, base, p in self._parts()}
        return {"data": Fields({"input": Vector(5), "label": Label(3)}), **parts}

    def _parts(self) -> list[tuple[str, Any, Any]]:
        return [(name, base, self.example.parts.get(name)) for name, base in self.spec.parts.items()]

    def inputs(self, batch: int = 4, seed: int = 0) -> tuple[Any, ...]:
        return (aligned(self.spaces["data"].fake(batch, stream(seed, "inputs"))),)

    @property
    def draws(self) -> bool:
        return True  # a generator's noise, whatever the mode

    def start(self, module: Any) -> None:
        """Begin an epoch that remembers nothing of what was read before."""
        module.carried = {}
        module.begin_epoch(0)

    def use(self, module: Any, *inputs: Any) -> dict[str, Any]:
        self.start(module)
        return {f"loss of {phase.name}": module(inputs[0], phase.name)[None] for phase in module.phases}


@subject_of("optimizer")
class OptimizerSubject(Subject):
    def parameter(self) -> nn.Parameter:
        return nn.Parameter(torch.linspace(-1.0, 2.0, 7))

    def make(self) -> Any:
        return self.spec.build(parameters=[self.parameter()])


@subject_of("schedule")
class ScheduleSubject(Subject):
    """A pure function of the progress of training."""


def _kind(base: Any) -> str:
    """The kind of a part, of which the base may be optional."""
    kinds = [kind for kind in (base, *get_args(base)) if isinstance(kind, type) and issubclass(kind, Spec)]
    return str(kinds[0].kind)


def hyperparameters(spec: Spec) -> list[str]:
    return [attribute.name for attribute in fields(type(spec))]


def varies(space: Any) -> bool:
    """Whether batches of a space are `Padded`."""
    return isinstance(space, Varying)


def padded(value: Any) -> bool:
    return isinstance(value, Padded)
