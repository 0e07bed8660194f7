"""Datasets of tokenized sentences, held in tensors: one field of tokens or several that share a vocabulary, and labels.

Axes: batch time.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Literal, NamedTuple, final

import numpy as np
import torch
from attrs import frozen

from dovetail import Augment, Batch, Fields, Label, Mistake, Padded, Space, Split, Tokens, Vocabulary
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of
from dovetail_standard.text_files import SPLITS
from dovetail_standard.vocabularies import Numbers
from dovetail_text_gan.tokenizer import Tokenizer

LeaveOut = Literal["refuse", "leave-out"]
"""What becomes of a sentence that cannot be used: it is an error, or left out."""


class Row(NamedTuple):
    """An example as it was read: its texts, its labels, and the file and line that it is from."""

    texts: tuple[str, ...]
    labels: tuple[int, ...] = ()
    place: tuple[Path, int] | None = None

    def where(self) -> str:
        return "a generated text" if self.place is None else "{}, line {}".format(*self.place)


@final
@frozen(eq=False)
class SentenceSplit(Split):
    """A split held in tensors, with what must be said of it."""

    held: ArraySplit
    said: str

    def __len__(self) -> int:
        return len(self.held)

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        return self.held.take(indices, augment)

    def remark(self) -> str:
        return self.said


class Kept(NamedTuple):
    """A split's rows that are short enough, and their tokens with the end, field by field."""

    rows: list[Row]
    tokens: list[list[Numbers]]
    said: str


def dataset_of(
    rows: Mapping[str, list[Row]],
    tokenizer: Tokenizer,
    *,
    texts: tuple[str, ...] = ("text",),
    labels: Mapping[str, Label],
    longest: int | None = None,
    too_long: LeaveOut = "refuse",
    said: Mapping[str, str],
) -> ArrayDataset:
    """The dataset of three splits of rows; training's remark has what is said of the others, too.

    Args:
        rows: by split.
        tokenizer: of all fields of texts.
        texts: the names of the rows' texts.
        labels: the names of the rows' labels, and their spaces.
        longest: the most tokens of a text, its end counted; None for that of the longest.
        too_long: what becomes of rows with a longer one.
        said: by split, what goes on behind what is said of its unknown tokens and of what is left out here.

    Raises:
        Mistake: where a text is too long and that is refused, or a split has no rows.
    """
    kept = {
        name: _kept(rows[name], said[name], tokenizer, longest=longest, too_long=too_long, split=name)
        for name in SPLITS
    }
    length = longest or max(len(tokens) for part in kept.values() for field in part.tokens for tokens in field)
    space = Tokens(tokenizer.vocabulary, length)
    spaces: dict[str, Space] = {**dict.fromkeys(texts, space), **labels}
    splits = {name: _split(part, texts, list(labels), space) for name, part in kept.items()}
    remarks = {name: part.said for name, part in kept.items()}
    remarks["train"] = "; ".join([remarks["train"], *(f"in `{name}` {remarks[name]}" for name in SPLITS[1:])])
    return ArrayDataset(
        fields=Fields(spaces),
        splits={name: SentenceSplit(split, remarks[name]) for name, split in splits.items()},
        fingerprint=fingerprint_of(tokenizer.vocabulary, [splits[name].fields for name in SPLITS]),
    )


def padded(tokens: Items[Numbers], vocabulary: Vocabulary) -> Padded:
    """A batch of texts, as long as the longest. Shape: each of `tokens` (time), result `Padded` (batch, time)."""
    lengths = np.array([len(each) for each in tokens], dtype=np.int64)
    data = np.full((len(tokens), lengths.max(initial=0)), vocabulary.pad, dtype=np.int64)
    if len(tokens):
        data[np.arange(data.shape[1]) < lengths[:, None]] = np.concatenate(tokens)
    return Padded(torch.from_numpy(data), torch.from_numpy(lengths))


def _kept(
    rows: list[Row], said: str, tokenizer: Tokenizer, *, longest: int | None, too_long: LeaveOut, split: str
) -> Kept:
    vocabulary = tokenizer.vocabulary
    tokens = [[np.append(tokenizer.encode(text), vocabulary.end) for text in row.texts] for row in rows]
    short = [longest is None or max(map(len, fields)) <= longest for fields in tokens]
    if not all(short) and too_long == "refuse":
        first = short.index(False)
        raise Mistake(
            f"a sentence must have at most {longest} tokens, its end counted, but {short.count(False)} of {len(rows)}"
            f" of `{split}` have more, the first {max(map(len, tokens[first]))}: {rows[first].where()}; `longest` says"
            " how many, and `too_long` whether such sentences are left out"
        )
    left = [fields for fields, is_short in zip(tokens, short, strict=True) if is_short]
    if not left:
        raise Mistake(f"`{split}` must have sentences, but none of its {len(rows)} has at most {longest} tokens")
    every = np.concatenate([each for fields in left for each in fields])
    parts = [f"{int((every == vocabulary.unknown).sum())} of {len(every)} tokens are unknown"]
    if not all(short):
        parts.append(f"{short.count(False)} of {len(rows)} sentences have more than {longest} tokens and are left out")
    return Kept(
        [row for row, is_short in zip(rows, short, strict=True) if is_short],
        [list(field) for field in zip(*left, strict=True)],
        ", ".join(parts) + said,
    )


def _split(part: Kept, texts: tuple[str, ...], labels: list[str], space: Tokens) -> ArraySplit:
    tokens = {name: padded(field, space.vocabulary) for name, field in zip(texts, part.tokens, strict=True)}
    numbers = torch.tensor([row.labels for row in part.rows], dtype=torch.long).reshape(len(part.rows), len(labels))
    return ArraySplit(fields={**tokens, **dict(zip(labels, numbers.unbind(1), strict=True))})
