"""Span F1, by hand and against seqeval."""

import random

import pytest
import torch

from dovetail.errors import Misfit
from dovetail.spaces import Fields, Labels, Padded
from dovetail_recurrent_dropout.span_f1 import SpanF1Spec

NAMES = ("O", "B-LOC", "B-PER", "I-LOC", "I-PER")


def padded(rows, names):
    numbers = [torch.tensor([names.index(name) for name in row]) for row in rows]
    return Padded(
        torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True, padding_value=1), torch.tensor([*map(len, rows)])
    )


def measured(predictions, references, names=NAMES, **settings):
    labels = Labels(None, len(names), names)
    metric = SpanF1Spec(**settings).build(outcome=Fields({"predictions": labels, "references": labels}))
    metric.update({"predictions": padded(predictions, names), "references": padded(references, names)})
    return metric


def test_an_entity_is_right_only_whole():
    references = [["I-PER", "I-PER", "O", "I-LOC"], ["I-LOC", "B-LOC"]]  # 4 entities
    predictions = [["I-PER", "I-PER", "O", "I-PER"], ["I-LOC", "I-LOC"]]  # 3, of which 1 is right
    assert measured(predictions, references).compute() == pytest.approx(2 * 1 / (3 + 4))


def test_sentences_do_not_run_into_one_another_and_padding_does_not_count():
    both = [["O", "I-PER"], ["I-PER"]]
    metric = measured(both, both)
    assert (metric.compute(), metric.real) == (1.0, 2)


def test_without_any_entity_it_is_zero_and_without_a_sentence_an_error():
    assert measured([["O"]], [["O"]]).compute() == 0.0
    metric = measured([["O"]], [["O"]])
    metric.reset()
    with pytest.raises(ValueError, match="`span-f1` must have seen a sentence, but has seen none"):
        metric.compute()


def corpus(prefixes, seed):
    """200 random sentences, and the same with three labels in ten drawn anew."""
    draw = random.Random(seed).random
    names = ["O"] * 3 + [f"{prefix}-{type_}" for prefix in prefixes for type_ in ("PER", "LOC")]
    references = [[names[int(draw() * len(names))] for _ in range(1 + int(draw() * 9))] for _ in range(200)]
    predictions = [[name if draw() < 0.7 else names[int(draw() * len(names))] for name in row] for row in references]
    return predictions, references, tuple(sorted(set(names)))


@pytest.mark.parametrize(
    ("prefixes", "seed", "settings", "value"),
    [
        ("IB", 1, {}, 0.748338081671415),
        ("BI", 2, {}, 0.7189542483660131),
        ("BIES", 3, {}, 0.7376425855513308),
        ("BI", 2, {"mode": "strict", "scheme": "iob2"}, 0.7109634551495018),
        ("BIES", 3, {"mode": "strict", "scheme": "bioes"}, 0.698019801980198),
    ],
)
def test_it_equals_what_seqeval_1_2_2_gives_for_random_labels(prefixes, seed, settings, value):
    predictions, references, names = corpus(prefixes, seed)
    assert measured(predictions, references, names, **settings).compute() == pytest.approx(value, abs=1e-12)


def test_merging_equals_one_pass():
    predictions, references, names = corpus("BI", 5)
    one, other = (measured(predictions[part], references[part], names) for part in (slice(7), slice(7, None)))
    one.merge(other)
    assert one.compute() == measured(predictions, references, names).compute()


def test_labels_that_are_no_spans_are_refused():
    labels = Labels(None, 2, ("O", "verb"))
    with pytest.raises(Misfit, match="`outcome` must be labels with names like O, I-PER and B-PER, but is verb"):
        SpanF1Spec().build(outcome=Fields({"predictions": labels, "references": labels}))
