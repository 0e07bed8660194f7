"""Karpathy's division of Flickr30k and COCO into splits, which comparisons of captioning use: a JSON file for each.

Of it the names of the images and their splits are read; `restval`, the rest of COCO's validation images, is for
training, as it is used.
"""

from __future__ import annotations

import json
from pathlib import Path

from dovetail import Mistake
from dovetail.errors import listed

SPLIT_OF = {"train": "train", "restval": "train", "val": "valid", "test": "test"}
ADDRESS = "https://cs.stanford.edu/people/karpathy/deepimagesent/"


def read_division(file: Path) -> dict[str, str]:
    """The split of each image, by its file's name, in the order of the file.

    Raises:
        Mistake: where the file is missing, damaged, or of another sort.
    """
    if not file.is_file():
        raise Mistake(f"no file is at {file}: it comes with the data at {ADDRESS}")
    try:
        images = json.loads(file.read_text(encoding="utf-8"))["images"]
        found = {image["filename"]: image["split"] for image in images}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Mistake(
            f"{file} must name the `filename` and `split` of `images`, but is no such JSON "
            f"({type(error).__name__}: {error})"
        ) from error
    if strange := set(found.values()) - SPLIT_OF.keys():
        raise Mistake(f"{file} must divide images into {listed(SPLIT_OF)}, but has {listed(map(str, strange))}")
    return {name: SPLIT_OF[split] for name, split in found.items()}
