"""ROUGE-L: the longest common subsequence of captions and references.

Paper: lin2004rouge, Section 3.1, as the evaluation code of COCO's captions has it (chen2015captions).

    P = max_s LCS(c, s) / |c|,   R = max_s LCS(c, s) / |s|,   ROUGE-L = (1 + β²) P R / (R + β² P)

s runs over the references of a caption c's image, β = 1.2; the metric is the mean over captions. A caption without a
word counts as one empty word, which is in no other but in such a reference.

*Differs from the paper:* the largest precision and the largest recall may be those of different references.

*Not covered:* other forms of ROUGE.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, final

from attrs import frozen

from dovetail import Fields, Metric, MetricSpec, Outcome, Tokens
from dovetail_hacap.captioned import Captioned, Words
from dovetail_standard.captions_space import Captions

BETA = 1.2


@frozen(kw_only=True)
class RougeLSpec(MetricSpec):
    """Mean ROUGE-L of captions."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,), "references": (Captions,)}

    def build(self, *, outcome: Fields) -> RougeL:
        return RougeL(**{name: outcome[name] for name in self.needs})


def rouge_l(caption: Words, references: Iterable[Words]) -> float:
    """ROUGE-L of one caption, of which there must be a reference."""
    caption = caption or [""]
    shared = [(longest_common(caption, reference or [""]), len(reference) or 1) for reference in references]
    precision = max(common for common, _ in shared) / len(caption)
    recall = max(common / length for common, length in shared)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if precision else 0.0


def longest_common(one: Words, other: Words) -> int:
    """The length of the longest subsequence that both have."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, each in enumerate(other, start=1):
            above = row[place]
            row[place] = before + 1 if word == each else max(above, row[place - 1])
            before = above
    return row[-1]


@final
class RougeL(Metric):
    """Keeps the words of both sides, and scores them at once."""

    direction = "higher"
    unit = "ROUGE-L"

    def __init__(self, *, samples: Tokens, references: Captions) -> None:
        super().__init__()
        self.captioned = Captioned(samples=samples, references=references)

    def reset(self) -> None:
        self.captioned.reset()

    def update(self, outcome: Outcome) -> None:
        self.captioned.update(outcome)

    def merge(self, other: Any) -> None:
        self.captioned.merge(other.captioned)

    def compute(self) -> float:
        values = [rouge_l(*pair) for pair in zip(*self.captioned.sides(), strict=True)]
        return math.fsum(values) / len(values)

    def remark(self) -> str:
        return self.captioned.remark()
