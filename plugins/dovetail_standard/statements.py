"""What a caption of a scene states, and whether it holds: a parser of any words, and three sorts of statement.

    caption   = [opening] things | [opening] number things | thing verb adjectives | [opening] relation
    things    = thing {joiner thing}
    relation  = thing [verb] place thing ["and" place thing]         both places are the first thing's
    thing     = [article] {adjective} noun

A caption states that things exist (*a red disc*: some object is red and a circle), how many there are (*two circles*:
exactly two), and how two of them lie (*left of*, *right of*, *above*, *below*): one centre is `APART` or more beyond
the other along the axis; scenes have no pairs that are nearly so, see `scenes`. Numbers are exact; *a* and *the* are
not.

*Not covered:* what would need a threshold that eyes do not share (*next to*, *far from*), what is true of nearly every
scene (*no star*), and words that point back (*it*): they are left over.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Items
from fractions import Fraction

from attrs import frozen

from dovetail_standard.caption_words import (
    ADJECTIVE,
    ANY,
    ARTICLE,
    JOINER,
    NUMBER,
    OPENING,
    PLACE,
    PLURAL,
    SINGULAR,
    VERB,
    Phrases,
    Value,
)
from dovetail_standard.scene_space import Thing

APART = 15
"""Per cent of the image's side that a centre must lie beyond another to be left of it, above it, …"""

Description = frozenset[tuple[str, str]]
"""What is said of one object: pairs of an attribute and its value. Two values of one attribute fit nothing."""


def fits(thing: Thing, said: Description) -> bool:
    """Whether all that is said is so of the object."""
    return all(getattr(thing, attribute) == value for attribute, value in said)


def lies(thing: Thing, place: str, other: Thing) -> bool:
    """Whether the object is `left` of the other, `right` of it, `above` or `below` it, by `APART` or more."""
    ahead = {
        "left": other.x - thing.x,
        "right": thing.x - other.x,
        "above": other.y - thing.y,
        "below": thing.y - other.y,
    }
    return ahead[place] >= APART


@frozen
class Exists:
    """Some object is as described."""

    said: Description

    def holds(self, scene: Items[Thing]) -> bool:
        return any(fits(thing, self.said) for thing in scene)


@frozen
class Counts:
    """Exactly so many objects are as described."""

    number: int
    said: Description

    def holds(self, scene: Items[Thing]) -> bool:
        return sum(fits(thing, self.said) for thing in scene) == self.number


@frozen
class Lies:
    """Some object as described lies so of some other object as described."""

    said: Description
    place: str
    other: Description

    def holds(self, scene: Items[Thing]) -> bool:
        others = [thing for thing in scene if fits(thing, self.other)]
        return any(lies(thing, self.place, other) for thing in scene if fits(thing, self.said) for other in others)


Statement = Exists | Counts | Lies


@frozen
class Parse:
    """What a caption states, each statement once. `rest` are the words that are part of none."""

    statements: tuple[Statement, ...]
    rest: tuple[str, ...]
    words: int

    @property
    def parsed(self) -> Fraction:
        """The fraction of its words that are part of a statement; 0 where there is no word."""
        return Fraction(self.words - len(self.rest), self.words or 1)


def parse(words: Iterable[str]) -> Parse:
    """The statements of any words: each is read from where the one before ends, and words that start none are skipped.

    Case, and punctuation around words, do not matter; adjectives may come in any order and articles may be missing.
    """
    read = [stripped for word in words if (stripped := word.strip(".,;:!?\"'()").lower())]
    reader = _Reader(read)
    statements: list[Statement] = []
    rest: list[str] = []
    while reader.at < len(read):
        found = reader.clause()
        statements += found
        if not found:
            rest.append(read[reader.at])
            reader.at += 1
    return Parse(tuple(dict.fromkeys(statements)), tuple(rest), len(read))


class _Reader:
    """Reads words from left to right. Each method reads one thing and moves on, or stays where it was."""

    def __init__(self, words: Items[str]) -> None:
        self.words, self.at = words, 0

    def phrase(self, table: Phrases[Value]) -> Value | None:
        for length in range(max(map(len, table)), 0, -1):
            if (found := tuple(self.words[self.at : self.at + length])) in table:
                self.at += len(found)
                return table[found]
        return None

    def clause(self) -> list[Statement]:
        start = self.at
        self.phrase(JOINER)
        self.phrase(OPENING)
        found = self.counted() or self.described()
        if not found:
            self.at = start
        return found

    def counted(self) -> list[Statement]:
        start = self.at
        number = self.phrase(NUMBER)
        said = self.thing(SINGULAR if number == 1 else PLURAL) if number else None
        if number is None or said is None:
            self.at = start
            return []
        return [Counts(number, said)]

    def described(self) -> list[Statement]:
        self.phrase(ARTICLE)
        said = self.thing(SINGULAR)
        if said is None:
            return []
        placed = self.placed(said)
        return placed or [Exists(said | self.predicate())]

    def placed(self, said: Description) -> list[Statement]:
        found: list[Statement] = []
        while True:
            start = self.at
            if found:
                self.phrase(JOINER)
            self.phrase(VERB)
            place = self.phrase(PLACE)
            self.phrase(ARTICLE)
            other = self.thing(SINGULAR) if place else None
            if place is None or other is None:
                self.at = start
                return found
            found += [Exists(said), Exists(other), Lies(said, place, other)]

    def predicate(self) -> Description:
        start, said = self.at, set[tuple[str, str]]()
        if self.phrase(VERB) is None:
            return frozenset()
        while True:
            before = self.at
            if said:
                self.phrase(JOINER)
            if self.thing(SINGULAR) is not None or (adjective := self.phrase(ADJECTIVE)) is None:
                self.at = before if said else start
                return frozenset(said)
            said.add(adjective)

    def thing(self, nouns: Phrases[str]) -> Description | None:
        start, said = self.at, set[tuple[str, str]]()
        while (adjective := self.phrase(ADJECTIVE)) is not None:
            said.add(adjective)
        shape = self.phrase(nouns)
        if shape is None:
            self.at = start
            return None
        return frozenset(said if shape == ANY else {*said, ("shape", shape)})
