"""What every part that is a module must do: encoders, attentions, cells, generators, discriminators, objectives.

Axes: the first axis of every tensor is the batch.
"""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
)

from dovetail.testing.kit import Broken, Subject, check, documentation
from dovetail.testing.values import difference, identical, mapped, picked, tensors, total, trimmed

KIT = documentation("Writing a plugin", "Pass the conformance kit")
MODULES = ("encoder", "attention", "cell", "generator", "discriminator", "objective")
ONE_BY_ONE = ("encoder", "attention", "cell", "generator", "discriminator")
"""The kinds whose examples do not depend on one another."""


def evaluated(subject: Subject, module: nn.Module, *inputs: Any, seed: int = 0) -> dict[str, Any]:
    """What the module makes of inputs in evaluation mode, without gradients."""
    module.eval()
    with torch.no_grad(), subject.on_stream(seed):
        return subject.use(module, *inputs)


def trained(subject: Subject, module: nn.Module, *inputs: Any, seed: int = 0) -> dict[str, Any]:
    """What the module makes of inputs in training mode."""
    module.train()
    with subject.on_stream(seed):
        return subject.use(module, *inputs)


@check(
    *MODULES,
    reason="a system is checked on the meta device, where nothing is allocated, before it is trained",
    source=documentation("Concepts", "Spaces and what fits"),
    after=("examples",),
)
def meta(subject: Subject) -> None:
    """It can be built on the meta device, with the same tensors as for real."""
    real = subject.build()
    with torch.device("meta"):
        made = subject.make()
    if (there := _shapes(made)) != (here := _shapes(real)):
        names = sorted({*there.items()} ^ {*here.items()})
        raise Broken(f"its tensors differ between the meta device and the CPU: {names[:4]}")
    off = [name for name, tensor in made.state_dict().items() if tensor.device.type != "meta"]
    if off:
        raise Broken(
            f"not made on the default device: {', '.join(off)}; give no `device`, and compute nothing from values"
        )


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


@check(
    *MODULES,
    reason="what stands before it is built for the space that it declares",
    source=documentation("Concepts", "Spaces and what fits"),
    after=("examples",),
)
def spaces(subject: Subject) -> None:
    """What it puts out lies in the spaces that it declares."""
    module = subject.build()
    made = evaluated(subject, module, *subject.inputs())
    for name, space in subject.declared(module).items():
        try:
            space.check(made[name])
        except ValueError as error:
            raise Broken(f"{name}: {error}") from error


@check(
    *MODULES,
    reason="dropout that stays on in evaluation makes every measurement a random one",
    source=KIT,
    after=("examples",),
)
def evaluation(subject: Subject) -> None:
    """In evaluation it draws nothing; in training it differs from evaluation only where an example says `random`."""
    if subject.draws or subject.component.kind == "objective":
        return
    module, inputs = subject.build(), subject.inputs()
    one, other = (evaluated(subject, module, *inputs, seed=seed) for seed in (0, 1))
    if difference(one, other) > 1:
        raise Broken("evaluation depends on random numbers")
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    in_training = trained(subject, module, *inputs)
    changed = not identical(state, dict(module.state_dict()))  # batch normalisation
    differs = difference(_shown(in_training), _shown(one)) > 1
    if differs and not (subject.example.random or changed):
        raise Broken("training differs from evaluation: set the example's `random`, if it is meant to draw in training")
    if subject.example.random and not differs:
        raise Broken("the example says `random`, but training and evaluation are the same")


def _shown(made: dict[str, Any]) -> dict[str, Any]:
    """What is put out, without a state, in which masks may travel in training."""
    return {name: value for name, value in made.items() if name != "state"}


@check(
    *MODULES,
    reason="a run that is repeated, or resumed, gives the same numbers",
    source=documentation("Concepts", "Randomness"),
    after=("no-global-state",),
)
def same_result(subject: Subject) -> None:
    """In training, two of them with one seed give the same to the last bit, whatever they draw."""
    inputs = subject.inputs()
    one, other = (trained(subject, subject.build(), *inputs) for _ in range(2))
    if not identical(one, other):
        raise Broken("training with one seed gives two results: draw from torch's global generator alone")


@check(
    *MODULES,
    reason="runs are resumed, and parts are taken from earlier runs, by safetensors files",
    source=documentation("Architecture", "Running"),
    after=("evaluation",),
)
def state(subject: Subject) -> None:
    """Its tensors, through safetensors into another build, give the same outputs to the last bit."""
    module, other, inputs = subject.build(0), subject.build(1), subject.inputs()
    _make_a_step(subject, module, inputs)
    tensors_of = {name: tensor.detach().clone().contiguous() for name, tensor in module.state_dict().items()}
    other.load_state_dict(load(save(tensors_of)))
    if not identical(evaluated(subject, module, *inputs), evaluated(subject, other, *inputs)):
        raise Broken("what is loaded gives other outputs: something that results depend on is no parameter or buffer")


def _make_a_step(subject: Subject, module: nn.Module, inputs: Any) -> None:
    """Change what training changes: parameters, and statistics of batches."""
    loss = total(trained(subject, module, *inputs))
    if loss.requires_grad:  # else nothing is trained, but statistics may have changed
        torch.autograd.backward(loss)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=0.01)


@check(
    *MODULES,
    reason="a parameter without a gradient is never trained, and counts in every comparison of sizes",
    source=KIT,
    after=("examples",),
)
def gradients(subject: Subject) -> None:
    """Every parameter gets a finite gradient, but those that an example says are `frozen`."""
    module = subject.build()
    made = trained(subject, module, *subject.inputs())
    loss = total(made)
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if parameters and not loss.requires_grad:
        raise Broken("no output depends on its parameters")
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True) if parameters else ()
    for (name, _), gradient in zip(parameters.items(), found, strict=True):
        if name.startswith(subject.example.frozen) if subject.example.frozen else False:
            continue
        if gradient is None:
            raise Broken(f"{name} gets no gradient: remove it, use it, or set `requires_grad_(False)`")
        if not gradient.isfinite().all():
            raise Broken(f"{name} gets a gradient that is not finite")


@check(
    *MODULES,
    reason="half precision, float64 tests and GPUs need every tensor to follow the module",
    source=KIT,
    after=("evaluation", "state", "initial-state"),
)
def double(subject: Subject) -> None:
    """In float64 it gives the same, in float64."""
    module, inputs = subject.build(), subject.inputs()
    single, other = (evaluated(subject, module, *inputs, seed=seed) for seed in (0, 1))
    module.double()
    made = evaluated(subject, module, *mapped(inputs, lambda t: t.double() if t.is_floating_point() else t))
    wrong = [tensor.dtype for tensor in tensors(made) if tensor.is_floating_point() and tensor.dtype != torch.float64]
    if wrong:
        raise Broken(f"puts out {wrong[0]} for a float64 module: a tensor is made without the type of its inputs")
    drawn = difference(single, other) > 1  # in float64 the random numbers are others
    if not drawn and difference(mapped(made, lambda t: t.float() if t.is_floating_point() else t), single) > 100:
        raise Broken("gives something else in float64")


@check(
    "attention",
    "cell",
    "generator",
    reason="beams and rollouts reorder the state of a batch by its first axis",
    source=documentation("Architecture", "Components"),
    after=("evaluation",),
)
def batch_first(subject: Subject) -> None:
    """Every tensor that it puts out, its state among them, has the batch first."""
    if subject.draws:
        return
    made = evaluated(subject, subject.build(), *subject.inputs(5))
    for name, value in made.items():
        if odd := [tuple(tensor.shape) for tensor in tensors(value) if tensor.shape[:1] != (5,)]:
            raise Broken(f"`{name}` of 5 examples has a tensor of the shape {odd[0]}: its first axis is not the batch")


@check(
    *ONE_BY_ONE,
    reason="a batch is a convenience: nothing of one example may leak into another",
    source=documentation("Architecture", "Components"),
    after=("evaluation", "batch-first"),
)
def examples_apart(subject: Subject) -> None:
    """An example's results do not depend on its companions in the batch, nor on their order (in evaluation)."""
    if subject.draws:
        return
    module, inputs = subject.build(), subject.inputs()
    together = evaluated(subject, module, *inputs)
    for order in ([2], [3, 0, 2, 1], [1, 2]):
        some = evaluated(subject, module, *(picked(value, order) for value in inputs))
        for name, value in some.items():
            if difference(trimmed(value), trimmed(picked(together[name], order))) > 1:
                how = "alone" if len(order) == 1 else f"in the order {order}"
                raise Broken(f"`{name}` of examples {how} is not that of all together: the batch shares something")


@check(
    *MODULES,
    reason="on a GPU, a tensor that was made on the CPU ends the run",
    source=KIT,
    after=("state", "double", "initial-state"),
)
def device(subject: Subject) -> None:
    """Moved to a GPU, it runs there, and what it puts out is there: asked with fake tensors, which need no GPU."""
    real = subject.inputs()
    with torch.backends.cudnn.flags(enabled=False), FakeTensorMode() as fakes:  # cuDNN would look for a driver
        module = subject.make()
        _move(module, "cuda")
        inputs = mapped(real, lambda tensor: fakes.from_tensor(tensor).to("cuda"))
        module.eval()
        try:
            with torch.no_grad():
                made = subject.use(module, *inputs)
        except DataDependentOutputException:  # it looks at a value, which a fake tensor does not have
            return
        except FakeTensorDeviceMismatchError as error:
            raise Broken(f"on a GPU: {error}") from error
        except RuntimeError as error:
            if NO_BACKWARD in str(error):
                return
            raise Broken(f"on a GPU: {error}") from error
        wrong = [tensor.device for tensor in tensors(made) if tensor.device.type != "cuda"]
    if wrong:
        raise Broken(f"puts out a tensor on the {wrong[0]} for a module on a GPU: it is made without a `device`")


NO_BACKWARD = "hasPrimaryContext"
"""What PyTorch says of a backward pass of fake tensors, such as a gradient penalty's, where there is no GPU."""


def _move(module: nn.Module, device: str) -> None:
    """What `module.to(device)` does, for fake tensors: plain attributes stay where they are."""
    moved: dict[int, Any] = {}
    for name, tensor in [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]:
        owner, _, short = name.rpartition(".")
        if id(tensor) not in moved:
            there = tensor.detach().to(device)
            moved[id(tensor)] = nn.Parameter(there) if isinstance(tensor, nn.Parameter) else there
        setattr(module.get_submodule(owner), short, moved[id(tensor)])
