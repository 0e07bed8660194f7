"""BLEU of a corpus of captions, each against the references of its own image.

Paper: papineni2002bleu, Section 2.3, as sacrebleu computes it (post2018sacrebleu).

    p_n = Σ_caption Σ_g min(count of g in the caption, its largest count in one of its references) / Σ_caption Σ_g count
    BLEU-N = min(1, exp(1 - r / c)) · (p_1 ⋯ p_N)^(1/N)

g runs over a caption's n-grams, c is the number of words of all captions, and r the sum over captions of the length of
the reference that is closest, the smaller of two. There is no smoothing: where no n-gram matches, BLEU-N is 0. Values
lie between 0 and 1, as all of Dovetail's BLEU; papers on captions print a hundred times as much.

*Not covered:* the mean over sentences, which is `text-gan/bleu`; other tokens than the dataset's (see `caption_score`).
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from dovetail import Fields, MetricSpec, Mistake, Tokens
from dovetail_hacap.caption_score import CaptionScore, Words
from dovetail_standard.captions_space import Captions

ORDERS = (1, 2, 3, 4)


@frozen(kw_only=True)
class CorpusBleuSpec(MetricSpec):
    """BLEU-1 to BLEU-4 of all captions together; a table by N."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,), "references": (Captions,)}

    def build(self, *, outcome: Fields) -> CaptionScore:
        _sacrebleu()
        return CaptionScore(
            samples=outcome["samples"], references=outcome["references"], score=corpus_bleu, unit="BLEU"
        )


def corpus_bleu(samples: list[Words], references: list[list[Words]]) -> dict[str, float]:
    """BLEU-N of the corpus by N. Each image must have as many references.

    Raises:
        Mistake: where sacrebleu is not installed.
    """
    bleu = _sacrebleu()
    streams = [[" ".join(reference) for reference in stream] for stream in zip(*references, strict=True)]
    counter = bleu(tokenize="none", smooth_method="none", force=True, max_ngram_order=max(ORDERS))
    found = counter.corpus_score([" ".join(caption) for caption in samples], streams)
    return {
        str(n): bleu.compute_bleu(
            found.counts[:n], found.totals[:n], found.sys_len, found.ref_len, smooth_method="none", max_ngram_order=n
        ).score
        / 100
        for n in ORDERS
    }


def _sacrebleu() -> Any:
    try:
        from sacrebleu.metrics import BLEU  # an extra
    except ImportError as error:
        raise Mistake(
            'hacap/corpus-bleu needs sacrebleu, which is not installed: pip install "dovetail[hacap]"'
        ) from error
    return BLEU
