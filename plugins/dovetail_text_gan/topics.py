"""Sentences with their topics, the training ones beside those that are held out: the data of figure 5.9.

Paper: semeniuta2019, section 5.6.3, whose topics are MultiNLI's genres. Where the sentences have no topics, they are
clusters by k-means of TF-IDF vectors: of words alone, and of no encoder that a metric may use.

Axes: batch time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Batch, DatasetSpec, Fields, Label, Mistake, Padded, Tokens, within
from dovetail_standard.arrays import ArrayDataset, ArraySplit, fingerprint_of
from dovetail_standard.tokenisation import words_in
from dovetail_text_gan.tokenized import SentenceSplit

RESTARTS = 4
"""So often k-means begins anew, and the best clusters are kept."""
HELD_OUT = Label(2, ("training", "held out"))


@frozen(kw_only=True)
class TopicsSpec(DatasetSpec):
    """The fields `text`, `topic` and `held_out`; `valid` and `test` hold all training sentences beside their own."""

    dataset: DatasetSpec
    """The sentences, field `text`; its label `topic` is taken where it has one."""
    count: int = field(default=10, validator=within("[2, inf)"))
    """Topics that are found where the sentences have none."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """Of k-means."""

    def build(self) -> ArrayDataset:
        dataset = self.dataset.build()
        tokens = dataset.fields.get("text")
        if not isinstance(tokens, Tokens):
            raise Mistake(
                f"`dataset` must have a field `text` of tokens, but its fields are {', '.join(dataset.fields)}"
            )
        whole: dict[str, Batch] = {}
        for name in ("train", "valid", "test"):
            split = dataset.split(name)
            whole[name] = split.take(range(len(split)))
        texts = {name: batch["text"] for name, batch in whole.items()}
        label = dataset.fields.get("topic")
        if isinstance(label, Label):
            topics = {name: batch["topic"] for name, batch in whole.items()}
        else:
            label, topics = self._found(tokens, texts)
        training = _side(texts["train"], topics["train"], 0)
        splits = {"train": training} | {
            name: _both(training, _side(texts[name], topics[name], 1), tokens.pad) for name in ("valid", "test")
        }
        counts = torch.bincount(topics["train"], minlength=label.classes).tolist()
        sizes = ", ".join(f"{label.names[n] if label.names else n}: {count}" for n, count in enumerate(counts) if count)
        said = f"{dataset.split('train').remark()}; training sentences by topic: {sizes}"
        return ArrayDataset(
            fields=Fields({"text": tokens, "topic": label, "held_out": HELD_OUT}),
            splits={name: SentenceSplit(ArraySplit(fields=fields), said) for name, fields in splits.items()},
            fingerprint=fingerprint_of(dataset.fingerprint, topics),
        )

    def _found(self, tokens: Tokens, texts: dict[str, Padded]) -> tuple[Label, dict[str, Tensor]]:
        """Clusters of the training sentences, named by the words that tell them, and the nearest one of each other."""
        from sklearn.cluster import KMeans
        from sklearn.feature_extraction.text import TfidfVectorizer

        unknown = tokens.vocabulary.symbols[tokens.vocabulary.unknown]
        words = {
            name: [[word for word in each if word != unknown] for each in words_in(tokens, text)]
            for name, text in texts.items()
        }
        if len(words["train"]) < self.count:
            raise Mistake(f"`count` must be at most the {len(words['train'])} training sentences, but is {self.count}")
        vectorizer: Any = TfidfVectorizer(analyzer=lambda each: each, dtype=np.float64)
        vectors = vectorizer.fit_transform(words["train"])
        clusters: Any = KMeans(self.count, n_init=RESTARTS, random_state=self.seed).fit(vectors)
        symbols = vectorizer.get_feature_names_out()
        telling = clusters.cluster_centers_ - np.asarray(vectors.mean(axis=0))
        names = [f"{number} {' '.join(symbols[row.argsort()[::-1][:3]])}" for number, row in enumerate(telling)]
        found = {"train": clusters.labels_} | {
            name: clusters.predict(vectorizer.transform(words[name])) for name in ("valid", "test")
        }
        return Label(self.count, tuple(names)), {name: torch.from_numpy(each).long() for name, each in found.items()}


def _side(text: Padded, topic: Tensor, held_out: int) -> dict[str, Any]:
    return {"text": text, "topic": topic, "held_out": torch.full_like(topic, held_out)}


def _both(one: dict[str, Any], other: dict[str, Any], pad: int) -> dict[str, Any]:
    """The examples of one behind those of the other. Shape: text `Padded` (batch, time), the others (batch)."""
    (first, lengths), (second, others) = one["text"], other["text"]
    data = first.new_full((len(first) + len(second), max(first.shape[1], second.shape[1])), pad)
    data[: len(first), : first.shape[1]], data[len(first) :, : second.shape[1]] = first, second
    labels = {name: torch.cat([one[name], other[name]]) for name in ("topic", "held_out")}
    return {"text": Padded(data, torch.cat([lengths, others])), **labels}
