"""The kit finds what is wrong: components with one fault each, and their mended twins."""

import re
from collections import Counter

import pytest
import torch
from gallery.examples import EXAMPLES

import dovetail
from dovetail.testing import examine
from dovetail.testing.kit import spell

KINDS = {
    "encoder",
    "attention",
    "cell",
    "generator",
    "decoding",
    "discriminator",
    "metric",
    "dataset",
    "objective",
    "optimizer",
    "schedule",
}
# component: its twin, the check that is meant for it, and words of what it says
FAULTS = {
    "encoder/unused-parameter": ("dense", "gradients", "second.weight gets no gradient"),
    "encoder/batch-mean": ("dense", "examples-apart", "`output` of examples alone is not that of all together"),
    "encoder/wrong-space": ("dense", "spaces", r"must be \(batch, 5\), but is \(4, 3\)"),
    "encoder/plain-tensor": ("scaled", "state", "results depend on is no parameter or buffer"),
    "encoder/cpu-buffer": ("scaled", "meta", "not made on the default device: scale"),
    "encoder/cpu-tensor": ("ramp", "device", "two devices, cuda:0 and cpu"),
    "encoder/single-precision": ("dense", "double", "puts out torch.float32 for a float64 module"),
    "encoder/global-seed": ("dense", "no-global-state", "building changes torch's seed"),
    "encoder/threads": ("dense", "no-global-state", "use in evaluation changes torch's number of threads"),
    "encoder/other-randomness": ("dense", "same-seed", "draw from torch's global generator alone"),
    "encoder/dropout-on": ("dropout", "evaluation", "evaluation depends on random numbers"),
    "encoder/own-dropout": ("dropout", "same-result", "training with one seed gives two results"),
    "encoder/numpy-dropout": ("dropout", "no-global-state", "use in training changes NumPy's random numbers"),
    "encoder/louder-in-training": ("dense", "evaluation", "training differs from evaluation"),
    "encoder/percent": ("kept", "toml", "has another kept after it was written as TOML"),
    "encoder/undocumented": ("kept", "documented", "no docstring under kept"),
    "encoder/unread": ("kept", "hyperparameters", "nothing reads kept: neither `build` nor what it builds"),
    "encoder/takes-anything": ("dense", "takes", "annotated with Vector, but `takes` of TakesAnythingSpec does not"),
    "encoder/positional": ("kept", "frozen", "takes kept by position"),
    "encoder/odd-defaults": ("groups", "defaults", "cannot be built from its defaults"),
    "encoder/uncited": ("dense", "paper", "the paper `elman1990`, but its module does not name it"),
    "encoder/one-example": ("dense", "examples", "must have 2 small configurations .* but has 1"),
    "encoder/reads-padding": ("mean-over-time", "padding-does-not-matter", "results change with"),
    "encoder/last-place": ("mean-over-time", "padding-does-not-matter", "results change with"),
    "attention/unmasked": ("dot", "masked-parts", "padding gets weight"),
    "attention/masked-after": ("dot", "weights", r"sum to 0\."),
    "attention/independent": ("dot", "weights", "the weights of an example sum to"),
    "attention/shared-read": ("dot", "examples-apart", "`read` of examples alone"),
    "attention/shared-count": ("sharpening", "batch-first", r"`state` of 5 examples has a tensor of the shape \(\)"),
    "cell/looks-ahead": ("plain", "causality", "outputs before step 1 change with the inputs from step 1 on"),
    "cell/wider-output": ("plain", "spaces", r"ys: a batch of Vector\(size=4\) must be \(batch, 4\), but is \(24, 3\)"),
    "cell/late-output": ("plain", "steps", "the outputs of `forward` are not those of repeated `step`"),
    "cell/forgets-window": ("plain", "windows", "in two windows gives other outputs"),
    "cell/hidden-memory": ("plain", "state-by-example", "a state whose examples were picked"),
    "cell/shared-count": ("decaying", "batch-first", r"`state` of 5 examples has a tensor of the shape \(\)"),
    "cell/batch-mean": ("plain", "examples-apart", "`ys` of examples alone"),
    "cell/detached": ("plain", "first-step-learns", "no gradient reaches the first step"),
    "cell/single-start": ("plain", "initial-state", "of a float64 cell is torch.float32"),
    "cell/dropout-on": ("dropout", "evaluation", "evaluation depends on random numbers"),
    "generator/reads-answer": ("writer", "token-causality", "up to token 0 change with the tokens from 0 on"),
    "generator/sharpened": ("writer", "likelihood", "logits of `forward` are not those of repeated `step`"),
    "generator/own-strategy": ("writer", "greedy", "at a temperature near zero"),
    "generator/loses-last-token": ("writer", "generator-state", "a text in two windows has other logits than in one"),
    "generator/unbounded": ("painter", "spaces", r"must be in \[-1.0, 1.0\]"),
    "generator/same-noise": ("painter", "samples", "samples with two seeds are equal"),
    "generator/too-few": ("painter", "samples", "3 samples were asked for"),
    "decoding/writes-on": ("one-by-one", "texts", "which must be padding"),
    "decoding/other-states": ("one-by-one", "own-history", "cannot follow those before it"),
    "decoding/own-random": ("one-by-one", "same-texts", "two uses with the same seed write other texts"),
    "discriminator/probabilities": ("judge", "scores", "are they probabilities"),
    "discriminator/companions": ("judge", "examples-apart", "the batch shares something"),
    "discriminator/leaks-scores": ("judge", "spaces", r"features: .* must be \(batch, 1\)"),
    "discriminator/reads-padding": ("reader", "padding-does-not-matter", "results change with"),
    "discriminator/leaks-companions": ("reader", "leak", "what leaks of an example depends on its companions"),
    "metric/average-of-averages": ("right", "batch-size", "in one batch and .* in two: averages are averaged"),
    "metric/running-mean": ("right", "batch-order", "in one order of the batches"),
    "metric/merge-forgets": ("right", "merging", "after `reset`, `update` and `merge`"),
    "metric/reset-keeps": ("right", "merging", "after `reset`, `update` and `merge`"),
    "metric/zero-for-nothing": ("right", "nothing-seen", "is 0.0 where nothing was seen"),
    "metric/inverted": ("right", "perfect", "is 1.0 for perfect outcomes, and better for others"),
    "metric/no-direction": ("right", "direction", "`direction` is 'max'"),
    "dataset/fingerprint-of-size": ("table", "fingerprint", "other data .* have the same fingerprint"),
    "dataset/fingerprint-of-object": ("table", "fingerprint", "two openings of the same data"),
    "dataset/fingerprint-of-process": ("table", "fingerprint-elsewhere", "has it Python's `hash`"),
    "dataset/overlap": ("table", "splits-apart", "1 of 5 examples of valid are in train too"),
    "dataset/global-augmentation": ("table", "indexing", "augmentation with the same generators differs"),
    "dataset/batch-normalised": ("table", "indexing", "example 0 is another one alone than in a batch"),
    "dataset/labels-from-one": ("table", "fields-lie-in-their-spaces", r"must be in \[0, 2\]"),
    "objective/wrong-sign": ("fit", "outcome-gets-better", "has the loss a wrong sign"),
    "objective/reversed-gradient": ("fit", "learns", "the loss on one batch is"),
    "objective/stays-in-evaluation": ("fit", "evaluating", "`evaluate` leaves another mode than it found"),
    "objective/logits-for-labels": ("fit", "evaluating", r"the outcome: .* must be \(batch\)"),
    "objective/unknown-part": ("fit", "phases", "but its parts are"),
    "objective/unused-readout": ("fit", "gradients", "auxiliary.weight gets no gradient"),
    "objective/no-phases": ("fit", "gradients", "no output depends on its parameters"),
    "optimizer/ascent": ("descent", "minimises", "a quadratic goes from 8.75 to"),
    "optimizer/private-momentum": ("descent", "minimises", "resumed from `state_dict` makes another step"),
    "optimizer/undocumented": ("descent", "documented", "no docstring under plain"),
    "schedule/memory": ("decay", "pure", "gives other values when it is asked again"),
    "schedule/random": ("decay", "pure", "gives other values when it is asked again"),
    "schedule/first-step": ("decay", "pure", "has no value at a step among"),
}
TWINS = sorted({f"{component.partition('/')[0]}/{twin}" for component, (twin, *_) in FAULTS.items()})


@pytest.fixture(scope="module")
def names(gallery):
    return dovetail.registry()


@pytest.fixture(autouse=True)
def _same_threads():
    """One of the gallery changes the number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def results_of(names, component):
    kind, _, short = component.partition("/")
    return examine(names.find(kind, f"gallery/{short}"), names)


@pytest.mark.parametrize("component", FAULTS)
def test_a_fault_is_found_by_the_check_that_is_meant_for_it_and_by_no_other(names, component):
    _, meant, words = FAULTS[component]
    results = results_of(names, component)
    failed = {result.check.name: result for result in results if result.status not in ("passed", "absent", "blocked")}
    assert [*failed] == [meant], [spell(result) for result in failed.values()]
    assert failed[meant].status == "failed"
    assert re.search(words, failed[meant].detail), failed[meant].detail


@pytest.mark.parametrize("component", TWINS)
def test_its_twin_passes_every_check(names, component):
    results = results_of(names, component)
    assert {result.status for result in results} <= {"passed", "absent"}, [spell(result) for result in results]


def test_the_gallery_is_broad(names):
    assert {*FAULTS, *TWINS} == {*EXAMPLES}
    assert not {*FAULTS} & {*TWINS}
    of_kind = Counter(component.partition("/")[0] for component in FAULTS)
    assert {*of_kind} == KINDS
    assert min(of_kind.values()) >= 2
    assert len(FAULTS) >= 36
    assert len({check for _, check, _ in FAULTS.values()}) >= 16
