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

from attrs import frozen

from dovetail import Fields, MetricSpec, Tokens
from dovetail_hacap.caption_score import CaptionScore, Words
from dovetail_standard.captions_space import Captions

BETA = 1.2


@frozen(kw_only=True)
class RougeLSpec(MetricSpec):
    """Mean ROUGE-L of captions."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,), "references": (Captions,)}

    def build(self, *, outcome: Fields) -> CaptionScore:
        return CaptionScore(
            samples=outcome["samples"], references=outcome["references"], score=mean_rouge_l, unit="ROUGE-L"
        )


def rouge_l(caption: Words, references: Iterable[Words]) -> float:
    """ROUGE-L of one caption, of which there must be a reference."""
    caption = caption or [""]
    shared = [(longest_common(caption, reference or [""]), len(reference) or 1) for reference in references]
    precision = max(common for common, _ in shared) / len(caption)
    recall = max(common / length for common, length in shared)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if precision else 0.0


def mean_rouge_l(samples: list[Words], references: list[list[Words]]) -> float:
    """The mean of ROUGE-L over samples; each image must have a reference."""
    return math.fsum(map(rouge_l, samples, references)) / len(samples)


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
