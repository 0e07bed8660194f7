"""A generated stand-in for tweets with their sentiment, so that a classifier runs where the real ones are not at hand.

It is no SemEval data, and no result on it says anything about SemEval. A tweet strings topics and feelings together; a
`not` before a feeling turns it round, and a `but` takes back what stands before it. The lines are in SemEval's format
and are read by the same reader. Weakly labelled tweets are labelled by a face at their end, which is taken off, one in
ten of them wrongly; none is neutral.
"""

from __future__ import annotations

from pathlib import Path

import torch
from attrs import field, frozen
from torch import Generator as Random

from dovetail import DatasetSpec, within
from dovetail.randomness import stream
from dovetail_recurrent_dropout.tweets import LABELS, dataset_of, tweets_of
from dovetail_standard.arrays import ArrayDataset

FEELINGS = {
    "positive": ("love", "great", "happy", "awesome", "Best", "enjoyed", "wow"),
    "negative": ("hate", "awful", "sad", "boring", "WORST", "missed", "ugh"),
}
TOPICS = ("the game", "my phone", "@friend 's party", "this song", "Monday", "the new album http://t.co/x", "work")
FILLERS = ("tonight", "tomorrow", "at 7", "again", "with friends", "in town", "#win", "lol")
TESTS = ("twitter13", "livejournal14", "twitter15", "twitter14", "sms13", "sarcasm14")  # table 3.5's names


@frozen(kw_only=True)
class TweetsStandInSpec(DatasetSpec):
    """Generated tweets and six test sets: a stand-in, not SemEval's."""

    train: str = "train"
    """What is trained on: `train`, or `weak` for weakly labelled tweets."""
    size: int = field(default=900, validator=within("[1, inf)"))
    """Training tweets; three times as many weakly labelled ones."""
    held_out: int = field(default=150, validator=within("[1, inf)"))
    """Tweets for validation and in each test set."""
    vectors: Path | None = field(default=None, metadata={"identity": False})
    """A word2vec or GloVe text file; without it each word has a random vector of its own."""
    vector_size: int = field(default=50, validator=within("[1, inf)"))
    """Size of random vectors where there is no file."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The tweets' own seed: the data are the same in every run."""

    def build(self) -> ArrayDataset:
        counts = {"train": 3 * self.size if self.train == "weak" else self.size}
        counts |= dict.fromkeys(("valid", *TESTS), self.held_out)
        texts = {}
        for source, count in counts.items():
            name = self.train if source == "train" else source
            text = lines(count, name == "weak", stream(self.seed, "tweets-stand-in", name))
            texts[source] = tweets_of(text, Path(f"stand-in, {name}"))
        return dataset_of(texts, self.vectors, self.vector_size)


def lines(count: int, weak: bool, random: Random) -> str:
    """The text of a file of `count` tweets in SemEval's format."""
    rows = []
    for number in range(count):
        label = LABELS[2 * _draw(2, random) if weak else _draw(3, random)]
        text = tweet(label, random)
        if weak and not _draw(10, random):
            label = LABELS[2 - LABELS.index(label)]
        rows.append(f"{number + 1}\t{label}\t{text}\n")
    return "".join(rows)


def tweet(label: str, random: Random) -> str:
    """The text of a tweet: clauses that a `but` parts, of which the last feeling counts."""
    clauses = []
    if label == "neutral":
        clauses += [clause(None, random) for _ in range(1 + _draw(2, random))]
    else:
        other = "negative" if label == "positive" else "positive"
        clauses += [clause(other, random), "but"] if _draw(3, random) == 0 else []
        clauses.append(clause(label, random))
    return " ".join(clauses)


def clause(feeling: str | None, random: Random) -> str:
    """A topic with a feeling, which a `not` before the opposite one may say, or without."""
    topic, filler = TOPICS[_draw(len(TOPICS), random)], FILLERS[_draw(len(FILLERS), random)]
    if feeling is None:
        return f"{topic} {filler} {FILLERS[_draw(len(FILLERS), random)]}"
    turned = _draw(3, random) == 0
    shown = FEELINGS[{"positive": "negative", "negative": "positive"}[feeling] if turned else feeling]
    return f"{topic} {'not ' if turned else ''}{shown[_draw(len(shown), random)]} {filler}"


def _draw(count: int, random: Random) -> int:
    return int(torch.randint(count, (), generator=random))
