"""The two-sequence problem: what was said in the first steps, asked after many steps of noise.

Paper: hochreiter1997lstm, experiment 3a. The first `informative` steps are 1 in one class and -1 in the other; each step
behind them is drawn from N(0, 0.2), of variance 0.2. A sequence has from T to T + T / 10 steps.

*Differs from the paper:* a fixed number of sequences, as many of each class, and no stopping criterion.

Fields: `input`, `label`.

Axes: example time feature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import final

import torch
from attrs import field, frozen
from dovetail import Augment, Batch, Dataset, DatasetSpec, Fields, Label, Misfit, Mistake, Padded, Split, within
from dovetail import Sequence as SequenceSpace
from torch import Generator, Tensor

VARIANCE = 0.2
"""Of the noise."""


@frozen(kw_only=True)
class TwoSequencesSpec(DatasetSpec):
    """Two classes of sequences of numbers, which their first steps alone tell apart."""

    train: int = field(default=1000, validator=within("[1, inf)"))
    """Sequences to train on."""
    valid: int = field(default=500, validator=within("[1, inf)"))
    """Sequences to validate on."""
    test: int = field(default=500, validator=within("[1, inf)"))
    """Sequences to test on."""
    steps: int = field(default=100, validator=within("[2, inf)"))
    """Steps of the shortest sequence: T."""
    informative: int = field(default=3, validator=within("[1, inf)"))
    """First steps, which tell the class; fewer than there are steps."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The data's own seed: they are the same in every run."""

    def build(self) -> TwoSequencesDataset:
        if self.informative >= self.steps:
            raise Misfit("informative", f"less than `steps`, which is {self.steps}", self.informative)
        random = Generator().manual_seed(self.seed)
        counts = {"train": self.train, "valid": self.valid, "test": self.test}
        splits = {name: draw(count, self.steps, self.informative, random) for name, count in counts.items()}
        return TwoSequencesDataset(splits, longest(self.steps))


def longest(steps: int) -> int:
    """The steps of the longest sequence."""
    return steps + steps // 10


def draw(count: int, steps: int, informative: int, random: Generator) -> TwoSequencesSplit:
    """So many sequences, half of them of each class."""
    labels = torch.arange(count) % 2
    values = VARIANCE**0.5 * torch.randn(count, longest(steps), 1, generator=random)
    values[:, :informative, 0] = (2.0 * labels - 1.0)[:, None]
    lengths = torch.randint(steps, longest(steps) + 1, (count,), generator=random)
    mask = Padded(values, lengths).mask
    return TwoSequencesSplit(values * mask[..., None], lengths, labels)


@final
@frozen(eq=False)
class TwoSequencesSplit(Split):
    """Shape: values (example, time, 1), lengths and labels (example)."""

    values: Tensor
    lengths: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Sequence[int], augment: Augment | None = None) -> Batch:
        chosen = torch.tensor(list(indices), dtype=torch.long)
        return {"input": Padded(self.values[chosen], self.lengths[chosen]), "label": self.labels[chosen]}


@final
class TwoSequencesDataset(Dataset):
    """The splits by name; the fingerprint is of every number in them."""

    def __init__(self, splits: Mapping[str, TwoSequencesSplit], length: int) -> None:
        self.splits = splits
        self.fields = Fields({"input": SequenceSpace(length, 1), "label": Label(2, ("minus", "plus"))})
        digest = hashlib.sha256()
        for name, split in splits.items():
            digest.update(name.encode())
            for tensor in (split.values, split.lengths, split.labels):
                digest.update(tensor.numpy().tobytes())
        self.fingerprint = digest.hexdigest()

    def split(self, name: str) -> Split:
        if name not in self.splits:
            raise Mistake(f"`{name}` is no split of this dataset; it has {', '.join(self.splits)}")
        return self.splits[name]
