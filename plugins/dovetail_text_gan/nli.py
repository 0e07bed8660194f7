"""The sentences of SNLI (bowman2015snli) or MultiNLI (williams2018multinli), each once.

Papers: semeniuta2019, section 5.6: all unique sentences, without their labels; of MultiNLI the topics, too.

A sentence that occurs in several splits is in the one that is held out: training sees no sentence of `valid` or `test`.

*Not covered:* MultiNLI's test set, which is not published; its `valid` and `test` are the matched and the mismatched
development set.

Axes: batch time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import Factory, field, frozen

from dovetail import DatasetSpec, Label, within
from dovetail_standard.arrays import ArrayDataset
from dovetail_text_gan.nli_files import Corpus, Pair, read_pairs
from dovetail_text_gan.tokenized import LeaveOut, Row, dataset_of
from dovetail_text_gan.tokenizer import TokenizerSpec
from dovetail_text_gan.words import WordsSpec


@frozen(kw_only=True)
class NliSpec(DatasetSpec):
    """Every sentence once, as the field `text`; of MultiNLI with its topic (genre), as `topic`."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds the corpus's JSON lines, or its `snli_1.0` or `multinli_1.0` with them."""
    corpus: Corpus = "snli"
    """Which of the two."""
    tokenizer: TokenizerSpec = Factory(WordsSpec)
    """Learns its vocabulary from the sentences of `train`."""
    longest: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of a sentence, its end counted; those of the longest where it is not given."""
    too_long: LeaveOut = "refuse"
    """What becomes of longer sentences: they are an error, or left out."""

    def build(self) -> ArrayDataset:
        has_topics = self.corpus == "multinli"
        pairs = read_pairs(self.path, self.corpus, *(["genre"] if has_topics else []))
        topics = sorted({topic for split in pairs.values() for pair in split for topic in pair.fields})
        rows, said = unique(pairs, {topic: number for number, topic in enumerate(topics)})
        tokenizer: Any = self.tokenizer.build(texts=[row.texts[0] for row in rows["train"]])
        labels = {"topic": Label(len(topics), topics)} if has_topics else {}
        return dataset_of(rows, tokenizer, labels=labels, longest=self.longest, too_long=self.too_long, said=said)


def unique(pairs: dict[str, list[Pair]], topics: dict[str, int]) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """Each sentence once, held-out splits first, with the topic of its first pair; and what is said of the others."""
    seen = {""}  # the published corpora have a few pairs without a sentence
    rows: dict[str, list[Row]] = {}
    for split in ("test", "valid", "train"):
        rows[split] = []
        for pair in pairs[split]:
            for text in (pair.premise, pair.hypothesis):
                if text not in seen:
                    seen.add(text)
                    rows[split].append(Row((text,), tuple(topics[topic] for topic in pair.fields), pair.place))
    said = {
        split: f", {2 * len(pairs[split]) - len(rows[split])} of {2 * len(pairs[split])} sentences are empty or are"
        " there already"
        for split in rows
    }
    return rows, said
