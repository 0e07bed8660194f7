"""Rows of numbers, one for each example of a split, in safetensors files that are made once and mapped when read.

A split's files hold about `SHARD_BYTES` each. A file is written under another name and renamed, so it is whole or not
there: making them goes on with those that are missing or cut off. Who makes them holds a lock on the folder, which the
system gives up when its process ends, however it ends; whoever comes second waits, and finds them made.

*Not covered:* file systems without locks; files that were changed and kept their length.
"""

from __future__ import annotations

import fcntl
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Items
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dovetail import Failure, Mistake
from dovetail.bench.files import remove_leftovers, write_json, write_tensors

SHARD_BYTES = 64 * 2**20
NAME = "features"
"""The tensor of a file."""
TYPES = {"float32": (torch.float32, "F32"), "float16": (torch.float16, "F16")}
"""Torch's type and safetensors' name of it."""
QUIET = 5.0
"""Seconds between lines about what is being made."""


@final
class FeatureFiles:
    """The rows of the split `name`, in files of `folder`.

    Args:
        folder: made where it is missing.
        name: of the split, and the beginning of its files' names.
        count: of the split's examples.
        shape: of a row.
        dtype: `"float32"` or `"float16"`, in the files; rows are given as float32.
    """

    def __init__(self, *, folder: Path, name: str, count: int, shape: tuple[int, ...], dtype: str) -> None:
        self.folder, self.name, self.count, self.shape = folder, name, count, shape
        self.dtype, self.code = TYPES[dtype]
        self.each = max(SHARD_BYTES // (math.prod(shape) * self.dtype.itemsize), 1)
        self.made = False
        self._slices: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_slices": {}}  # another process opens the files itself

    def file(self, shard: int) -> Path:
        """The file of the examples from `shard * each` on."""
        return self.folder / f"{self.name}-{shard:05d}.safetensors"

    def missing(self) -> list[int]:
        """The files that are not there, or not whole."""
        missing = [shard for shard in range(math.ceil(self.count / self.each)) if self._open(shard) is None]
        self.made = not missing
        return missing

    def make(self, rows_of: Callable[[range], Tensor], about: Mapping[str, Any]) -> None:
        """Make the files that are missing.

        Args:
            rows_of: gives the rows of a range of examples, (examples, *shape).
            about: what is told in the folder of what its files were made of.

        Raises:
            Mistake: where a number is not finite, or not as `dtype`.
            FileFailure: where a file cannot be written.
        """
        with self._lock():
            remove_leftovers(self.folder)
            write_json(self.folder / "about.json", about)
            missing, said = self.missing(), time.monotonic()
            for done, shard in enumerate(missing):
                if time.monotonic() - said > QUIET:
                    print(f"{NAME} of {self.name}: {done} of {len(missing)} files", file=sys.stderr)
                    said = time.monotonic()
                examples = range(shard * self.each, min((shard + 1) * self.each, self.count))
                write_tensors(self.file(shard), {NAME: self._stored(rows_of(examples), examples)}, self.name)
            self.made = True

    def _stored(self, rows: Tensor, examples: range) -> Tensor:
        stored = rows.to(self.dtype)
        finite = stored.flatten(1).isfinite().all(1)
        if not finite.all():
            first = examples[int(finite.logical_not().nonzero()[0])]
            largest = f"; `dtype` = {self.dtype} holds numbers up to {torch.finfo(self.dtype).max:g}"
            raise Mistake(
                f"features must be finite, but those of example {first} of `{self.name}` are not"
                f"{largest if rows.isfinite().all() else ''}"
            )
        return stored

    def rows(self, indices: Items[int]) -> Tensor:
        """The rows of these examples. Shape: (examples, *shape) of float32.

        Raises:
            Failure: where a file is gone or cut off since they were made.
        """
        rows = torch.empty(len(indices), *self.shape)
        for place, index in enumerate(indices):
            shard, row = divmod(index, self.each)
            if shard not in self._slices:
                self._slices[shard] = self._open(shard)
            if self._slices[shard] is None:
                raise Failure(f"{self.file(shard)} is gone or not whole: start again, and it is made anew")
            rows[place] = self._slices[shard][row]
        return rows

    def _open(self, shard: int) -> Any:
        """The file's tensor, of which nothing is read yet; None where the file is not there or not whole."""
        try:
            opened: Any = safe_open(self.file(shard), framework="pt")
            stored = opened.get_slice(NAME)
        except (OSError, SafetensorError):
            return None
        examples = min(self.each, self.count - shard * self.each)
        right = stored.get_shape() == [examples, *self.shape] and stored.get_dtype() == self.code
        return stored if right else None

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("a", encoding="utf-8")
        except OSError as error:
            raise Failure(f"{self.folder}: cannot be written: {error.strerror}; `cache` says another folder") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
