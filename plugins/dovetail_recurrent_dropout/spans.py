"""Spans of labels: how named entities are written word by word, and how they are read back.

`iob1`: I- inside an entity, B- only where one directly follows another of its type (CoNLL-2003's own files,
tjong2003conll). `iob2`: B- begins every entity. `bioes`: S- is an entity of one word, B- and E- are the ends of others.

Reading back follows conlleval, which knows no scheme: an entity goes on as long as nothing says that it does not.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Literal, NamedTuple

Scheme = Literal["iob1", "iob2", "bioes"]

OUTSIDE = "O"
PREFIXES = {"iob1": "IB", "iob2": "BI", "bioes": "BIES"}
RULES = {
    "iob1": "an entity is I-…, and begins with B- only directly behind another of its type",
    "iob2": "an entity is B- and then only I- of its type",
    "bioes": "an entity is S- alone, or B-, then only I-, then E-, all of its type",
}


class Span(NamedTuple):
    """An entity: its type, its first word, and the first word behind it."""

    type: str
    start: int
    stop: int


def parts_of(label: str) -> tuple[str, str]:
    """The prefix and the type: `B-PER` is B and PER, `O` is O and nothing."""
    prefix, _, type_ = label.partition("-")
    return prefix, type_


def spans_of(labels: Items[str]) -> list[Span]:
    """The entities in the labels of a sentence, as conlleval reads them, whatever their scheme."""
    spans = []
    start, (before, type_before) = 0, (OUTSIDE, "")
    for place, label in enumerate([*labels, OUTSIDE]):
        prefix, type_ = parts_of(label)
        apart = type_ != type_before
        if before != OUTSIDE and (apart or before in "ES" or prefix in "BSO"):
            spans.append(Span(type_before, start, place))
        if prefix != OUTSIDE and (apart or before in "ESO" or prefix in "BS"):
            start = place
        before, type_before = prefix, type_
    return spans


def well_formed(labels: Items[str], scheme: Scheme) -> list[bool]:
    """Whether each of `spans_of(labels)` is written as the scheme says."""
    result = []
    behind: Span | None = None
    for span in spans_of(labels):
        prefixes = "".join(parts_of(label)[0] for label in labels[span.start : span.stop])
        inner = prefixes[1:-1].strip("I") == ""
        if scheme == "bioes":
            right = prefixes == "S" or (len(prefixes) > 1 and prefixes[0] + prefixes[-1] == "BE" and inner)
        elif scheme == "iob2":
            right = prefixes[0] == "B" and not prefixes[1:].strip("I")
        else:
            follows = behind is not None and (behind.type, behind.stop) == (span.type, span.start)
            right = prefixes[0] == ("B" if follows else "I") and not prefixes[1:].strip("I")
        result.append(right)
        behind = span
    return result


def strict_spans_of(labels: Items[str], scheme: Scheme) -> list[Span]:
    """Only those entities that are written as the scheme says."""
    return [span for span, right in zip(spans_of(labels), well_formed(labels, scheme), strict=True) if right]


def first_fault(labels: Items[str], scheme: Scheme) -> int | None:
    """The place of the first label that the scheme does not allow there, or None."""
    faults = []
    for place, label in enumerate(labels):
        prefix, type_ = parts_of(label)
        if label != OUTSIDE and (len(prefix) != 1 or prefix not in PREFIXES[scheme] or not type_):
            faults.append(place)
            break
    known = labels[: faults[0]] if faults else labels
    pairs = zip(spans_of(known), well_formed(known, scheme), strict=True)
    faults += [span.start for span, right in pairs if not right and (not faults or span.stop < faults[0])]
    return min(faults, default=None)


def written(spans: Items[Span], length: int, scheme: Scheme) -> list[str]:
    """The labels of a sentence's entities, which are in order and do not overlap."""
    labels = [OUTSIDE] * length
    behind: Span | None = None
    for span in spans:
        size = span.stop - span.start
        if scheme == "bioes":
            prefixes = "S" if size == 1 else "B" + "I" * (size - 2) + "E"
        else:
            follows = behind is not None and (behind.type, behind.stop) == (span.type, span.start)
            prefixes = ("B" if scheme == "iob2" or follows else "I") + "I" * (size - 1)
        labels[span.start : span.stop] = [f"{prefix}-{span.type}" for prefix in prefixes]
        behind = span
    return labels
