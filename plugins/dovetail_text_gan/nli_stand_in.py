"""A generated stand-in for pairs of inference, so that an encoder of them runs where SNLI is not at hand.

It is neither SNLI nor MultiNLI, and no result on it says anything about them. A premise tells some of five things of a
person; a hypothesis tells one: the same (entailment), another (contradiction), or one that the premise is silent about
(neutral). The hypothesis is drawn before the relation and so says nothing of it: a model that reads no premise is right
in a third of the pairs.

Axes: batch time.
"""

from __future__ import annotations

from typing import Any

import torch
from attrs import field, frozen
from torch import Generator as Random

from dovetail import DatasetSpec, within
from dovetail.randomness import stream
from dovetail_standard.arrays import ArrayDataset
from dovetail_text_gan.nli_pairs import RELATIONS, pairs_of
from dovetail_text_gan.tokenized import Row
from dovetail_text_gan.words import WordsSpec

PEOPLE = ("man", "woman", "boy", "girl", "child", "worker", "tourist", "musician")
THINGS = {
    "size": ("tall", "short", "thin", "strong"),
    "colour": ("red", "blue", "green", "white", "black", "yellow"),
    "activity": ("reading", "sleeping", "singing", "eating", "running", "painting", "waiting", "laughing"),
    "place": ("on a bench", "in a kitchen", "near a river", "in a street", "at a table", "on a train", "in a park"),
    "time": ("in the morning", "at noon", "in the evening", "at night"),
}
PREMISE = "a {size} {person} {colour} {activity} {place} {time}"
SAID_OF_PREMISE = {"size": "{}", "colour": "in a {} shirt", "activity": "is {}", "place": "{}", "time": "{}"}
SAID_OF_HYPOTHESIS = {
    "size": "{} is {}",
    "colour": "{} has a {} shirt",
    "activity": "{} is {}",
    "place": "{} is {}",
    "time": "{} is there {}",
}
SOMEBODY = ("someone", "a person", "somebody")


@frozen(kw_only=True)
class NliStandInSpec(DatasetSpec):
    """Generated pairs of sentences with their relation: a stand-in, not SNLI."""

    train: int = field(default=20000, validator=within("[1, 100000]"))
    """Training pairs; no pair is there twice, in any split."""
    valid: int = field(default=1000, validator=within("[1, 10000]"))
    """Validation pairs."""
    test: int = field(default=1000, validator=within("[1, 10000]"))
    """Test pairs."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The pairs' own seed: the data are the same in every run."""

    def build(self) -> ArrayDataset:
        random, seen = stream(self.seed, "nli stand-in"), set[tuple[str, ...]]()
        rows: dict[str, list[Row]] = {"train": [], "valid": [], "test": []}
        for split, count in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            while len(rows[split]) < count:
                row = drawn(random)
                if row.texts not in seen:
                    seen.add(row.texts)
                    rows[split].append(row)
        tokenizer = WordsSpec().build(texts=[text for row in rows["train"] for text in row.texts])
        said = {"train": ", generated: a stand-in for pairs of inference, not SNLI", "valid": "", "test": ""}
        return pairs_of(rows, tokenizer, said, None, "refuse")


def drawn(random: Random) -> Row:
    """A pair and its relation, each as probable."""
    told = _one_of(tuple(THINGS), random)
    value = _one_of(THINGS[told], random)
    hypothesis = SAID_OF_HYPOTHESIS[told].format(_one_of(SOMEBODY, random), value)
    relation = _one_of(RELATIONS, random)
    premise = {name: _one_of(values, random) for name, values in THINGS.items() if _one_of((True, False), random)}
    if relation == "neutral":
        premise.pop(told, None)
    else:
        others = tuple(other for other in THINGS[told] if other != value)
        premise[told] = value if relation == "entailment" else _one_of(others, random)
    words = {name: form.format(premise[name]) if name in premise else "" for name, form in SAID_OF_PREMISE.items()}
    text = " ".join(PREMISE.format(person=_one_of(PEOPLE, random), **words).split())
    return Row((text, hypothesis), (RELATIONS.index(relation),))


def _one_of(values: tuple[Any, ...], random: Random) -> Any:
    return values[int(torch.randint(len(values), (), generator=random))]
