"""What everything that reads a sequence must do.

Axes: batch time feature.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dovetail.spaces import Padded
from dovetail.testing.kit import Broken, check, documentation
from dovetail.testing.modules import evaluated
from dovetail.testing.subjects import TIME, CellSubject, EncoderSubject, GeneratorSubject, varies
from dovetail.testing.values import difference, mapped, picked

KINDS = documentation("Architecture", "Kinds")


def stepwise(subject: GeneratorSubject) -> bool:
    return subject.stepwise


@check(
    "cell",
    reason="a model that sees the future predicts it",
    source=KINDS,
    after=("evaluation",),
)
def causality(subject: CellSubject) -> None:
    """No output depends on later inputs."""
    module, (xs,) = subject.build(), subject.inputs()
    before = evaluated(subject, module, xs)["ys"]
    for now in range(1, TIME):
        changed = torch.cat([xs[:, :now], mapped(subject.inputs(seed=1)[0], lambda t: t)[:, now:]], dim=1)
        after = evaluated(subject, module, changed)["ys"]
        if difference(after[:, :now], before[:, :now]) > 1:
            raise Broken(f"outputs before step {now} change with the inputs from step {now} on")


@check(
    "cell",
    reason="generators step through what training read at once: if both differ, samples come from another model",
    source=KINDS,
    after=("causality", "examples-apart"),
)
def steps(subject: CellSubject) -> None:
    """`forward` equals repeated `step`, outputs and last state (in evaluation)."""
    module, (xs,) = subject.build(), subject.inputs()
    at_once = evaluated(subject, module, xs)
    with torch.no_grad(), subject.on_stream():
        ys, state = subject.unroll(module, xs)
    if difference(ys, at_once["ys"]) > 1:
        raise Broken("the outputs of `forward` are not those of repeated `step`")
    if difference(state, at_once["state"]) > 1:
        raise Broken("the last state of `forward` is not that of repeated `step`")


@check(
    "cell",
    reason="long texts are read in windows: the state must hold all that is remembered",
    source=KINDS,
    after=("steps",),
)
def windows(subject: CellSubject) -> None:
    """Two windows, the state carried from one to the next, give what one gives (in evaluation)."""
    module, (xs,) = subject.build(), subject.inputs()
    whole = evaluated(subject, module, xs)["ys"]
    with torch.no_grad():
        first, carried = module(xs[:, :2])
        second, _ = module(xs[:, 2:], carried)
    if difference(torch.cat([first, second], 1), whole) > 1:
        raise Broken("a sequence in two windows gives other outputs than in one: the state does not hold all")


@check(
    "cell",
    reason="beams and rollouts reorder the state of a batch by its first axis",
    source=KINDS,
    after=("examples-apart", "steps"),
)
def state_by_example(subject: CellSubject) -> None:
    """The state can be indexed by example, and holds all that is remembered of it."""
    module, (xs,) = subject.build(), subject.inputs()
    module.eval()
    order = [3, 1, 1]
    with torch.no_grad():
        _, state = module(xs[:, :2])
        after, _ = module.step(xs[:, 2], state)
        try:
            some, _ = module.step(picked(xs[:, 2], order), picked(state, order))
        except (IndexError, RuntimeError) as error:
            raise Broken(f"cannot go on from a state whose examples were picked: {error}") from error
    if difference(some, picked(after, order)) > 1:
        raise Broken("a state whose examples were picked goes on otherwise than they did")


@check(
    "cell",
    reason="what cannot be learnt from the last step reaches no earlier one",
    source="Bengio, Simard and Frasconi 1994, Learning long-term dependencies with gradient descent is difficult",
    after=("evaluation",),
)
def first_step_learns(subject: CellSubject) -> None:
    """The last output has a gradient with respect to the first input, in training; dropout may cut it now and then."""
    module, (xs,) = subject.build().train(), subject.inputs()
    xs = xs.clone().requires_grad_()
    for seed in range(5):
        with subject.on_stream(seed):
            ys, _ = module(xs)
        (gradient,) = torch.autograd.grad(ys[:, -1].double().square().sum(), xs, allow_unused=True)
        if gradient is not None and gradient[:, 0].abs().sum() > 0:
            return
    raise Broken("no gradient reaches the first step")


@check(
    "cell",
    reason="the state of a batch of any size is made where the parameters are, in their type",
    source=KINDS,
    after=("evaluation", "batch-first"),
)
def initial_state(subject: CellSubject) -> None:
    """`initial_state` has the batch first and the parameters' type; `forward` starts from it where it is given none."""
    module, (xs,) = subject.build().eval().double(), subject.inputs()
    state = module.initial_state(3)
    if any(part.shape[:1] != (3,) for part in state):
        raise Broken(f"`initial_state` of 3 examples has the shapes {[tuple(part.shape) for part in state]}")
    if wrong := [part.dtype for part in state if part.is_floating_point() and part.dtype != torch.float64]:
        raise Broken(f"`initial_state` of a float64 cell is {wrong[0]}: make it of a parameter, by `new_zeros`")
    xs = xs.double()
    with torch.no_grad():
        if difference(module(xs)[0], module(xs, module.initial_state(len(xs)))[0]) > 1:
            raise Broken("`forward` without a state does not start from `initial_state` (in evaluation)")


def reads_padding(subject: EncoderSubject) -> bool:
    return varies(subject.spaces.get("input"))


@check(
    "encoder",
    "discriminator",
    reason="padding is an accident of the batch: what stands behind the end must change nothing",
    source=KINDS,
    after=("evaluation",),
    applies=reads_padding,
    wants="an input of varying length",
)
def padding_does_not_matter(subject: EncoderSubject) -> None:
    """What stands behind an example's end, and how much of it, changes no result."""
    module, (value, *rest) = subject.build(), subject.inputs()
    results = [evaluated(subject, module, changed, *rest) for changed in (value, _garbled(value), _longer(value))]
    for made, what in zip(results[1:], ("other values behind the end", "more padding"), strict=True):
        if difference(_without_padding(made, value), _without_padding(results[0], value)) > 1:
            raise Broken(f"results change with {what}")


def _garbled(value: Padded) -> Padded:
    """Other values behind each example's end: those of its companions' first step."""
    behind = ~value.mask
    other = value.data[:, :1].flip(0).expand_as(value.data)
    return Padded(
        torch.where(behind.reshape(behind.shape + (1,) * (value.data.ndim - 2)), other, value.data), value.lengths
    )


def _longer(value: Padded) -> Padded:
    return Padded(torch.cat([value.data, value.data[:, -1:]], 1), value.lengths)


def _without_padding(made: dict[str, Any], value: Padded) -> Any:
    """The results of real steps: tensors with a step for each of the input's are cut to their real part."""
    length = int(value.lengths.max())

    def real(tensor: Tensor) -> Tensor:
        long = tensor.ndim > 1 and tensor.shape[1] >= value.data.shape[1] and tensor.shape[0] == len(value.lengths)
        if not long:
            return tensor
        mask = torch.arange(length) < value.lengths[:, None]
        cut = tensor[:, :length]
        return cut.masked_fill(~mask.reshape(mask.shape + (1,) * (cut.ndim - 2)), 0)

    return mapped(made, real)


@check(
    "generator",
    reason="the likelihood that is reported must be that of the model that samples",
    source="Goodfellow, Bengio and Courville 2016, Deep Learning, section 10.2.3",
    after=("token-causality", "examples-apart"),
    applies=stepwise,
    wants="a generator of tokens",
)
def likelihood(subject: GeneratorSubject) -> None:
    """Teacher-forced logits equal those of step-by-step decoding of the same text."""
    module, (_, texts, *given) = subject.build(), subject.inputs()
    logits = evaluated(subject, module, torch.arange(len(texts.data)), texts, *given)["logits"]
    with torch.no_grad():
        state = module.initial_state(len(texts.data), *given)
        if not torch.equal(state[0], torch.full_like(state[0], module.produces.vocabulary.start)):
            raise Broken("the first element of the initial state is not the start token")
        read, scored = state[0], []
        for tokens in texts.data.unbind(1):
            scores, state = module.step(read, state)
            scored.append(scores)
            read = tokens
    real = texts.mask[..., None]
    if difference(torch.stack(scored, 1).where(real, 0.0), logits.where(real, 0.0)) > 1:
        raise Broken("the logits of `forward` are not those of repeated `step`")


@check(
    "generator",
    reason="a text's probability may depend only on what stands before each token",
    source="Goodfellow, Bengio and Courville 2016, Deep Learning, section 10.2.3",
    after=("evaluation",),
    applies=stepwise,
    wants="a generator of tokens",
)
def token_causality(subject: GeneratorSubject) -> None:
    """No token's logits depend on it or on later ones."""
    module, (_, texts, *given) = subject.build(), subject.inputs()
    texts = Padded(texts.data, torch.full_like(texts.lengths, texts.data.shape[1]))
    number = torch.arange(len(texts.data))
    before = evaluated(subject, module, number, texts, *given)["logits"]
    vocabulary = len(module.produces.vocabulary)
    for now in range(texts.data.shape[1]):
        changed = texts.data.clone()
        changed[:, now:] = (changed[:, now:] + 1) % vocabulary
        after = evaluated(subject, module, number, Padded(changed, texts.lengths), *given)["logits"]
        if difference(after[:, : now + 1], before[:, : now + 1]) > 1:
            raise Broken(f"the logits up to token {now} change with the tokens from {now} on")


@check(
    "generator",
    reason="greedy decoding is the limit of sampling as the temperature goes to zero: both must use one model",
    source=KINDS,
    after=("likelihood", "samples"),
    applies=stepwise,
    wants="a generator of tokens",
)
def greedy(subject: GeneratorSubject) -> None:
    """At a temperature near zero, `sample` takes the most probable token of the teacher-forced logits at each step."""
    module, (_, _, *given) = subject.build().eval(), subject.inputs()
    with subject.on_stream():
        texts = module.sample(4, *given, strategy=_cold)
    if not isinstance(texts, Padded) or texts.data.shape != (4, TIME):
        raise Broken("`sample` does not hand back what its `strategy` chose")
    logits = evaluated(subject, module, torch.arange(4), texts, *given)["logits"]
    chosen = logits.gather(-1, texts.data[..., None])[..., 0]
    if (logits.amax(-1) - chosen).max() > 1e-3:
        raise Broken(
            "at a temperature near zero, a sample's tokens are not the most probable ones of `forward`'s logits"
        )


COLD = 1e-5
"""A temperature at which only tokens that are equally probable but for 1e-3 in their logits can be drawn."""


@torch.no_grad()
def _cold(generator: Any, n: int, given: Any = None, leak: Any = None) -> Padded:  # noqa: ARG001 (a strategy)
    """Draws `TIME` tokens of each example, whatever they are."""
    state, columns = generator.initial_state(n, given) if given is not None else generator.initial_state(n), []
    tokens = state[0]
    for _ in range(TIME):
        logits, state = generator.step(tokens, state)
        tokens = torch.multinomial((logits / COLD).softmax(-1), 1)[:, 0]
        columns.append(tokens)
    return Padded(torch.stack(columns, 1), torch.full((n,), TIME))
