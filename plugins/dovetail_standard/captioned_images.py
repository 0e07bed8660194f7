"""Images in files with several captions each: what the readers of published collections share.

Fields: `image`; `captions`, five for each image; `caption`, one of them: any where there is
augmentation, else the first.

Captions are words in lower case; those longer than `longest` are left out or cut. An image with more than five captions
gives the first five. One with fewer gives them again from its first on, so that `captions` has as many for each: BLEU
and other scores by the best reference are the same with a reference twice, CIDEr weighs it twice; `caption` is drawn
among those that differ. An image without a caption that can be used is left out. The remark of a split counts all this.

An image is decoded when it is taken: its shorter side is resized, then a square is cut out. Pixels are in [-1, 1].

The fingerprint has each image's length, beginning and end in it: to read all of COCO takes minutes at each opening.

*Not covered:* images that were changed and kept all three.

Axes: batch channels height width; batch time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Literal, final

import attrs
import torch
from attrs import field, frozen

from dovetail import Augment, Batch, DatasetSpec, Fields, Image, Mistake, Split, Tokens, Vocabulary, within
from dovetail.errors import listed
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.captions_space import Captions
from dovetail_standard.photographs import decode, square
from dovetail_standard.pixels import scaled
from dovetail_standard.vocabularies import vocabulary_of_words

COUNT = 5
"""Captions of an image, in Flickr8k (hodosh2013flickr8k) and the collections after it."""
MARGIN = 256 / 224
GLANCE = 1024
"""Bytes of an image's beginning, and of its end, that count for the fingerprint."""
NAMED = 3
"""So many images are named in a remark."""
SPLITS = ("train", "valid", "test")

Words = tuple[str, ...]
Numbers = tuple[int, ...]


@frozen
class Captioned:
    """An image's file, and the words of each of its captions."""

    file: Path
    captions: tuple[Words, ...]

    def having(self, captions: Iterable[Words]) -> Captioned:
        """The same image with other captions."""
        return Captioned(self.file, tuple(captions))


@frozen
class Collection:
    """What a reader found: the images of each split, and what must be said of a split."""

    images: Mapping[str, Items[Captioned]]
    remarks: Mapping[str, tuple[str, ...]] = field(factory=dict)


@frozen(kw_only=True)
class CaptionedImagesSpec(DatasetSpec):
    """What can be chosen for every collection of images with captions."""

    size: int = field(default=224, validator=within("[1, inf)"))
    """Side of the images, in pixels."""
    augment: bool = False
    """Resize to 256/224 of `size`; in training cut out a random square, mirrored or not, otherwise the middle one."""
    longest: int = field(default=20, validator=within("[1, inf)"))
    """The most words of a caption, its end not counted."""
    too_long: Literal["leave-out", "cut"] = "leave-out"
    """What becomes of longer captions, in every split: they are left out, or cut."""
    vocabulary_from: Literal["train", "all"] = "train"
    """The splits whose words are known."""
    min_count: int = field(default=2, validator=within("[1, inf)"))
    """Words must occur so often to be known."""

    def dataset(self, collection: Collection) -> ArrayDataset:
        """The dataset of what a reader found.

        Raises:
            Mistake: where an image of a split is in no file, is in two splits, or nothing is left of a split.
        """
        _check_files(collection)
        kept = {name: [self._short(image) for image in images] for name, images in collection.images.items()}
        known = SPLITS if self.vocabulary_from == "all" else SPLITS[:1]
        words = [word for name in known for image in kept[name] for caption in image.captions for word in caption]
        tokens = Tokens(vocabulary_of_words(words, min_count=self.min_count), self.longest + 1)
        fields = Fields(
            {"image": Image(3, self.size, self.size), "captions": Captions(COUNT, tokens), "caption": tokens}
        )
        splits = {name: self._split(name, collection, kept[name], tokens) for name in SPLITS}
        contents = [
            (name, repr(split.captions).encode(), [_glance(file) for file in split.files])
            for name, split in splits.items()
        ]
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, contents))

    def _short(self, image: Captioned) -> Captioned:
        if self.too_long == "cut":
            return image.having(caption[: self.longest] for caption in image.captions)
        return image.having(caption for caption in image.captions if len(caption) <= self.longest)

    def _split(self, name: str, collection: Collection, short: list[Captioned], tokens: Tokens) -> CaptionedSplit:
        read = collection.images[name]
        known = [image.having(c for c in image.captions if _says(c, tokens.vocabulary)) for image in short]
        used = [image for image in known if image.captions]
        if not used:
            raise Mistake(
                f"`{name}` must have an image with a caption of known words and of at most {self.longest}, but has none"
            )
        return CaptionedSplit(
            files=tuple(image.file for image in used),
            captions=tuple(tuple(_encoded(c, tokens.vocabulary) for c in image.captions[:COUNT]) for image in used),
            tokens=tokens,
            size=self.size,
            margin=MARGIN if self.augment else 1.0,
            remarks=(*collection.remarks.get(name, ()), *self._remarks(read, short, known)),
        )

    def _remarks(self, read: Items[Captioned], short: list[Captioned], known: list[Captioned]) -> Iterable[str]:
        total = _total(read)
        if long := sum(len(caption) > self.longest for image in read for caption in image.captions):
            yield f"{long} of {total} captions have more than {self.longest} words and are {DONE[self.too_long]}"
        if silent := _total(short) - _total(known):
            less = [after for before, after in zip(short, known, strict=True) if before.captions != after.captions]
            yield f"{silent} of {total} captions have no word that is known and are left out{_names(less)}"
        if none := [image for image in read if not image.captions]:
            yield f"{len(none)} of {len(read)} images have no caption and are left out{_names(none)}"
        if bare := [after for before, after in zip(read, known, strict=True) if before.captions and not after.captions]:
            yield f"{len(bare)} of {len(read)} images have no caption that can be used and are left out{_names(bare)}"
        if few := [image for image in known if 0 < len(image.captions) < COUNT]:
            yield f"{len(few)} of {len(read)} images have fewer than {COUNT} captions and give some twice{_names(few)}"
        if many := [image for image in known if len(image.captions) > COUNT]:
            beyond = _total(many) - COUNT * len(many)
            yield f"{beyond} of {total} captions are beyond an image's first {COUNT} and not used{_names(many)}"


DONE = {"leave-out": "left out", "cut": "cut"}


@final
@frozen(eq=False, kw_only=True)
class CaptionedSplit(Split):
    """Images in files, decoded when they are taken, each with one to five captions that differ.

    The shorter side is resized to `size` times `margin`, and a square of `size` is cut out: from the middle, or where
    and whether mirrored as the example's augmentation draws. Without `pictures` there is no field `image`.
    """

    files: tuple[Path, ...]
    captions: tuple[tuple[Numbers, ...], ...]
    tokens: Tokens
    size: int
    margin: float
    remarks: tuple[str, ...] = ()
    pictures: bool = True

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        draws = [augment and augment(index) for index in indices]
        texts = [[torch.tensor(numbers) for numbers in self.captions[index]] for index in indices]
        chosen = [
            captions[0 if random is None else int(torch.randint(len(captions), (), generator=random))]
            for captions, random in zip(texts, draws, strict=True)
        ]
        filled = [[captions[place % len(captions)] for place in range(COUNT)] for captions in texts]
        batch = {"captions": Captions(COUNT, self.tokens).collate(filled), "caption": self.tokens.collate(chosen)}
        if not self.pictures:
            return batch
        wide = round(self.size * self.margin)
        images = [
            square(decode(self.files[index], wide), self.size, random if self.margin > 1 else None)
            for index, random in zip(indices, draws, strict=True)
        ]
        return {"image": scaled(torch.stack(images)), **batch}

    def without(self, name: str) -> CaptionedSplit:
        """The same examples, of which the field `name` is not read where that saves work."""
        return attrs.evolve(self, pictures=self.pictures and name != "image")

    def remark(self) -> str:
        return "; ".join(self.remarks)


def lowered(text: str) -> Words:
    """The words of a text that was taken apart before, in lower case."""
    return tuple(text.lower().split())


def strangers(folder: Path, captioned: Iterable[str], images: Mapping[str, Items[Captioned]]) -> Iterator[str]:
    """What must be said of captions that are not used, since their image is in no split."""
    used = {image.file.name for split in images.values() for image in split}
    there = {file.name for file in folder.iterdir()}
    rest = [name for name in captioned if name not in used]
    for names, why in (
        ([name for name in rest if name not in there], "that are not there"),
        ([name for name in rest if name in there], "that are in no split"),
    ):
        if names:
            yield f"there are captions of {len(names)} images {why} ({listed(names, most=NAMED)})"


def _glance(file: Path) -> bytes:
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(size - GLANCE, 0))
        end = opened.read()
        opened.seek(0)
        return b"%d " % size + opened.read(GLANCE) + end


def _check_files(collection: Collection) -> None:
    files = [image.file for name in SPLITS for image in collection.images[name]]
    if twice := [file.name for file, count in Counter(files).items() if count > 1]:
        raise Mistake(f"an image must be in one split, once, but more often are {listed(twice, most=NAMED)}")
    if missing := [file for file in files if not file.is_file()]:
        raise Mistake(
            f"{missing[0].parent} must hold every image that has a split, but lacks {missing[0].name} and "
            f"{len(missing) - 1} more"
        )


def _says(caption: Words, vocabulary: Vocabulary) -> bool:
    return any(word in vocabulary.numbers for word in caption)


def _encoded(caption: Words, vocabulary: Vocabulary) -> Numbers:
    return (*vocabulary.encode(caption), vocabulary.end)


def _total(images: Items[Captioned]) -> int:
    return sum(len(image.captions) for image in images)


def _names(images: Items[Captioned]) -> str:
    return f" ({listed((image.file.name for image in images), most=NAMED)})"
