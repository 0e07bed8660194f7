"""CIDEr-D: how much captions have in common with what people say of the same image, rare n-grams counting most.

Paper: vedantam2015cider, Section 4, in the form of Section 6 (CIDEr-D), as the evaluation code of COCO's captions has
it (chen2015captions): its numbers, for words that are taken apart alike.

    weight(g, s) = count of g in s · log(N / number of images that have g in a reference, at least 1)
    sim_n(c, s)  = Σ_g min(weight(g, c), weight(g, s)) · weight(g, s) / (|weight(·, c)| |weight(·, s)|)
    CIDEr-D      = 10 · mean over captions c, references s of c's image, and n of sim_n(c, s) · exp(-(l_c - l_s)² / 2σ²)

g runs over n-grams of n = 1, …, 4 words, N is the number of images, σ = 6. Values lie between 0 and 10. Document
frequencies are those of the references that are evaluated: values of different images are not comparable, and of one
image alone the value is 0, as then every n-gram is in all of them.

*Differs from the paper:* as in the evaluation code, l is the number of a caption's bigrams, one less than that of its
words; the two differ where one of both captions is empty. Words are not stemmed.

Axes: sentence, the samples and then all references; reference; image; entry, an n-gram in a sentence that has it.
"""

from __future__ import annotations

import math
from itertools import chain

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dovetail import Fields, MetricSpec, Tokens
from dovetail_hacap.caption_score import CaptionScore, Words
from dovetail_standard.captions_space import Captions
from dovetail_standard.ngrams import Counts, Integers, counts_of, lengths_of

LONGEST = 4
SIGMA = 6.0
SCALE = 10.0
Numbers = NDArray[np.float64]


@frozen(kw_only=True)
class CiderSpec(MetricSpec):
    """CIDEr-D of captions, with the document frequencies of the references that are evaluated."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,), "references": (Captions,)}

    def build(self, *, outcome: Fields) -> CaptionScore:
        return CaptionScore(
            samples=outcome["samples"],
            references=outcome["references"],
            score=mean_cider_d,
            unit="CIDEr-D",
            alone="of one image CIDEr-D is 0: it takes several to tell rare n-grams from others",
        )


def cider_d(samples: list[Words], references: list[list[Words]]) -> Numbers:
    """CIDEr-D of each sample; each image must have a reference. Shape: (image)."""
    sentences = [*samples, *chain.from_iterable(references)]
    images = np.arange(len(samples))
    image = np.concatenate([images, np.repeat(images, [len(several) for several in references])])
    similarity = sum(similarities(counts, image, len(samples)) for counts in counts_of(sentences, LONGEST)) / LONGEST
    bigrams = np.maximum(lengths_of(sentences) - 1, 0)
    apart, image = (bigrams - bigrams[image])[len(samples) :], image[len(samples) :]
    each = SCALE * similarity * np.exp(-(apart**2) / (2 * SIGMA**2))
    return np.bincount(image, each) / np.bincount(image)


def mean_cider_d(samples: list[Words], references: list[list[Words]]) -> float:
    """The mean of CIDEr-D over samples; each image must have a reference."""
    values = cider_d(samples, references)
    return math.fsum(values) / len(values)


def similarities(counts: Counts, image: Integers, images: int) -> Numbers:
    """sim_n of each reference with the sample of its image. Shape: image (sentence), result (reference)."""
    distinct = max(counts.distinct, 1)
    referring = counts.sentence >= images
    having = np.unique(image[counts.sentence[referring]] * distinct + counts.ngram[referring])
    frequency = np.bincount(having % distinct, minlength=distinct)
    weight = counts.count * np.log(images / np.maximum(frequency, 1))[counts.ngram]
    weights = csr_array((weight, (counts.sentence, counts.ngram)), shape=(len(image), distinct))
    norms = np.sqrt(np.bincount(counts.sentence, weight**2, len(image)))
    samples, references = weights[image[images:]], weights[images:]
    products = references.multiply(samples.minimum(references)).sum(axis=1)
    scale = norms[image[images:]] * norms[images:]
    return np.divide(products, scale, out=np.zeros_like(scale), where=scale > 0)
