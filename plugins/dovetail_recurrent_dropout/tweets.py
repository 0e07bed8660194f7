"""Tweets and their sentiment, as the SemEval tasks publish them: a line of an identifier, a label and the text.

Paper: rosenthal2015semeval (task 10, subtask B); semeniuta2019, section 3.4.5. Fields: `input` (each word's static
features), `words`, `label`, and `source`, which of the files an example is from: the test split is all the test files
together, and a metric by `source` tells them apart.

Axes: batch time feature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import DatasetSpec, Fields, Label, Mistake, Tokens, within
from dovetail.errors import close, listed
from dovetail_recurrent_dropout.word_split import WordSplit, with_input
from dovetail_recurrent_dropout.word_table import word_table
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.text_files import read_text
from dovetail_standard.vocabularies import encode_words, vocabulary_of_words

LABELS = ("negative", "neutral", "positive")
NEUTRAL = ("objective", "objective-OR-neutral")  # what the files of 2013 call some that count as neutral
UNAVAILABLE = "Not Available"
TOKEN = re.compile(r"<url>|<user>|\w+(?:['’]\w+)*|[^\w\s]+")
NOT_TESTS = ("train", "valid")


class Tweet(NamedTuple):
    """The words of a tweet and its label."""

    words: list[str]
    label: str


@frozen(kw_only=True)
class TweetsSpec(DatasetSpec):
    """Labelled tweets, as *.tsv files of one folder."""

    path: Path = field(metadata={"identity": False})
    """A folder with `train.tsv`, `valid.tsv` and any number of test files `test-NAME.tsv`, each line an identifier (or
    two), a label and the text, parted by tabulators."""
    train: str = "train"
    """The file, without its ending, that is trained on: `weak` for weakly labelled tweets (section 3.4.5)."""
    tests: tuple[str, ...] = ()
    """The names of the test files that count; empty for all."""
    vectors: Path | None = field(default=None, metadata={"identity": False})
    """A word2vec or GloVe text file (section 3.4.4; needs the extra `ner`); without it each word has a random vector
    of its own."""
    vector_size: int = field(default=300, validator=within("[1, inf)"))
    """Size of random vectors where there is no file."""

    def build(self) -> ArrayDataset:
        if not self.path.is_dir():
            raise Mistake(
                f"`path` must be a folder of *.tsv files, but is none: {self.path}; the tweets of SemEval are to be had"
                " from its organisers, and `dataset=recurrent-dropout/tweets-stand-in` is made of nothing"
            )
        found = {file.stem: file for file in sorted(self.path.glob("*.tsv"))}
        tests = self.tests or tuple(name.removeprefix("test-") for name in found if name.startswith("test-"))
        if not tests:
            raise Mistake(f"`path` must hold test files named test-NAME.tsv, but holds {listed(found)}: {self.path}")
        names = {"train": self.train, "valid": "valid", **{test: f"test-{test}" for test in tests}}
        for name in names.values():
            if name not in found:
                raise Mistake(
                    f"`path` must hold {name}.tsv, but holds {listed(found)}: {self.path} {close(name, found)}"
                )
        texts = {source: tweets_of(read_text(found[name]), found[name]) for source, name in names.items()}
        return dataset_of(texts, self.vectors, self.vector_size)


def words_of(text: str) -> list[str]:
    """The words of a tweet: addresses are `<url>`, users `<user>`, and marks in a row (a face, say) are one word."""
    plain = re.sub(r"(?:https?://|www\.)\S+", " <url> ", text)
    return TOKEN.findall(re.sub(r"@\w+", " <user> ", plain))


def tweets_of(text: str, file: Path) -> list[Tweet]:
    """The tweets of a file's text; raises Mistake with file and line where it is not in the format."""
    tweets = []
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        cells = content.split("\t")
        where = f"{file}, line {line}: {content!r}"
        if len(cells) not in (3, 4):
            raise Mistake(f"a line must have an identifier, a label and a text, but has {len(cells)} columns: {where}")
        label, words = cells[-2].strip().strip('"'), words_of(cells[-1])
        label = "neutral" if label in NEUTRAL else label
        if label not in LABELS:
            raise Mistake(f"a label must be {', '.join(LABELS)}, but is {label!r}: {where}")
        if cells[-1].strip() == UNAVAILABLE:
            raise Mistake(f"a text must be there, but is {UNAVAILABLE!r}: take such lines out: {where}")
        if not words:
            raise Mistake(f"a text must have words, but has none: {where}")
        tweets.append(Tweet(words, label))
    if not tweets:
        raise Mistake(f"a file must have tweets, but has none: {file}")
    return tweets


def dataset_of(tweets: Mapping[str, list[Tweet]], vectors: Path | None, vector_size: int) -> ArrayDataset:
    """The dataset of tweets by their source: `train`, `valid`, and every other one is a part of the test split."""
    every = [tweet for part in tweets.values() for tweet in part]
    vocabulary = vocabulary_of_words([word for tweet in every for word in tweet.words])
    sources = tuple(tweets)
    longest = max(len(tweet.words) for tweet in every)
    spaces = Fields(
        {
            "words": Tokens(vocabulary, longest),
            "label": Label(len(LABELS), LABELS),
            "source": Label(len(sources), sources),
        }
    )
    table = word_table(vocabulary, vectors, vector_size)
    of_split = {"train": ["train"], "valid": ["valid"], "test": [name for name in sources if name not in NOT_TESTS]}
    examples: dict[str, dict[str, list[Tensor]]] = {}
    for split, names in of_split.items():
        rows = [(tweet, sources.index(name)) for name in names for tweet in tweets[name]]
        examples[split] = {
            "words": [torch.from_numpy(encode_words(tweet.words, vocabulary)) for tweet, _ in rows],
            "label": [torch.tensor(LABELS.index(tweet.label)) for tweet, _ in rows],
            "source": [torch.tensor(source) for _, source in rows],
        }
    splits = {split: WordSplit(spaces, part, table) for split, part in examples.items()}
    fields = with_input(spaces, table)
    return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, examples, table))
