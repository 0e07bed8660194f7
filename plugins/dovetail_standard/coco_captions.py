"""COCO's captions (lin2014coco, chen2015captions): 123,287 photographs with five captions or more, read by torchvision.

Read from `path`: the folders `train2014` and `val2014` of photographs, and in `annotations` their
`captions_train2014.json` and `captions_val2014.json`; or those of 2017. The captions of the test images are not
published, so the splits are Karpathy's (113,287, 5,000 and 5,000 images, of 2014), or, without his file, the training
images and by turns those of validation: the first in the order of their numbers for validation, the second for testing.

Captions are sentences as people wrote them. In lower case, a word is a run of letters and digits, with the apostrophes
and hyphens in it; any other sign is a word of its own.

*Differs from chen2015captions:* its tokenizer, the Penn Treebank's, divides `don't`, and leaves punctuation out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence as Items
from contextlib import redirect_stdout
from pathlib import Path
from typing import Literal

from attrs import field, frozen
from torchvision.datasets import CocoCaptions

from dovetail import Mistake
from dovetail_standard.arrays import ArrayDataset
from dovetail_standard.captioned_images import SPLITS, Captioned, CaptionedImagesSpec, Collection, Words
from dovetail_standard.karpathy import read_division

WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
PARTS = ("train", "val")
PAGE = "https://cocodataset.org/#download"


@frozen(kw_only=True)
class CocoCaptionsSpec(CaptionedImagesSpec):
    """COCO's photographs with captions, from a folder. Needs the extra `captions`."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds `annotations`, and the photographs in `train2014` and `val2014`."""
    year: Literal["2014", "2017"] = "2014"
    """The edition. Both have the same photographs; 2017 has only 5,000 of them for validation."""
    splits: Path | None = field(default=None, metadata={"identity": False})
    """Karpathy's JSON file of the splits, for the edition of 2014; without it, half of validation is for testing."""

    def build(self) -> ArrayDataset:
        path = self.path.expanduser()
        train, val = (self._read(path, part) for part in PARTS)
        images = {"train": train, "valid": val[0::2], "test": val[1::2]}
        if self.splits is not None:
            division = read_division(self.splits.expanduser())
            whole = {image.file.name: image for image in (*train, *val)}
            if missing := division.keys() - whole.keys():
                raise Mistake(
                    f"{self.splits} must divide images that have captions in {path}, but has {min(missing)} and "
                    f"{len(missing) - 1} more: it is for the edition of 2014, and `year` is {self.year}"
                )
            images = {split: [whole[name] for name, chosen in division.items() if chosen == split] for split in SPLITS}
        return self.dataset(Collection(images))

    def _read(self, path: Path, part: str) -> Items[Captioned]:
        folder, file = path / f"{part}{self.year}", path / "annotations" / f"captions_{part}{self.year}.json"
        if missing := [str(place) for place in (folder, file) if not place.exists()]:
            raise Mistake(f"{' and '.join(missing)} of COCO must be there, but are not: get them from {PAGE}")
        return read_captions(folder, file)


def read_captions(folder: Path, file: Path) -> list[Captioned]:
    """The images of a file of captions, in the order of their numbers.

    Raises:
        Mistake: where the file is damaged or of another sort, or pycocotools is not installed.
    """
    try:
        with redirect_stdout(io.StringIO()):  # pycocotools says what it does
            coco = CocoCaptions(str(folder), str(file)).coco
        return [
            Captioned(
                folder / coco.imgs[number]["file_name"],
                tuple(words_of(told["caption"]) for told in coco.imgToAnns[number]),
            )
            for number in sorted(coco.imgs)
        ]
    except ImportError as error:
        raise Mistake(
            'standard/coco-captions needs pycocotools, which is not installed: pip install "dovetail[captions]"'
        ) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise Mistake(
            f"{file} must be COCO's JSON of captions, but is not ({type(error).__name__}: {error}): get it anew"
        ) from error


def words_of(caption: str) -> Words:
    """The words of a sentence, in lower case."""
    return tuple(WORD.findall(caption.lower()))
