"""Text from UTF-8 files, whole or by split, and how one text is cut into train, valid and test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dovetail import Mistake

SPLITS = ("train", "valid", "test")
_SPLIT_OF = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}


def read_text(path: Path) -> str:
    """A file's text with one sort of line end and without a byte order mark."""
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Mistake(
            f"`path` must be UTF-8 text, but byte {content[error.start]:#04x} at offset {error.start} is not: {path},"
            f" line {line}; convert it, for example with `iconv -f latin1 -t utf-8`"
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_texts(path: Path) -> dict[str, str]:
    """The texts of `train` and, where files are named after them, `test` and `valid`; else the whole text as `train`.

    A folder with one file each for `train` and `test` (`ptb.train.txt`, `test.txt`) is read by its splits, and its
    other files are left alone. Of any other folder all `*.txt` are read, in the order of their names.
    """
    if not path.exists():
        raise Mistake(f"`path` must be a text file or a folder of *.txt files, but does not exist: {path}")
    if path.is_file():
        return {"train": _not_empty(read_text(path), path)}
    files = sorted(path.glob("*.txt"))
    if not files:
        raise Mistake(f"`path` must be a text file or a folder of *.txt files, but the folder has none: {path}")
    named = files_of_splits(files)
    if "train" in named and "test" in named:
        return {name: _not_empty(read_text(file), file) for name, file in named.items()}
    return {"train": _not_empty("".join(_whole_lines(read_text(file)) for file in files), path)}


def files_of_splits(files: list[Path]) -> dict[str, Path]:
    """The one file of each split that has one: its name holds `train`, `valid`, `val`, `dev` or `test` as a word."""
    named: dict[str, list[Path]] = {name: [] for name in SPLITS}
    for file in files:
        for split in {_SPLIT_OF[word] for word in re.split(r"[^a-z]+", file.stem.lower()) if word in _SPLIT_OF}:
            named[split].append(file)
    return {name: found[0] for name, found in named.items() if len(found) == 1}


def cut(parts: Mapping[str, Any], valid_fraction: float, test_fraction: float, path: Path) -> dict[str, Any]:
    """Three splits: those that are there, and what is missing from the end of `train`, first `valid` and then `test`.

    Raises Mistake where one of them is empty.

    Args:
        parts: by split, anything that has a length and slices: a string, a list.
        valid_fraction: share of `train` that becomes `valid` where there is none.
        test_fraction: share of `train` that becomes `test` where there is none.
        path: where the text is from, for the message.
    """
    whole = parts["train"]
    test = len(whole) if "test" in parts else len(whole) - round(len(whole) * test_fraction)
    valid = test if "valid" in parts else max(0, test - round(len(whole) * valid_fraction))
    splits = {"valid": whole[valid:test], "test": whole[test:], **parts, "train": whole[:valid]}
    for name in SPLITS:
        if not len(splits[name]):
            raise Mistake(
                f"`{name}` must have text, but has none: {path}; a longer text or other values of `valid_fraction` and"
                " `test_fraction` would give it some"
            )
    return {name: splits[name] for name in SPLITS}


def _whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _not_empty(text: str, path: Path) -> str:
    if not text.strip():
        raise Mistake(f"`path` must have text, but has none: {path}")
    return text
