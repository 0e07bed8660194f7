import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail_standard.caption_words import LONGEST, WORDS, vocabulary
from dovetail_standard.scene_space import Thing
from dovetail_standard.statements import APART, Counts, Exists, Lies, Parse, lies, parse

CIRCLE = Thing("circle", "red", "large", 25, 70)
STAR = Thing("star", "blue", "small", 80, 10)
RED_STAR = Thing("star", "red", "small", 60, 72)


def said(**attributes: str) -> frozenset:
    return frozenset(attributes.items())


def stated(text: str) -> tuple:
    found = parse(text.split())
    assert not found.rest
    return found.statements


@pytest.mark.parametrize(
    "text",
    [
        "a large red circle",
        "there is a big crimson disc",
        "The image shows a huge, scarlet ball.",
        "large red circle",
        "an image of the red large circle",
        "the red circle is large",
        "the circle is large and red",
        "a circle lies red and big",
    ],
)
def test_synonyms_and_forms_state_the_same(text):
    assert stated(text) == (Exists(said(size="large", colour="red", shape="circle")),)


def test_a_list_states_that_each_thing_exists_once():
    assert stated("a red circle and a star with a shape and a red ball") == (
        Exists(said(colour="red", shape="circle")),
        Exists(said(shape="star")),
        Exists(said()),
    )


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("left of", "left"),
        ("is to the left of", "left"),
        ("stands right of", "right"),
        ("to the right of", "right"),
        ("above", "above"),
        ("lies over", "above"),
        ("higher than", "above"),
        ("below", "below"),
        ("under", "below"),
        ("is beneath", "below"),
        ("lower than", "below"),
    ],
)
def test_a_place_is_stated_between_two_things_that_exist(words, place):
    circle, star = said(shape="circle"), said(shape="star", colour="blue")
    assert stated(f"a circle {words} an azure star") == (Exists(circle), Exists(star), Lies(circle, place, star))


def test_a_second_place_is_the_first_things():
    circle, star, square = said(shape="circle"), said(shape="star"), said(shape="square")
    expected = {Lies(circle, "above", star), Lies(circle, "left", square)}
    assert expected < set(stated("a circle above a star and to the left of a square"))
    assert set(stated("a circle above a star and a square left of a star")) == {
        Exists(circle),
        Exists(star),
        Exists(square),
        Lies(circle, "above", star),
        Lies(square, "left", star),
    }


def test_numbers_are_exact():
    assert stated("there are two small red crosses") == (Counts(2, said(size="small", colour="red", shape="cross")),)
    assert stated("one plus and three shapes") == (Counts(1, said(shape="cross")), Counts(3, said()))
    assert not Counts(1, said()).holds([CIRCLE, STAR])
    assert Counts(2, said(shape="star")).holds([CIRCLE, STAR, RED_STAR])


def test_a_predicate_ends_where_another_thing_begins():
    assert stated("the circle is red and small star") == (
        Exists(said(shape="circle", colour="red")),
        Exists(said(shape="star", size="small")),
    )


def test_what_exists_must_be_all_that_is_said_at_once():
    scene = [CIRCLE, STAR]
    assert Exists(said(shape="circle", colour="red")).holds(scene)
    assert not Exists(said(shape="circle", colour="blue")).holds(scene)
    assert Exists(said()).holds(scene)
    assert not Exists(said()).holds([])


def test_two_colours_of_one_thing_fit_nothing():
    (statement,) = stated("a red blue circle")
    assert not statement.holds([CIRCLE, Thing("circle", "blue", "large", 80, 80)])


def test_places_count_y_from_the_top():
    assert lies(CIRCLE, "left", STAR)
    assert lies(CIRCLE, "below", STAR)
    assert lies(STAR, "right", CIRCLE)
    assert lies(STAR, "above", CIRCLE)
    assert not lies(CIRCLE, "above", RED_STAR)
    assert not lies(CIRCLE, "below", RED_STAR)


def test_a_place_needs_a_clear_distance():
    other = CIRCLE._replace(x=CIRCLE.x + APART)
    assert lies(CIRCLE, "left", other)
    assert not lies(CIRCLE._replace(x=CIRCLE.x + 1), "left", other)


def test_a_place_holds_of_any_fitting_pair_and_of_nothing_with_itself():
    star = said(shape="star")
    assert Lies(star, "left", star).holds([CIRCLE, STAR, RED_STAR])
    assert not Lies(star, "left", star).holds([CIRCLE, STAR])


@pytest.mark.parametrize(
    ("text", "rest", "parsed"),
    [
        ("a red circle next to a star", ["next", "to"], 5 / 7),
        ("a circle is", ["is"], 2 / 3),
        ("circles", ["circles"], 0),
        ("a red", ["a", "red"], 0),
        ("no star", ["no"], 1 / 2),
        ("two circle", ["two"], 1 / 2),
        ("i see", ["i", "see"], 0),
        ("a dog and a red circle and it runs", ["a", "dog", "and", "it", "runs"], 4 / 9),
        ("above a circle", ["above"], 2 / 3),
        ("a <unknown> circle", ["a", "<unknown>"], 1 / 3),
    ],
)
def test_words_that_state_nothing_are_left_over(text, rest, parsed):
    found = parse(text.split())
    assert list(found.rest) == rest
    assert found.parsed == pytest.approx(parsed)


def test_no_words_state_nothing():
    assert parse([]) == parse(["..."]) == Parse((), (), 0)
    assert parse([]).parsed == 0


@given(st.lists(st.sampled_from([*WORDS, "dog", "<unknown>", ",", ""]), max_size=30))
def test_any_words_can_be_parsed_and_none_is_lost(words):
    found = parse(words)
    assert 0 <= found.parsed <= 1
    assert len(found.rest) <= found.words
    for statement in found.statements:
        statement.holds([CIRCLE, STAR, RED_STAR])


def test_the_vocabulary_has_each_word_of_the_grammar_once():
    symbols = vocabulary().symbols
    assert len(set(symbols)) == len(symbols) == len(WORDS) + 4
    assert symbols[:4] == ("<pad>", "<start>", "<end>", "<unknown>")
    assert {"red", "crimson", "circle", "discs", "left", "than", "three", "there", "with"} < set(symbols)


def test_the_longest_caption_has_as_many_words_as_the_grammar_allows():
    thing = "a small black disc"
    text = f"an image of {thing} to the left of {thing} and to the right of {thing}"
    assert len(text.split()) == LONGEST
    assert len(stated(text)) == 3
