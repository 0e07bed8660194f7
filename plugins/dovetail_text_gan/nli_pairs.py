"""The pairs of SNLI (bowman2015snli) or MultiNLI (williams2018multinli): what a second sentence is to a first.

Axes: batch time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import Factory, field, frozen

from dovetail import DatasetSpec, Label, Mistake, within
from dovetail_standard.arrays import ArrayDataset
from dovetail_text_gan.nli_files import Corpus, Pair, read_pairs
from dovetail_text_gan.tokenized import LeaveOut, Row, dataset_of
from dovetail_text_gan.tokenizer import TokenizerSpec
from dovetail_text_gan.words import WordsSpec

RELATIONS = ("entailment", "neutral", "contradiction")
NONE = "-"  # the annotators did not agree
TEXTS = ("premise", "hypothesis")


@frozen(kw_only=True)
class NliPairsSpec(DatasetSpec):
    """Two sentences, `premise` and `hypothesis`, and their relation, `label`; pairs without one are left out."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds the corpus's JSON lines, or its `snli_1.0` or `multinli_1.0` with them."""
    corpus: Corpus = "snli"
    """Which of the two."""
    tokenizer: TokenizerSpec = Factory(WordsSpec)
    """Learns its vocabulary from both sentences of the pairs of `train`."""
    longest: int | None = field(default=None, validator=within("[1, inf)"))
    """The most tokens of a sentence, its end counted; those of the longest where it is not given."""
    too_long: LeaveOut = "refuse"
    """What becomes of pairs with a longer sentence: they are an error, or left out."""

    def build(self) -> ArrayDataset:
        pairs = read_pairs(self.path, self.corpus, "gold_label")
        rows = {split: [row_of(pair) for pair in found if usable(pair)] for split, found in pairs.items()}
        said = {
            split: f", {len(found) - len(rows[split])} of {len(found)} pairs have no label or an empty sentence and are"
            " left out"
            for split, found in pairs.items()
        }
        tokenizer: Any = self.tokenizer.build(texts=[text for row in rows["train"] for text in row.texts])
        return pairs_of(rows, tokenizer, said, self.longest, self.too_long)


def pairs_of(
    rows: dict[str, list[Row]], tokenizer: Any, said: dict[str, str], longest: int | None, too_long: LeaveOut
) -> ArrayDataset:
    """The dataset of rows of two texts and a relation."""
    labels = {"label": Label(len(RELATIONS), RELATIONS)}
    return dataset_of(rows, tokenizer, texts=TEXTS, labels=labels, longest=longest, too_long=too_long, said=said)


def usable(pair: Pair) -> bool:
    """Whether a pair has two sentences and a label."""
    return bool(pair.premise and pair.hypothesis) and pair.fields[0] != NONE


def row_of(pair: Pair) -> Row:
    """A pair with a label as an example; raises Mistake with file and line where it is none of the three."""
    (label,) = pair.fields
    if label not in RELATIONS:
        file, line = pair.place
        raise Mistake(f"{file}, line {line}: `gold_label` must be {', '.join(RELATIONS)} or {NONE}, but is {label!r}")
    return Row((pair.premise, pair.hypothesis), (RELATIONS.index(label),), pair.place)
