"""Flickr30k (young2014flickr30k): 31,783 photographs with five captions each, read by torchvision.

Read from `path`: the folder `flickr30k-images` of photographs, and `results_20130124.token` with a line
`NAME.jpg#NUMBER<TAB>caption` for each caption, whose words stand between spaces. It is published without splits;
Karpathy's (29,000, 1,014 and 1,000 images) are in `dataset_flickr30k.json`.
"""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from torchvision.datasets import Flickr30k

from dovetail import Mistake
from dovetail_standard.arrays import ArrayDataset
from dovetail_standard.captioned_images import SPLITS, Captioned, CaptionedImagesSpec, Collection, lowered, strangers
from dovetail_standard.karpathy import read_division

FOLDERS = ("flickr30k-images", "flickr30k_images")
CAPTIONS = "results_20130124.token"
DIVISION = "dataset_flickr30k.json"
FORM = "https://shannon.cs.illinois.edu/DenotationGraph/"


@frozen(kw_only=True)
class Flickr30kSpec(CaptionedImagesSpec):
    """Flickr30k, from a folder, with Karpathy's splits."""

    path: Path = field(metadata={"identity": False})
    """Folder that holds `flickr30k-images` and `results_20130124.token`."""
    splits: Path | None = field(default=None, metadata={"identity": False})
    """Karpathy's JSON file of the splits; `dataset_flickr30k.json` in `path` where it is absent."""

    def build(self) -> ArrayDataset:
        path = self.path.expanduser()
        folder = next((path / name for name in FOLDERS if (path / name).is_dir()), None)
        if folder is None or not (path / CAPTIONS).is_file():
            raise Mistake(
                f"{FOLDERS[0]} (a folder) and {CAPTIONS} of Flickr30k must be in {path}, but are not: ask for them at "
                f"{FORM}"
            )
        captions = read_captions(folder, path / CAPTIONS)
        division = read_division(self.splits.expanduser() if self.splits else path / DIVISION)
        images = {
            split: [Captioned(folder / name, captions.get(name, ())) for name, its in division.items() if its == split]
            for split in SPLITS
        }
        return self.dataset(Collection(images, {"train": tuple(strangers(folder, captions, images))}))


def read_captions(folder: Path, file: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The captions of each image; raises Mistake where the file is none of theirs."""
    try:
        found = Flickr30k(str(folder), str(file)).annotations
    except (OSError, ValueError) as error:  # a line without a tab, or with two; text that is not UTF-8
        raise Mistake(
            f"{file} must have lines NAME.jpg#NUMBER, a tab and a caption, but has others: {error}"
        ) from error
    if not found:
        raise Mistake(f"{file} must hold captions, but holds none: get it anew")
    return {name: tuple(map(lowered, captions)) for name, captions in found.items()}
