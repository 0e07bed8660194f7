"""Real sentences that are damaged on purpose, for metrics to judge: nothing is trained.

Paper: semeniuta2019, section 5.6.3. Samples are training sentences with one damage at most; references are held-out
sentences of all topics, as many. Which sentences, topics and words it is, is drawn when a run is evaluated: each of its
seeds is a repeat.

- `missing_topics`: the samples are of the other topics only.
- `drop`: each word is left out with this probability; a sentence may lose them all.
- `swap`: each word is chosen with this probability, and those of a sentence that are chosen go round one random cycle:
  each takes the place of another, and one alone stays.

*Differs from the paper:* which does not say how many sentences it takes, nor how words are swapped.

Axes: batch time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Batch, Fields, Label, Misfit, Mistake, Objective, ObjectiveSpec, Outcome, Padded, Tokens, within
from dovetail_standard.fields import field_of

AT_ONCE = 64
"""Sentences of one outcome."""


@frozen(kw_only=True)
class DeterioratedSpec(ObjectiveSpec):
    """Samples that are damaged training sentences; for `text-gan/topics` and `train.epochs = 0`."""

    parts = {}
    missing_topics: int = field(default=0, validator=within("[0, inf)"))
    """So many of the training sentences' topics, drawn at random, are missing among the samples."""
    drop: float = field(default=0.0, validator=within("[0, 1]"))
    """Probability with which a word is left out."""
    swap: float = field(default=0.0, validator=within("[0, 1]"))
    """Probability with which a word takes part in the swapping."""
    count: int | None = field(default=None, validator=within("[2, inf)"))
    """Samples, and references; as many as there are held-out sentences where it is not given."""

    def __attrs_post_init__(self) -> None:
        damages = {"missing_topics": self.missing_topics, "drop": self.drop, "swap": self.swap}
        if sum(map(bool, damages.values())) > 1:
            given = ", ".join(f"{name} = {value}" for name, value in damages.items() if value)
            raise ValueError(f"one damage at most must be given, but are {given}")

    def build(self, *, data: Fields, **parts: Any) -> Deteriorated:
        tokens = field_of(data, "text", Tokens)
        for name in ("topic", "held_out"):
            field_of(data, name, Label)
        assert isinstance(tokens, Tokens), "field_of says so"
        if tokens.vocabulary.joiner != " ":
            raise Misfit("data", "texts of words, which a space joins", tokens)
        return Deteriorated(
            tokens=tokens, missing_topics=self.missing_topics, drop=self.drop, swap=self.swap, count=self.count
        )


@final
class Deteriorated(Objective):
    """Damages what it evaluates; it has nothing to train.

    Its outcome: as many `samples` as `references`, `Padded` (batch, time).
    """

    def __init__(self, *, tokens: Tokens, missing_topics: int, drop: float, swap: float, count: int | None) -> None:
        super().__init__()
        self.tokens, self.missing_topics, self.drop, self.swap = tokens, missing_topics, drop, swap
        self.count, self.phases = count, ()
        self.outcome = Fields({"samples": tokens, "references": tokens})

    def forward(self, batch: Batch, phase: str) -> NoReturn:
        raise ValueError(f"nothing is trained here, and there is no phase `{phase}`")

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Batch]) -> Iterator[Outcome]:
        """Reads everything before it draws.

        Raises:
            Mistake: where too few topics or sentences are there.
        """
        batches = list(loader)
        rows = [row for batch in batches for row in self._rows(batch["text"])]
        topics = torch.cat([batch["topic"].cpu() for batch in batches])
        held_out = torch.cat([batch["held_out"].cpu() for batch in batches]).bool()
        real = held_out.nonzero().flatten()
        count = len(real) if self.count is None else self.count
        references = _drawn(real, count, "held-out sentences")
        samples = _drawn(self._candidates(topics, held_out), count, "training sentences of the topics that are kept")
        device = batches[0]["text"].data.device
        for start in range(0, count, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            yield {
                "samples": self._padded([self._damaged(rows[place]) for place in samples[part].tolist()], device),
                "references": self._padded([rows[place] for place in references[part].tolist()], device),
            }

    def _rows(self, text: Padded) -> list[Tensor]:
        return [row[:length] for row, length in zip(text.data.cpu(), text.lengths.tolist(), strict=True)]

    def _candidates(self, topics: Tensor, held_out: Tensor) -> Tensor:
        """The places of the training sentences whose topics are kept. Shape: all (example), result (candidate)."""
        there = torch.tensor(sorted(set(topics[~held_out].tolist())))
        if self.missing_topics >= len(there):
            raise Mistake(
                f"`missing_topics` must leave one of the training sentences' {len(there)} topics, but is"
                f" {self.missing_topics}"
            )
        kept = there[torch.randperm(len(there))[self.missing_topics :]]
        return (~held_out & torch.isin(topics, kept)).nonzero().flatten()

    def _damaged(self, row: Tensor) -> Tensor:
        """A sentence with its end as it was. Shape: (time)."""
        ended = int(len(row) > 0 and row[-1] == self.tokens.vocabulary.end)
        words, end = row[: len(row) - ended], row[len(row) - ended :]
        if self.drop:
            words = words[torch.rand(len(words)) >= self.drop]
        if self.swap:
            words = swapped(words, self.swap)
        return torch.cat([words, end])

    def _padded(self, rows: list[Tensor], device: torch.device) -> Padded:
        data, lengths = self.tokens.collate(rows)
        return Padded(data.to(device), lengths.to(device))


def swapped(words: Tensor, share: float) -> Tensor:
    """Words of which each is chosen with a probability, and those that are go round one random cycle. Shape: (time)."""
    chosen = (torch.rand(len(words)) < share).nonzero().flatten()
    chosen = chosen[torch.randperm(len(chosen))]
    result = words.clone()
    result[chosen] = words[chosen.roll(1)]
    return result


def _drawn(places: Tensor, count: int, what: str) -> Tensor:
    """So many of the places, each once; raises Mistake where there are fewer. Shape: (place), result (count)."""
    if count > len(places):
        raise Mistake(f"`count` must be at most the number of {what}, {len(places)}, but is {count}")
    return places[torch.randperm(len(places))[:count]]
