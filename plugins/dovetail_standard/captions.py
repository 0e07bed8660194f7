"""Captions of scenes, written from a small grammar with synonyms; all that they state holds.

    caption   = [opening] things | [opening] number things | thing "is" adjective | [opening] relation
    things    = thing [joiner thing ["and" thing]]
    relation  = thing [verb] place thing ["and" place thing]         both places are the first thing's
    thing     = article [size] [colour] noun

A form is drawn, then what it says of which objects, then the words. `statements.parse` reads them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Items
from random import Random

from dovetail_standard.caption_words import (
    ANY,
    COLOUR_WORDS,
    JOINERS,
    NOUNS,
    NUMBERS,
    OPENINGS,
    PLACES,
    PLURAL_OPENINGS,
    SIZE_WORDS,
    VERBS,
    Value,
)
from dovetail_standard.scene_space import Thing
from dovetail_standard.statements import Description, fits, lies

NAMED, SIZED, COLOURED = 0.85, 0.5, 0.8
"""How often a thing's shape, size and colour are said."""
ALL = 0.2
"""How often a count is of all objects."""
OPENED = 0.5
"""How often a caption has an opening."""
PLAIN = 0.5
"""How often a thing is called by the first of its names whatever the others are."""


def write(scene: Items[Thing], count: int, random: Random) -> list[str]:
    """`count` different captions of a scene with an object or more."""
    texts: dict[str, None] = {}
    while len(texts) < count:
        form = choice(random, _FORMS[min(len(scene), 3)])
        texts[form(scene, random)] = None
    return list(texts)


def choice(random: Random, items: Items[Value]) -> Value:
    """One of the items, from `random.random()` alone, whose numbers are the same in every version of Python."""
    return items[int(random.random() * len(items))]


def shuffled(random: Random, items: Iterable[Value]) -> list[Value]:
    """The items in another order."""
    rest = list(items)
    return [rest.pop(int(random.random() * len(rest))) for _ in range(len(rest))]


def _described(thing: Thing, random: Random, hide: str = "") -> Description:
    """Some of what there is to say of an object, but not its attribute `hide`."""
    said = {"shape": thing.shape} if random.random() < NAMED else {}
    if random.random() < SIZED:
        said["size"] = thing.size
    if not said.get("shape") or random.random() < COLOURED:
        said["colour"] = thing.colour
    said.pop(hide, None)
    return frozenset(said.items())


def _word(words: Items[Value], random: Random) -> Value:
    return words[0] if random.random() < PLAIN else choice(random, words)


def _phrase(description: Description, random: Random, number: int = 1) -> str:
    said = dict(description)
    words = [_word(SIZE_WORDS[said["size"]], random)] if "size" in said else []
    words += [_word(COLOUR_WORDS[said["colour"]], random)] if "colour" in said else []
    return " ".join([*words, _word(NOUNS[said.get("shape", ANY)], random)[number > 1]])


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _a(thing: Thing, random: Random) -> str:
    return _with_article(_phrase(_described(thing, random), random))


def _opened(text: str, random: Random, openings: Items[str] = OPENINGS) -> str:
    return f"{choice(random, openings)} {text}" if random.random() < OPENED else text


def _listed(scene: Items[Thing], random: Random) -> str:
    most = 1 + int(random.random() * len(scene))
    first, *rest = (_a(thing, random) for thing in shuffled(random, scene)[:most])
    return _opened(f"{first} {choice(random, JOINERS)} {' and '.join(rest)}" if rest else first, random)


def _counted(scene: Items[Thing], random: Random) -> str:
    said = frozenset() if random.random() < ALL else _described(choice(random, scene), random)
    number = sum(fits(thing, said) for thing in scene)
    text = f"{choice(random, NUMBERS[number])} {_phrase(said, random, number)}"
    return _opened(text, random, PLURAL_OPENINGS if number > 1 else OPENINGS)


def _predicated(scene: Items[Thing], random: Random) -> str:
    thing = choice(random, scene)
    hidden = choice(random, ("size", "colour"))
    words = SIZE_WORDS[thing.size] if hidden == "size" else COLOUR_WORDS[thing.colour]
    said = _described(thing, random, hide=hidden)
    phrase = _phrase(said, random)
    only = sum(fits(other, said) for other in scene) == 1
    return f"{f'the {phrase}' if only else _with_article(phrase)} is {_word(words, random)}"


def _place(thing: Thing, other: Thing, random: Random) -> str:
    return choice(random, PLACES[choice(random, [place for place in PLACES if lies(thing, place, other)])])


def _related(scene: Items[Thing], random: Random) -> str:
    thing, other = shuffled(random, scene)[:2]
    subject, rest = _a(thing, random), f"{_place(thing, other, random)} {_a(other, random)}"
    if random.random() < 0.5:
        return f"{subject} {choice(random, VERBS)} {rest}"
    return _opened(f"{subject} {rest}", random)


def _chained(scene: Items[Thing], random: Random) -> str:
    thing, other, third = shuffled(random, scene)[:3]
    places = [f"{_place(thing, it, random)} {_a(it, random)}" for it in (other, third)]
    return _opened(f"{_a(thing, random)} {' and '.join(places)}", random)


_Form = Callable[[Items[Thing], Random], str]
_FORMS: dict[int, tuple[_Form, ...]] = {
    1: (_listed, _counted, _predicated),
    2: (_listed, _counted, _predicated, _related, _related, _related),
    3: (_listed, _counted, _predicated, _related, _related, _chained),
}
"""The forms for scenes of so many objects, the more often the more likely."""
