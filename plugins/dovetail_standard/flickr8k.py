"""Flickr8k (hodosh2013flickr8k): 8,000 photographs with five captions each.

Read from the published layout in `path`: the folder `Flicker8k_Dataset` (as it is spelt there) or `Flickr8k_Dataset`
of photographs; and, beside it or in `Flickr8k_text`, `Flickr8k.lemma.token.txt` (each word in its basic form, without
plurals and tenses) or `Flickr8k.token.txt`, with a line `NAME.jpg#NUMBER<TAB>caption` for each caption; and the names
of the photographs for training (6,000), validation and testing (1,000 each) in `Flickr_8k.trainImages.txt` and so on.

Words stand between spaces in both files, and so do punctuation marks, which are words too: so counted, 97.45 % of the
captions have at most 20, as hacap2018, section 5.1, says of them.

*Differs from hacap2018:* its vocabulary is "around 5,000" words; how often a word must occur there is not said.
*Not covered:* the ratings of captions by people that are published with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Literal

from attrs import field, frozen

from dovetail import Mistake
from dovetail_standard.arrays import ArrayDataset
from dovetail_standard.captioned_images import Captioned, CaptionedImagesSpec, Collection, Words, lowered, strangers
from dovetail_standard.text_files import read_text

FOLDERS = ("Flicker8k_Dataset", "Flickr8k_Dataset")
TEXTS = "Flickr8k_text"
CAPTIONS = {"lemma": "Flickr8k.lemma.token.txt", "token": "Flickr8k.token.txt"}
PARTS = {
    "train": "Flickr_8k.trainImages.txt",
    "valid": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
FORM = "https://forms.illinois.edu/sec/1713398"
LINE = re.compile(r"(?P<image>[^\t#]+)#(?P<number>\d+)\t(?P<caption>[^\t]*)")


@frozen(kw_only=True)
class Flickr8kSpec(CaptionedImagesSpec):
    """Flickr8k, from a folder."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds `Flicker8k_Dataset`, and the text files or `Flickr8k_text` with them."""
    captions: Literal["lemma", "token"] = "lemma"
    """Words in their basic form, or as they were written."""

    def build(self) -> ArrayDataset:
        path = self.path.expanduser()
        folder = _found(FOLDERS, [path])
        text = _found([CAPTIONS[self.captions]], [path, path / TEXTS])
        parts = {split: _found([name], [path, path / TEXTS]) for split, name in PARTS.items()}
        captions = read_captions(text)
        images = {
            split: [Captioned(folder / name, captions.get(name, ())) for name in read_names(part)]
            for split, part in parts.items()
        }
        return self.dataset(Collection(images, {"train": tuple(strangers(folder, captions, images))}))


def _found(names: Iterable[str], folders: Items[Path]) -> Path:
    """The first of these that is there."""
    paths = [folder / name for name in names for folder in folders]
    found = next((path for path in paths if path.exists()), None)
    if found is None:
        raise Mistake(
            f"{' or '.join(names)} of Flickr8k must be in {' or '.join(map(str, folders))}, but is not: ask for "
            f"Flickr8k_Dataset.zip and Flickr8k_text.zip at {FORM}, and unpack both in {folders[0]}"
        )
    return found


def read_captions(file: Path) -> dict[str, tuple[Words, ...]]:
    """The captions of each image, in the order of their numbers.

    Raises:
        Mistake: with the line that is no caption, or a second one of its number; where there is none at all.
    """
    found: dict[str, dict[int, Words]] = {}
    for place, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise Mistake(f"{file}, line {place}, must be NAME.jpg#NUMBER, a tab and a caption, but is {line[:60]!r}")
        numbered = found.setdefault(match["image"], {})
        number = int(match["number"])
        if number in numbered:
            raise Mistake(f"{file}, line {place}, gives caption {number} of {match['image']} a second time")
        numbered[number] = lowered(match["caption"])
    if not found:
        raise Mistake(f"{file} must hold captions, but holds none: get it anew")
    return {image: tuple(numbered[number] for number in sorted(numbered)) for image, numbered in found.items()}


def read_names(file: Path) -> list[str]:
    """The images of a split; raises Mistake where there is none."""
    names = [line.strip() for line in read_text(file).split("\n") if line.strip()]
    if not names:
        raise Mistake(f"{file} must name images, one a line, but names none: get it anew")
    return names
