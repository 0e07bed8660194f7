"""Files that are whole or not there: written to a temporary name, synced, renamed. Tensors have a header of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.errors import Failure

HEADER = "dovetail"


class FileFailure(Failure):
    """A file of a run could not be written or read. The message names the file; mended, the run can go on."""


def write_whole(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a temporary file beside `file`, then put it in its place.

    Raises:
        FileFailure: it could not be written; the message names the file, and what stood there before is kept.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(file)
    except Exception as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileFailure(f"{file}: cannot be written: {reason}; what stood there before is kept") from error


def write_text(file: Path, text: str) -> None:
    write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def append_line(file: Path, line: str) -> None:
    """Add a line to a text file and sync it; a crash may cut it off. Raises `FileFailure` that names the file."""
    try:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")
            lines.flush()
            os.fsync(lines.fileno())
    except OSError as error:
        raise FileFailure(f"{file}: cannot be written: {error.strerror}") from error


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove the temporary files of processes that were killed while they wrote, and the files of these names.

    Nobody may be writing there now.
    """
    for leftover in (*folder.glob(".*.tmp"), *(folder / name for name in names)):
        leftover.unlink(missing_ok=True)


def write_json(file: Path, data: Any) -> None:
    write_text(file, json.dumps(data, indent=1, allow_nan=True) + "\n")


def read_json(file: Path) -> Any:
    """The data of a JSON file; raises `FileFailure` that names it where it is no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFailure(f"{file}: cannot be read: {error}") from error


def write_tensors(file: Path, tensors: Mapping[str, Any], header: Any) -> None:
    """A safetensors file with JSON in its header. Tensors that are one are written once, and their names noted.

    The bytes are ours to write: `save_file` would write a temporary file of its own, for its owner's eyes alone, which
    nobody finds again when the process is killed.
    """
    import torch
    from safetensors.torch import save

    written: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    storages: set[int] = set()
    for name, given in tensors.items():
        tensor = given.detach()
        storage = tensor.untyped_storage().data_ptr()
        place = (storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and place in seen:
            aliases[name] = seen[place]
            continue
        seen[place] = name
        apart = tensor.clone(memory_format=torch.contiguous_format) if storage in storages else tensor.contiguous()
        written[name] = apart
        storages.add(storage)
    metadata = {HEADER: json.dumps({"header": header, "aliases": aliases})}
    write_whole(file, lambda temporary: temporary.write_bytes(save(written, metadata)))


def read_tensors(file: Path) -> tuple[dict[str, Any], Any]:
    """The tensors of a file and its header; raises `FileFailure` that names it where it is none of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            noted = json.loads((opened.metadata() or {})[HEADER])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
        tensors |= {name: tensors[target] for name, target in noted["aliases"].items()}
        return tensors, noted["header"]
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise FileFailure(f"{file}: is no whole tensor file of Dovetail's: {type(error).__name__}: {error}") from error
