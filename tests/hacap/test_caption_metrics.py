import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from dovetail import Fields, Mistake, Tokens, Vocabulary
from dovetail_hacap.cider import CiderSpec, cider_d
from dovetail_hacap.corpus_bleu import CorpusBleuSpec, corpus_bleu
from dovetail_hacap.rouge_l import RougeLSpec, longest_common, rouge_l
from dovetail_standard.captions_space import Captions

SPECS = {"corpus-bleu": CorpusBleuSpec, "cider": CiderSpec, "rouge-l": RougeLSpec}
CAPTION = st.lists(st.sampled_from("abcd"), max_size=7)


@st.composite
def corpora(draw, caption=CAPTION):
    """Captions with as many references for each."""
    images, count = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    sides = [draw(st.lists(caption, min_size=n, max_size=n)) for n in (images, images * count)]
    return sides[0], [sides[1][count * image : count * (image + 1)] for image in range(images)]


def words(*texts):
    return [text.split() for text in texts]


def by_coco(scorer, samples, references, **options):
    """Each caption's score by the evaluation code of COCO's captions; BLEU's of the corpus."""
    res = {image: [" ".join(caption)] for image, caption in enumerate(samples)}
    gts = {image: [" ".join(reference) for reference in several] for image, several in enumerate(references)}
    corpus, single = scorer.compute_score(gts, res, **options)
    return corpus if isinstance(corpus, list) else single


def space_of(*texts):
    symbols = dict.fromkeys(word for text in texts for word in text.split() if word not in Vocabulary.SPECIAL)
    return Tokens(Vocabulary.of(symbols))


def batch(space, texts):
    rows = [[*space.vocabulary.encode(text.split()), space.vocabulary.end] for text in texts]
    return space.collate([torch.tensor(row) for row in rows])


def measured(name, samples, references):
    """A metric that has seen captions, each with its texts of references."""
    own, other = space_of(*samples), space_of(*(text for several in references for text in several))
    spaces = Fields({"samples": own, "references": Captions(len(references[0]), other)})
    metric = SPECS[name]().build(outcome=spaces)
    columns = zip(*references, strict=True)
    metric.update({"samples": batch(own, samples), "references": tuple(batch(other, texts) for texts in columns)})
    return metric


# ----------------------------------------------------------------------------------------------------------------- BLEU


def test_bleu_sums_over_captions_before_it_divides():
    samples = words("a dog on a mat", "a cat")
    references = [words("a dog sat on a mat", "the dog"), words("a cat sat", "the cat is on the mat")]
    found = corpus_bleu(samples, references)
    short = math.exp(1 - (6 + 3) / (5 + 2))  # 6 is closer to 5 words than 2, and 3 to 2 words than 6
    assert found["1"] == pytest.approx(short * 7 / 7)
    assert found["2"] == pytest.approx(short * math.sqrt(7 / 7 * (3 + 1) / (4 + 1)))  # all but "dog on"
    assert found["3"] == pytest.approx(short * (7 / 7 * 4 / 5 * 1 / 3) ** (1 / 3))  # "on a mat"
    assert found["4"] == 0


def test_a_caption_has_only_its_own_images_references():
    references = [words("a dog", "the dog"), words("a cat", "the cat")]
    assert corpus_bleu(words("a dog", "the cat"), references)["2"] == pytest.approx(1)
    assert corpus_bleu(words("the cat", "a dog"), references)["1"] == pytest.approx(2 / 4)
    assert corpus_bleu(words("the cat", "a dog"), references)["2"] == 0


@settings(deadline=None)
@given(corpora())
def test_bleu_is_cocos_which_has_a_little_in_the_place_of_nothing(corpus):
    samples, references = corpus  # 10⁻¹⁵ matches of 10⁻⁹ n-grams, where there is none: a precision of 10⁻⁶
    found = corpus_bleu(samples, references)
    expected = by_coco(Bleu(4), samples, references, verbose=0)
    for value, theirs in zip(found.values(), expected, strict=True):
        assert value == (pytest.approx(theirs, rel=1e-6) if value else pytest.approx(0, abs=1.01 * 10 ** (-6 / 4)))


def test_without_sacrebleu_bleu_is_a_mistake(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(Mistake, match=r'needs sacrebleu, which is not installed: pip install "dovetail\[hacap\]"'):
        measured("corpus-bleu", ["a"], [["a"]])


# ---------------------------------------------------------------------------------------------------------------- CIDEr


def test_cider_is_what_it_is_by_hand():
    samples = words("a red dog", "a cat")
    references = [words("a red dog runs", "one dog"), words("a cat")]
    # weights: of "a" log(2/2) = 0, of any other n-gram log(2/1) = l, as it is in one image's references
    unigrams = [math.sqrt(2) / math.sqrt(3), 1 / math.sqrt(2) / math.sqrt(2)]  # red dog; red dog runs; one dog
    bigrams = [2 / math.sqrt(2) / math.sqrt(3), 0]  # "a red", "red dog"; and "dog runs"; "one dog"
    trigrams = [1 / math.sqrt(2), 0]  # "a red dog"; and "red dog runs"
    similar = [(u + b + t) / 4 for u, b, t in zip(unigrams, bigrams, trigrams, strict=True)]
    penalty = math.exp(-1 / (2 * 6**2))  # both references differ from the caption by one word
    expected = [10 * penalty * sum(similar) / 2, 10 * (1 + 1) / 4]  # "cat" and "a cat" are alike; longer ones are none
    assert cider_d(samples, references).tolist() == pytest.approx(expected)


def test_words_that_are_said_again_and_again_are_clipped_by_ciders_d():
    references = [words("a dog"), words("a cat")]
    once, again = cider_d(words("dog", "cat"), references), cider_d(words("dog dog dog dog", "cat"), references)
    penalties = [math.exp(-((1 - length) ** 2) / 72) for length in (0, 3)]  # in bigrams: none, three, and the one of it
    # unigrams only: 1 · 1 / (1 · 1), and min(4, 1) · 1 / (4 · 1)
    assert (once[0], again[0]) == pytest.approx((10 / 4 * penalties[0], 10 / 4 / 4 * penalties[1]))


@settings(deadline=None)
@given(corpora())
def test_cider_is_cocos(corpus):
    samples, references = corpus
    if any(reference for several in references for reference in several):  # else theirs is an error
        np.testing.assert_allclose(cider_d(samples, references), by_coco(Cider(), samples, references), atol=1e-9)


def test_cider_of_references_without_a_word_is_nothing():
    assert cider_d(words("a b", ""), [words(""), words("")]).tolist() == [0, 0]


def test_cider_of_one_image_is_nothing_and_says_why():
    metric = measured("cider", ["a dog"], [["a dog"]])
    assert metric.compute() == 0
    assert metric.remark() == "of one image CIDEr-D is 0: it takes several to tell rare n-grams from others"


# -------------------------------------------------------------------------------------------------------------- ROUGE-L


def test_rouge_l_is_what_it_is_by_hand():
    precision, recall = 3 / 4, 2 / 2  # "a dog mat" of the one, "a dog" of the other
    expected = (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)
    assert rouge_l(["a", "dog", "a", "mat"], words("a dog on the mat", "a dog")) == pytest.approx(expected)
    assert rouge_l(["c"], words("a b")) == 0


def test_the_longest_common_subsequence_may_have_gaps_and_keeps_the_order():
    assert longest_common(list("abcbdab"), list("bdcaba")) == 4
    assert longest_common(list("abc"), list("cba")) == 1
    assert longest_common([], list("ab")) == 0


@settings(deadline=None)
@given(corpora())
def test_rouge_l_is_cocos(corpus):
    samples, references = corpus
    found = [rouge_l(*pair) for pair in zip(samples, references, strict=True)]
    np.testing.assert_allclose(found, by_coco(Rouge(), samples, references), atol=1e-9)


# ----------------------------------------------------------------------------------------------------------------- each


def test_the_metrics_are_means_over_captions_and_bleu_is_that_of_the_corpus():
    samples, references = ["a b c d", "b a", "d"], [["a b c", "a d"], ["b c d d", "a"], ["b", "d a"]]
    pair = words(*samples), [words(*several) for several in references]
    assert measured("cider", samples, references).compute() == pytest.approx(by_coco(Cider(), *pair).mean())
    assert measured("rouge-l", samples, references).compute() == pytest.approx(by_coco(Rouge(), *pair).mean())
    bleu = measured("corpus-bleu", samples, references).compute()
    assert [*bleu] == ["1", "2", "3", "4"]
    assert bleu == pytest.approx(corpus_bleu(*pair))


@pytest.mark.parametrize("name", SPECS)
def test_the_value_is_the_same_to_the_last_bit_in_any_order_and_merged(name):
    samples = [" ".join("abcde"[place % n] for place in range(3 + n)) for n in range(1, 6)]
    references = [[samples[(n + 1) % 5], samples[n][2:]] for n in range(5)]
    whole = measured(name, samples, references)
    parts = [measured(name, samples[place : place + 1], references[place : place + 1]) for place in (3, 1, 4, 0, 2)]
    for part in parts[1:]:
        parts[0].merge(part)
    assert parts[0].compute() == whole.compute()
    assert parts[0].remark() == whole.remark()


@pytest.mark.parametrize(("name", "best"), [("cider", 10), ("rouge-l", 1), ("corpus-bleu", 1)])
def test_captions_that_are_their_references_are_the_best_there_are(name, best):
    samples = ["a b c d e", "f g h i", "k l m n o p"]
    value = measured(name, samples, [[text, text] for text in samples]).compute()
    assert value == pytest.approx(dict.fromkeys("1234", best) if name == "corpus-bleu" else best)


@pytest.mark.parametrize("name", SPECS)
def test_nothing_to_score_is_an_error(name):
    metric = measured(name, ["a"], [["a"]])
    metric.reset()
    with pytest.raises(ValueError, match="`samples` must have a caption, but none was seen"):
        metric.compute()


@pytest.mark.parametrize("name", SPECS)
def test_captions_are_as_many_as_images(name):
    metric, other = measured(name, ["a"], [["a", "b"]]), space_of("a b")
    with pytest.raises(ValueError, match="`samples` must be as many as `references`, 2, but are 1"):
        metric.update(
            {"samples": batch(space_of("a"), ["a"]), "references": (batch(other, ["a", "b"]), batch(other, ["b", "a"]))}
        )


@pytest.mark.parametrize("name", SPECS)
def test_captions_without_a_word_and_unknown_tokens_are_counted(name):
    metric = measured(name, ["a <unknown>", "", "b a"], [["a b", "<unknown> a <unknown>"], ["a b"] * 2, ["", "b"]])
    assert metric.remark() == (
        "1 of 3 `samples` have no word; 1 of 6 `references` have no word;"
        " unknown tokens, which match one another: 1 of `samples`, 2 of `references`"
    )


def test_cider_of_a_single_image_is_said_to_be_0():
    metric = measured("cider", ["a b"], [["a b"]])
    assert metric.compute() == 0
    assert metric.remark().startswith("of one image CIDEr-D is 0: ")
    assert not measured("rouge-l", ["a b"], [["a b"]]).remark()


def test_sides_that_were_taken_apart_in_different_ways_are_said():
    assert "punctuation is part of a word" in measured("cider", ["a dog.", "a cat."], [["a dog ."]] * 2).remark()
