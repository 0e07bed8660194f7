"""Files that are whole or not there: written to a temporary name, synced, renamed. And tensors with a header of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.errors import Failure

HEADER = "dovetail"


def write_whole(file: Path, write: Callable[[Path], None]) -> None:
    """Let `write` write a temporary file beside `file`, then put it in its place; raises `Failure` that names the file."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(file)
    except Exception as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Failure(f"{file}: cannot be written: {reason}; what stood there before is kept") from error


def write_text(file: Path, text: str) -> None:
    write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8") and None)


def write_json(file: Path, data: Any) -> None:
    write_text(file, json.dumps(data, indent=1, allow_nan=True) + "\n")


def read_json(file: Path) -> Any:
    """The data of a JSON file; raises `Failure` that names it where it is no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error


def write_tensors(file: Path, tensors: Mapping[str, Any], header: Any) -> None:
    """A safetensors file with JSON in its header. Tensors that are one are written once, and their names noted."""
    from safetensors.torch import save_file

    written: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        place = (
            tensor.untyped_storage().data_ptr(),
            tensor.storage_offset(),
            tuple(tensor.shape),
            tensor.stride(),
            tensor.dtype,
        )
        if tensor.numel() and place in seen:
            aliases[name] = seen[place]
            continue
        seen[place] = name
        shares_storage = place[0] in storages
        storages.add(place[0])
        written[name] = tensor.clone() if shares_storage or not tensor.is_contiguous() else tensor
    metadata = {HEADER: json.dumps({"header": header, "aliases": aliases})}
    write_whole(file, lambda temporary: save_file(written, temporary, metadata=metadata))


def read_tensors(file: Path) -> tuple[dict[str, Any], Any]:
    """The tensors of a file and its header; raises `Failure` that names it where it is none of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            noted = json.loads((opened.metadata() or {})[HEADER])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise Failure(f"{file}: is no checkpoint of Dovetail's: {type(error).__name__}: {error}") from error
    for name, target in noted["aliases"].items():
        tensors[name] = tensors[target]
    return tensors, noted["header"]
