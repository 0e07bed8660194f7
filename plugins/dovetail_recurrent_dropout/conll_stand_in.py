"""A generated stand-in for a corpus of named entities, so that a tagger runs where the real one is not at hand.

It is no CoNLL-2003, and no result on it says anything about CoNLL-2003. Sentences are filled from a few patterns in the
same column format and read by the same reader. Places, people and organisations share names made of syllables, most of
which only one split has, so that it takes the neighbours and the capitals to tell them apart.
"""

from __future__ import annotations

from pathlib import Path

import torch
from attrs import field, frozen
from torch import Generator as Random

from dovetail import DatasetSpec, within
from dovetail.randomness import stream
from dovetail_recurrent_dropout.conll import COLUMNS, Format, dataset_of, sentences_of
from dovetail_recurrent_dropout.spans import Scheme, Span, written
from dovetail_standard.arrays import ArrayDataset
from dovetail_standard.text_files import SPLITS

SYLLABLES = ("ka", "lo", "mir", "ten", "du", "ras", "vel", "no", "shi", "bar", "gu", "lin", "pe", "tor", "an", "ze")
PATTERNS = (
    "PER met PER in LOC on Monday .",
    "PER , a MISC minister , left LOC for LOC .",
    "shares of ORG rose 3 percent in LOC .",
    "ORG said PER would leave LOC .",
    "the MISC team beat LOC 2 - 1 .",
    "PER ( MISC ) beat PER ( MISC ) 6 - 4 .",
    "the government of LOC blamed ORG for the loss , officials in LOC said on Tuesday after a long day of talks .",
    "it was a quiet day in the markets , with NUMBER deals .",
    "LOC 1996 - 08 - 22",
    "ORG LOC PER said .",
)
NUMBER = "NUMBER"
SUFFIX = {"ORG": ("Corp", "Bank", "Union"), "LOC": ("Island", "River"), "PER": (), "MISC": ()}


@frozen(kw_only=True)
class ConllStandInSpec(DatasetSpec):
    """Generated sentences in the column format: a stand-in, not CoNLL-2003."""

    train: int = field(default=800, validator=within("[1, inf)"))
    """Training sentences."""
    valid: int = field(default=200, validator=within("[1, inf)"))
    """Validation sentences."""
    test: int = field(default=200, validator=within("[1, inf)"))
    """Test sentences."""
    scheme: Scheme = "iob1"
    """How the labels write entities."""
    vectors: Path | None = field(default=None, metadata={"identity": False})
    """A word2vec or GloVe text file; without it each word has a random vector of its own."""
    vector_size: int = field(default=50, validator=within("[1, inf)"))
    """Size of random vectors where there is no file."""
    crop: int = field(default=15, validator=within("[1, inf)"))
    """Training sees so many words of a sentence in a row, at a place drawn anew each epoch."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """The sentences' own seed: the data are the same in every run."""

    def build(self) -> ArrayDataset:
        form = Format(len(COLUMNS), COLUMNS.index("word"), COLUMNS.index("entity"), self.scheme)
        sentences = {}
        for split in SPLITS:
            source = Path(f"stand-in, {split}")
            text = corpus(getattr(self, split), self.scheme, stream(self.seed, "conll-stand-in", split))
            sentences[split] = sentences_of(text, source, split, form)
        return dataset_of(sentences, self.vectors, self.vector_size, self.crop)


def corpus(count: int, scheme: Scheme, random: Random) -> str:
    """The text of a file of `count` sentences in the column format."""
    return "".join(f"{sentence(scheme, random)}\n" for _ in range(count))


def sentence(scheme: Scheme, random: Random) -> str:
    """One sentence, a word a line: the word, two columns that nothing reads, and the label."""
    words: list[str] = []
    spans = []
    for slot in PATTERNS[_draw(len(PATTERNS), random)].split():
        filled = name(slot, random) if slot in SUFFIX else [str(_draw(10_000, random)) if slot == NUMBER else slot]
        if slot in SUFFIX:
            spans.append(Span(slot, len(words), len(words) + len(filled)))
        words += filled
    labels = written(spans, len(words), scheme)
    return "".join(f"{word} NN O {label}\n" for word, label in zip(words, labels, strict=True))


def name(type_: str, random: Random) -> list[str]:
    """A name of one to three words."""
    size = 2 if type_ == "PER" and _draw(2, random) else 1
    words = ["".join(SYLLABLES[_draw(len(SYLLABLES), random)] for _ in range(2)).capitalize() for _ in range(size)]
    if type_ == "MISC":
        return [f"{words[0]}ian"]
    suffixes = SUFFIX[type_]
    return [*words, suffixes[_draw(len(suffixes), random)]] if suffixes and _draw(2, random) else words


def _draw(count: int, random: Random) -> int:
    return int(torch.randint(count, (), generator=random))
