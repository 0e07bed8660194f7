import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

import dovetail
from dovetail import Faults, Fields, Mistake, Tokens, Vocabulary
from dovetail_text_gan.bleu import BleuSpec, bleu
from dovetail_text_gan.self_bleu import SelfBleuSpec, halves, self_bleu
from dovetail_text_gan.unique_ngrams import UniqueNgramsSpec

ORDERS = (1, 2, 3, 4, 5)
METHOD_1 = SmoothingFunction(epsilon=0.1).method1
SENTENCE = st.lists(st.sampled_from("abcd"), max_size=7)


def words(*texts):
    return [text.split() for text in texts]


def by_nltk(sample, references):
    return sentence_bleu(references, sample, [(1 / n,) * n for n in ORDERS], METHOD_1)


def space_of(*texts, joiner=" "):
    symbols = dict.fromkeys(word for text in texts for word in text.split() if word not in Vocabulary.SPECIAL)
    return Tokens(Vocabulary.of(symbols, joiner=joiner))


def batch(space, *texts):
    rows = [[*space.vocabulary.encode(text.split()), space.vocabulary.end] for text in texts]
    return space.collate([torch.tensor(row) for row in rows])


def measured(spec, samples, references=("a",)):
    space = space_of(*samples, *references)
    metric = spec.build(outcome=Fields({"samples": space, "references": space}))
    metric.update({"samples": batch(space, *samples), "references": batch(space, *references)})
    return metric


# ----------------------------------------------------------------------------------------------------------------- BLEU


def test_bleu_is_what_it_is_by_hand():
    found = bleu(words("the cat on a mat"), words("a cat sat on a mat", "the dog sat"), (1, 2, 3, 4))
    short = math.exp(1 - 6 / 5)  # 6 is closer to 5 words than 3
    assert found[1].tolist() == pytest.approx([short])
    assert found[2].tolist() == pytest.approx([short * (2 / 4) ** (1 / 2)])  # "on a", "a mat"
    assert found[3].tolist() == pytest.approx([short * (2 / 4 * 1 / 3) ** (1 / 3)])  # "on a mat"
    assert found[4].tolist() == pytest.approx([short * (2 / 4 * 1 / 3 * 0.1 / 2) ** (1 / 4)])  # none of two


def test_a_word_counts_as_often_as_in_the_one_reference_that_has_it_most():
    found = bleu(words("a a a"), words("a b a", "a c d"), (1, 2))
    assert found[1].tolist() == pytest.approx([2 / 3])
    assert found[2].tolist() == pytest.approx([(2 / 3 * 0.1 / 2) ** (1 / 2)])


def test_of_two_lengths_that_are_as_close_the_smaller_counts():
    assert bleu(words("a b"), words("a b c", "a"), (1,))[1].tolist() == [1.0]


@settings(deadline=None)
@given(st.lists(SENTENCE, min_size=1, max_size=4), st.lists(SENTENCE, min_size=1, max_size=5))
def test_bleu_is_nltks(samples, references):
    found = bleu(samples, references, ORDERS)
    expected = [by_nltk(sample, references) for sample in samples]
    np.testing.assert_allclose(np.stack([found[n] for n in ORDERS], axis=1), expected, rtol=1e-12, atol=1e-15)


def test_the_metric_is_the_mean_over_samples_under_each_n():
    samples, references = ["a b c d", "b a", "d"], ["a b c", "b c d d", "b"]
    expected = np.mean([by_nltk(sample.split(), words(*references)) for sample in samples], axis=0)
    value = measured(BleuSpec(orders=(4, 2)), samples, references).compute()
    assert value == pytest.approx({"4": expected[3], "2": expected[1]}, rel=1e-12)
    assert [*value] == ["4", "2"]


def test_samples_and_references_may_have_vocabularies_of_their_own():
    one, other = space_of("a b c"), space_of("x c b a")
    metric = BleuSpec(orders=(3,)).build(outcome=Fields({"samples": one, "references": other}))
    metric.update({"samples": batch(one, "a b c"), "references": batch(other, "a b c", "x")})
    assert metric.compute() == {"3": 1.0}


def test_samples_that_are_all_one_reference_have_the_best_bleu_and_the_worst_self_bleu():
    samples, references = ["a b c d e"] * 6, ["a b c d e", "e d c b a", "b d a c e"]
    best = dict.fromkeys("2345", 1.0)
    assert measured(BleuSpec(), samples, references).compute() == pytest.approx(best)
    assert measured(SelfBleuSpec(), samples).compute() == pytest.approx(best)
    assert measured(SelfBleuSpec(form="two-samples"), samples).compute() == pytest.approx(best)


def test_the_treebanks_words_are_those_of_both_sides():
    samples, references = ["the dog doesn't bark."], ["the dog does n't bark ."]
    assert measured(BleuSpec(tokenizer="treebank"), samples, references).compute() == dict.fromkeys("2345", 1.0)
    assert measured(BleuSpec(), samples, references).compute()["2"] < 0.5


def test_the_treebanks_words_are_taken_from_the_text():
    letters = space_of("i t ' s o k .", joiner="")
    metric = UniqueNgramsSpec(n=1, tokenizer="treebank").build(outcome=Fields({"samples": letters}))
    metric.update({"samples": batch(letters, "i t ' s", "o k .")})
    assert metric.ngrams == {("it",), ("'s",), ("ok",), (".",)}


def test_without_nltk_the_treebank_is_a_mistake(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk.tokenize", None)
    with pytest.raises(Mistake, match=r'needs NLTK, which is not installed: pip install "dovetail\[text-gan\]"'):
        measured(BleuSpec(tokenizer="treebank"), ["a"])


def test_nothing_to_score_is_an_error_that_says_what_is_missing():
    for samples, references, missing in (([], ["a"], "samples"), (["a"], [], "references")):
        metric = measured(BleuSpec(), ["a"])
        metric.words = {"samples": words(*samples), "references": words(*references)}
        with pytest.raises(ValueError, match=f"`{missing}` must have a sentence, but none was seen"):
            metric.compute()


@pytest.mark.parametrize(
    ("orders", "error"),
    [
        ([], r"`orders` must be different numbers, at least one, but is \[\]"),
        ([2, 3, 2], r"`orders` must be different numbers, at least one, but is \[2, 3, 2\]"),
        ([0, 2], r"`orders` must be in \[1, inf\), but is 0"),
    ],
)
@pytest.mark.parametrize("name", ["bleu", "self-bleu"])
def test_orders_are_different_numbers_from_one(name, orders, error):
    with pytest.raises(Faults, match=error):
        dovetail.registry().spec("metric", f"text-gan/{name}", orders=orders)


# -------------------------------------------------------------------------------------------------------------- remarks


@pytest.mark.parametrize(
    ("samples", "references", "remark"),
    [
        (
            ["he doesn't bark", "he can't"],
            ["he does n't bark can"],
            "contractions are part of a word in 2 of 2 places of `samples` (`doesn't`), 0 of 1 of `references`",
        ),
        (
            ["a dog .", "a cat ."],
            ["a dog.", "a cat, too.", "a ."],
            "punctuation is part of a word in 3 of 4 places of `references` (`dog.`), 0 of 2 of `samples`",
        ),
        (
            ["The dog", "A dog"],
            ["the dog", "a dog"],
            "there are capitals in 2 of 4 words of `samples` (`The`), 0 of 4 of `references`",
        ),
        (
            ["a dog barks", "a dog barks"],
            ["a dog"],
            "2 of the 6 words of `samples` are in no sentence of `references` (`barks`)",
        ),
    ],
)
def test_what_speaks_against_one_tokenisation_is_said_with_its_number(samples, references, remark):
    found = measured(BleuSpec(), samples, references).remark()
    assert remark in found
    assert found.endswith('were both tokenised in the same way? `tokenizer = "treebank"` does both')


def test_nothing_is_said_of_sides_that_are_alike():
    references = ["the dog does n't bark .", "a cat , too ."]
    assert measured(BleuSpec(), ["the cat does n't bark ."], references).remark() == ""
    assert measured(BleuSpec(), ["The dog.", "It isn't"], ["The . dog.", "It isn't"]).remark() == ""
    assert measured(BleuSpec(tokenizer="treebank"), ["the dog doesn't bark."], references).remark() == ""


def test_unknown_tokens_are_counted():
    metric = measured(BleuSpec(), ["a <unknown>"], ["a b", "<unknown> a <unknown>"])
    assert metric.remark() == "unknown tokens, which match one another: 1 of `samples`, 2 of `references`"


# ------------------------------------------------------------------------------------------------------------ self-BLEU


def test_self_bleu_is_what_it_is_by_hand():
    found = self_bleu(words("a a b", "a b", "a c"), (1, 2))
    assert found[1].tolist() == pytest.approx([2 / 3, 1, 1 / 2])  # one "a" of two, as none of the others has more
    assert found[2].tolist() == pytest.approx([(2 / 3 * 1 / 2) ** (1 / 2), 1, (1 / 2 * 0.1 / 1) ** (1 / 2)])


@settings(deadline=None)
@given(st.lists(SENTENCE, min_size=2, max_size=6))
def test_self_bleu_is_nltks_with_all_the_others_as_references(samples):
    found = self_bleu(samples, ORDERS)
    expected = [by_nltk(sample, samples[:at] + samples[at + 1 :]) for at, sample in enumerate(samples)]
    np.testing.assert_allclose(np.stack([found[n] for n in ORDERS], axis=1), expected, rtol=1e-12, atol=1e-15)


@given(st.permutations([["a"], ["a", "b"], ["c"], ["a"], ["d", "d"]]))
def test_two_halves_are_all_samples_whatever_their_order(samples):
    one, other = halves(samples)
    assert (len(one), len(other)) == (2, 3)
    assert sorted([*one, *other]) == sorted(samples)
    assert (one, other) == halves(samples[::-1])


def test_samples_that_are_alike_get_into_both_halves():
    one, other = halves([["a"]] * 500 + [["b"]] * 500)
    assert one.count(["a"]) == pytest.approx(250, abs=50)
    assert other.count(["a"]) == 500 - one.count(["a"])


def test_two_samples_are_the_bleu_of_one_half_against_the_other():
    samples = ["a b c", "b c d e", "c a", "a b d", "e d c"]
    one, other = halves(words(*samples))
    expected = np.mean([by_nltk(sample, other) for sample in one], axis=0)
    value = measured(SelfBleuSpec(form="two-samples", orders=(3,)), samples).compute()
    assert value == pytest.approx({"3": expected[2]}, rel=1e-12)


@pytest.mark.parametrize("form", ["leave-one-out", "two-samples"])
def test_one_sample_cannot_be_compared(form):
    with pytest.raises(ValueError, match="`samples` must be at least 2 to be compared with one another, but are 1"):
        measured(SelfBleuSpec(form=form), ["a b"]).compute()


# ------------------------------------------------------------------------------------------------------- unique n-grams


def test_an_ngram_counts_once_over_all_samples():
    assert measured(UniqueNgramsSpec(n=2), ["a b a b", "b a", "c"]).compute() == 2
    assert measured(UniqueNgramsSpec(n=3), ["a b a b", "b a", "c"]).compute() == 2
    assert measured(UniqueNgramsSpec(), ["a b a b", "b a", "c"]).compute() == 1
    assert measured(UniqueNgramsSpec(n=5), ["a b a b", "b a", "c"]).compute() == 0


def test_no_samples_have_no_number_of_ngrams():
    metric = measured(UniqueNgramsSpec(), ["a"])
    metric.reset()
    with pytest.raises(ValueError, match="`samples` must have a sentence, but none was seen"):
        metric.compute()
