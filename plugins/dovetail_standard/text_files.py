"""Text from UTF-8 files, whole or by split, and how one text is cut into train, valid and test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dovetail import Mistake

SPLITS = ("train", "valid", "test")
_SPLIT_OF = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}


def read_text(path: Path) -> str:
    """A file's text with one sort of line end and without a byte order mark.

    Raises Mistake with file and line where it is not UTF-8; a zero byte is a sign of UTF-16, in which ASCII is UTF-8.
    """
    content, cause = path.read_bytes(), None
    try:
        text = content.decode()
        fault = content.find(0)
    except UnicodeDecodeError as error:
        fault, cause = error.start, error
    if fault >= 0:
        line, encoding = content.count(b"\n", 0, fault) + 1, "utf-16" if 0 in content else "latin1"
        raise Mistake(
            f"`path` must be UTF-8 text, but byte {content[fault]:#04x} at offset {fault} is not: {path},"
            f" line {line}; convert it, for example with `iconv -f {encoding} -t utf-8`"
        ) from cause
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def files_of(path: Path) -> dict[str, list[Path]]:
    """The files of `train` and, where files are named after them, of `test` and `valid`; else all files as `train`.

    A folder with files for `train` and `test` (`ptb.train.txt`, `test.txt`) is read by its splits, and its other files
    are left alone; raises Mistake where a split has two. Of any other folder all `*.txt` are read, in their order.
    """
    if not path.exists():
        raise Mistake(f"`path` must be a text file or a folder of *.txt files, but does not exist: {path}")
    if path.is_file():
        return {"train": [path]}
    files = sorted(file for file in path.glob("*.txt") if file.is_file())
    if not files:
        raise Mistake(f"`path` must be a text file or a folder of *.txt files, but the folder has none: {path}")
    named = files_of_splits(files)
    if not ("train" in named and "test" in named):
        return {"train": files}
    for name, found in named.items():
        if len(found) > 1:
            held = ", ".join(file.name for file in found)
            raise Mistake(
                f"`path` must hold one file for `{name}`, but holds {held}: {path}; give each text its folder"
            )
    return named


def read_texts(path: Path) -> dict[str, str]:
    """The text of each split's files, one behind the other; raises Mistake where one is empty."""
    found = files_of(path)
    if path.is_dir() and len(found) == 1:
        return {"train": _not_empty("".join(_whole_lines(read_text(file)) for file in found["train"]), path)}
    return {name: _not_empty(read_text(file), file) for name, (file,) in found.items()}


def refuse_longer(path: Path, longest: int, length_of: Callable[[str], int]) -> None:
    """Raise Mistake with file and line where a line that is not blank has more than `longest` tokens and its end."""
    for file in (file for files in files_of(path).values() for file in files):
        for number, line in enumerate(read_text(file).split("\n"), start=1):
            if line.strip() and length_of(line) >= longest:
                raise Mistake(
                    f"a line must have at most {longest} tokens, its end counted, but has {length_of(line) + 1}:"
                    f" {file}, line {number}; `longest` says how many, and `too_long` whether such lines are left out"
                )


def files_of_splits(files: list[Path]) -> dict[str, list[Path]]:
    """The files of each split that has any: their names hold `train`, `valid`, `val`, `dev` or `test` as a word."""
    named: dict[str, list[Path]] = {name: [] for name in SPLITS}
    for file in files:
        for split in {_SPLIT_OF[word] for word in re.split(r"[^a-z]+", file.stem.lower()) if word in _SPLIT_OF}:
            named[split].append(file)
    return {name: found for name, found in named.items() if found}


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
