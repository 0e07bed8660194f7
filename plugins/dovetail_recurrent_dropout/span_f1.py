"""Span F1: named entities are right only whole, with the type and both ends, as conlleval counts them.

Paper: tjong2003conll; semeniuta2019, section 3.4.4. Precision, recall and F1 are over all entities together.

*Differs from the paper:* a fraction, not a percentage.
"""

from __future__ import annotations

from typing import Any, Literal, final

from attrs import frozen

from dovetail import Fields, Labels, Metric, MetricSpec, Misfit, Outcome, Padded
from dovetail_recurrent_dropout.spans import OUTSIDE, Scheme, Span, parts_of, spans_of, strict_spans_of


@frozen(kw_only=True)
class SpanF1Spec(MetricSpec):
    """The F1 score of whole entities."""

    needs = ("predictions", "references")
    takes = {"predictions": (Labels,), "references": (Labels,)}
    mode: Literal["conlleval", "strict"] = "conlleval"
    """As conlleval reads entities, whatever their scheme; or only those that are written as the scheme says."""
    scheme: Scheme = "iob1"
    """The scheme of the `strict` mode; CoNLL-2003's files are in iob1."""

    def build(self, *, outcome: Fields) -> SpanF1:
        names = outcome["references"].names
        wrong = [name for name in names if name != OUTSIDE and not all(parts_of(name))]
        if not names or wrong:
            given = ", ".join(wrong) or "labels without names"
            raise Misfit("outcome", "labels with names like O, I-PER and B-PER", given)
        return SpanF1(names=names, scheme=self.scheme if self.mode == "strict" else None)


def rows_of(labels: Padded, names: tuple[str, ...]) -> list[list[str]]:
    """The names of each sentence's labels."""
    rows = zip(labels.data.tolist(), labels.lengths.tolist(), strict=True)
    return [[names[number] for number in row[:length]] for row, length in rows]


@final
class SpanF1(Metric):
    """Counts the entities that are predicted, those that there are, and those that are both.

    Args:
        names: the labels' names by number.
        scheme: counts only entities that it allows; all that conlleval would count where it is None.
    """

    direction = "higher"
    unit = "fraction"

    def __init__(self, *, names: tuple[str, ...], scheme: Scheme | None = None) -> None:
        super().__init__()
        self.names, self.scheme = names, scheme
        self.reset()

    def reset(self) -> None:
        self.right, self.predicted, self.real, self.sentences = 0, 0, 0, 0

    def update(self, outcome: Outcome) -> None:
        both = (rows_of(outcome[name], self.names) for name in ("predictions", "references"))
        for predicted, real in zip(*both, strict=True):
            found, there = self._spans(predicted), self._spans(real)
            self.right += len(found & there)
            self.predicted += len(found)
            self.real += len(there)
            self.sentences += 1

    def merge(self, other: Any) -> None:
        self.right += other.right
        self.predicted += other.predicted
        self.real += other.real
        self.sentences += other.sentences

    def compute(self) -> float:
        if not self.sentences:
            raise ValueError("`span-f1` must have seen a sentence, but has seen none")
        both = self.predicted + self.real
        return 2 * self.right / both if both else 0.0

    def _spans(self, labels: list[str]) -> set[Span]:
        return set(spans_of(labels) if self.scheme is None else strict_spans_of(labels, self.scheme))
