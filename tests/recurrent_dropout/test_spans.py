"""How spans of labels are written and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail_recurrent_dropout.spans import Span, first_fault, spans_of, strict_spans_of, written

SCHEMES = ("iob1", "iob2", "bioes")


@st.composite
def sentences(draw):
    """Entities in order, and the length of their sentence."""
    spans, place = [], 0
    for gap, size, type_ in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("ab")))):
        spans.append(Span(type_, place + gap, place + gap + size))
        place += gap + size
    return spans, place + draw(st.integers(0, 2))


@given(sentences(), st.sampled_from(SCHEMES))
def test_what_is_written_is_read_back_and_valid(sentence, scheme):
    spans, length = sentence
    labels = written(spans, length, scheme)
    assert spans_of(labels) == spans
    assert strict_spans_of(labels, scheme) == spans
    assert first_fault(labels, scheme) is None


def test_the_three_schemes_write_two_neighbours_as_their_definitions_say():
    spans = [Span("PER", 0, 2), Span("PER", 2, 3), Span("LOC", 3, 6)]
    assert written(spans, 7, "iob1") == ["I-PER", "I-PER", "B-PER", "I-LOC", "I-LOC", "I-LOC", "O"]
    assert written(spans, 7, "iob2") == ["B-PER", "I-PER", "B-PER", "B-LOC", "I-LOC", "I-LOC", "O"]
    assert written(spans, 7, "bioes") == ["B-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "O"]


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        (["I-PER", "I-PER", "O"], [("PER", 0, 2)]),  # iob1
        (["O", "I-PER", "B-PER"], [("PER", 1, 2), ("PER", 2, 3)]),
        (["B-PER", "I-LOC"], [("PER", 0, 1), ("LOC", 1, 2)]),  # another type ends an entity
        (["B-PER", "E-PER", "E-PER"], [("PER", 0, 2), ("PER", 2, 3)]),
        (["S-PER", "S-PER"], [("PER", 0, 1), ("PER", 1, 2)]),
        (["O", "O"], []),
        ([], []),
    ],
)
def test_spans_are_read_as_conlleval_reads_them(labels, spans):
    assert [tuple(span) for span in spans_of(labels)] == spans


@pytest.mark.parametrize(
    ("labels", "scheme", "spans"),
    [
        (["I-PER", "O", "B-PER", "I-PER"], "iob2", [("PER", 2, 4)]),
        (["B-PER", "I-PER", "O", "S-LOC"], "bioes", [("LOC", 3, 4)]),
        (["I-PER", "O", "B-PER"], "iob1", [("PER", 0, 1)]),
    ],
)
def test_strictly_only_what_the_scheme_allows_counts(labels, scheme, spans):
    assert [tuple(span) for span in strict_spans_of(labels, scheme)] == spans


@pytest.mark.parametrize(
    ("labels", "scheme", "place"),
    [
        (["O", "B-PER"], "iob1", 1),
        (["I-PER", "B-LOC"], "iob1", 1),
        (["O", "I-PER"], "iob2", 1),
        (["B-PER", "I-LOC"], "iob2", 1),
        (["S-PER", "B-PER", "O"], "bioes", 1),
        (["O", "E-PER"], "bioes", 1),
        (["O", "S-PER"], "iob2", 1),
        (["PER"], "iob1", 0),
        (["O", "B-"], "iob2", 1),
    ],
)
def test_the_first_label_that_a_scheme_does_not_allow_is_found(labels, scheme, place):
    assert first_fault(labels, scheme) == place
