"""The words of captions of scenes: for each thing that can be said, the ways to say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from dovetail.spaces import Vocabulary

SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
COLOUR_WORDS = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange", "tangerine"),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rosy"),
    "black": ("black", "ebony"),
}
ANY = "any"
"""The key of the nouns that say no shape."""
NOUNS = {
    "circle": (("circle", "circles"), ("disc", "discs"), ("ball", "balls")),
    "square": (("square", "squares"), ("box", "boxes")),
    "triangle": (("triangle", "triangles"), ("wedge", "wedges")),
    "star": (("star", "stars"), ("pentagram", "pentagrams")),
    "cross": (("cross", "crosses"), ("plus", "pluses")),
    ANY: (("shape", "shapes"), ("object", "objects"), ("figure", "figures")),
}
PLACES = {
    "left": ("left of", "to the left of"),
    "right": ("right of", "to the right of"),
    "above": ("above", "over", "higher than"),
    "below": ("below", "under", "beneath", "lower than"),
}
NUMBERS = {1: ("one",), 2: ("two",), 3: ("three",)}
ARTICLES = ("a", "an", "the")
VERBS = ("is", "lies", "stands")
OPENINGS = ("there is", "a picture of", "an image of", "the image shows", "i see", "we see")
PLURAL_OPENINGS = ("there are", *OPENINGS[1:])
JOINERS = ("and", "with")

Value = TypeVar("Value")
Phrases = Mapping[tuple[str, ...], Value]
"""The words of each phrase, and what they mean."""


def _phrases(words: Mapping[Value, Iterable[str]]) -> Phrases[Value]:
    return {tuple(phrase.split()): value for value, phrases in words.items() for phrase in phrases}


ADJECTIVE = {
    **_phrases({("size", value): words for value, words in SIZE_WORDS.items()}),
    **_phrases({("colour", value): words for value, words in COLOUR_WORDS.items()}),
}
SINGULAR = _phrases({shape: [one for one, _ in words] for shape, words in NOUNS.items()})
PLURAL = _phrases({shape: [many for _, many in words] for shape, words in NOUNS.items()})
PLACE = _phrases(PLACES)
NUMBER = _phrases(NUMBERS)
ARTICLE = _phrases({"": ARTICLES})
VERB = _phrases({"": VERBS})
OPENING = _phrases({"": dict.fromkeys(OPENINGS + PLURAL_OPENINGS)})
JOINER = _phrases({"": JOINERS})

_TABLES = (OPENING, JOINER, ARTICLE, NUMBER, ADJECTIVE, SINGULAR, PLURAL, VERB, PLACE)
WORDS = tuple(dict.fromkeys(word for table in _TABLES for phrase in table for word in phrase))
"""Every word of the grammar, once, in a fixed order."""

_THING = 4
LONGEST = max(map(len, OPENING)) + 3 * _THING + 2 * max(map(len, PLACE)) + 1
"""Words of the longest caption that is written: an opening, three things, two places and an `and`."""


def vocabulary() -> Vocabulary:
    """The special symbols, and then all words of the grammar."""
    return Vocabulary.of(WORDS)
