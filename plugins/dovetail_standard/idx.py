"""Reads the idx format of the handwritten digits, gzipped or not (lecun1998mnist, its appendix on file formats).

Four bytes of magic (0, 0, the type, the number of axes), each axis's length as four bytes, most significant first, then
the values. Only unsigned bytes are read, which is what the digits are.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dovetail import Mistake

if TYPE_CHECKING:
    from pathlib import Path

UNSIGNED_BYTES = 8


def find(folders: tuple[Path, ...], name: str) -> Path | None:
    """The file `name`, or `name` and `.gz`, in the first folder that has it."""
    candidates = (folder / f"{name}{suffix}" for folder in folders for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_idx(path: Path, axes: int) -> Tensor:
    """The bytes of an idx file of so many axes.

    Raises:
        Mistake: where the file is empty, damaged, cut off or of another sort.
    """
    content = _content(path)
    header = 4 + 4 * axes
    if content[:4] != bytes((0, 0, UNSIGNED_BYTES, axes)):
        raise Mistake(
            f"{path} must be an idx file of bytes with {axes} axes, but begins with {content[:4].hex() or 'nothing'} "
            f"where 000008{axes:02x} stands: get it anew"
        )
    if len(content) < header:
        raise Mistake(f"{path} is cut off after {len(content)} bytes, within its header: get it anew")
    shape = struct.unpack(f">{axes}I", content[4:header])
    if len(content) != header + prod(shape):
        raise Mistake(
            f"{path} must hold {header + prod(shape)} bytes for its shape {shape}, but holds {len(content)}: get anew"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[header:].reshape(shape)


def _content(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise Mistake(f"{path} cannot be read ({error}): get it anew") from error
