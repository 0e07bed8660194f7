"""Weights of networks trained elsewhere, as safetensors files, and the one conversion that makes them.

A network's ImageNet weights are `<name>.safetensors` in the folder that `DOVETAIL_WEIGHTS` names, or else in
`~/.cache/dovetail/weights`. `dovetail convert-weights FILE` puts them there from the file that torchvision publishes.

*Not covered:* checkpoints that hold more than one mapping of names to tensors.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torchvision import models
from torchvision.models import get_model_weights, list_models

from dovetail import Failure, Mistake
from dovetail.conversion import content
from dovetail.errors import close, listed

Shapes = Mapping[str, tuple[int, ...]]


def cache_folder() -> Path:
    """Where the converted ImageNet weights are."""
    return Path(os.environ.get("DOVETAIL_WEIGHTS") or "~/.cache/dovetail/weights").expanduser()


def locate(weights: str, name: str) -> Path | None:
    """The safetensors file of the network `name` that `weights` means: `"none"`, `"imagenet"` or a path.

    Raises:
        Mistake: where there is no such file, with how to get it.
    """
    if weights == "none":
        return None
    if weights == "imagenet":
        path = cache_folder() / f"{name}.safetensors"
        if not path.is_file():
            url = published(name)
            raise Mistake(
                f"the ImageNet weights of {name} are not at {path}: download {url}, "
                f"then run `dovetail convert-weights {url.rpartition('/')[2]}`"
            )
        return path
    path = Path(weights).expanduser()
    if not path.is_file():
        meant = close(weights, ("none", "imagenet"))
        raise Mistake(
            f'`weights` must be "none", "imagenet" or a safetensors file, but no file is at {weights} {meant}'
        )
    return path


def counted(weights: str, name: str) -> str:
    """What of `weights` decides results: the content of the file, wherever it is and however it was named."""
    path = locate(weights, name)
    return weights if path is None else content(path)


def published(name: str) -> str:
    """The address of torchvision's first ImageNet weights of the network `name`."""
    url: str = get_model_weights(name).IMAGENET1K_V1.url
    return url


def check_shapes(path: Path, needed: Shapes, known: Iterable[str]) -> None:
    """That the file holds every tensor `needed`, of its shape, and none whose name is not `known`; reads no values.

    Raises:
        Mistake: with the names or the shapes that differ.
    """
    found = read_shapes(path)
    if missing := needed.keys() - found.keys():
        raise Mistake(f"{path} does not fit: it lacks {listed(missing, most=3)} of the {len(needed)} tensors needed")
    if unknown := found.keys() - set(known):
        raise Mistake(f"{path} does not fit: the network has no tensors {listed(unknown, most=3)}; is it another's?")
    for name, shape in needed.items():
        if found[name] != shape:
            raise Mistake(f"{path} does not fit: `{name}` must have the shape {shape}, but has {found[name]}")


def read_shapes(path: Path) -> Shapes:
    """The name and shape of each tensor of a safetensors file."""
    with _open(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no mapping)


def read(path: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these names."""
    with _open(path) as file:
        return {name: file.get_tensor(name) for name in names}


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        hint = "; `dovetail convert-weights` makes one of torch's own files" if path.suffix in {".pt", ".pth"} else ""
        raise Mistake(f"{path} is no readable safetensors file ({error}){hint}") from error


def install(file: Path, name: str = "") -> Path:
    """Convert a file to where `weights = "imagenet"` looks for the network `name`, and say where that is.

    Raises:
        Mistake: where the name is no network's, or not given and not known from the file's name.
    """
    if not file.is_file():
        raise Mistake(f"no file is at {file}")
    entries = [(known, entry) for known in networks() for entry in get_model_weights(known)]
    files = {entry.url.rpartition("/")[2]: known for known, entry in entries if entry.name.startswith("IMAGENET1K_V")}
    name = name or files.get(file.name, "")
    if not name:
        raise Mistake(f"whose weights {file.name} holds is not known from its name: say so, for example --as resnet50")
    if name not in networks():
        raise Mistake(
            f"--as must name a network, but is {name} {close(name, networks())}\n    possible: {listed(networks(), 20)}"
        )
    to = cache_folder() / f"{name}.safetensors"
    convert(file, to)
    return to


def networks() -> list[str]:
    """The names of torchvision's networks that the encoders are made of."""
    families = ("resnet[0-9]*", "vgg*", "inception_v3")
    return [name for family in families for name in list_models(module=models, include=family)]


def convert(file: Path, to: Path) -> None:
    """Write the tensors of a torch file as safetensors; `to` appears whole or not at all.

    Raises:
        Mistake: where the file is missing, damaged, or holds anything but tensors by name.
        Failure: where `to` cannot be written.
    """
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in _read_torch(file).items()}
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to.parent) as folder:
            aside = Path(folder) / to.name
            save_file(tensors, aside)
            aside.replace(to)
    except (OSError, SafetensorError) as error:
        raise Failure(f"{to} could not be written: {error}") from error


def _read_torch(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise Mistake(f"no file is at {file}")
    try:
        # The project's only torch.load: the restricted loader builds tensors and plain containers, and runs no code.
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Mistake(
            f"{file} is no file of weights that torch's restricted loader reads ({_first_line(error)})"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()) or not content:
        raise Mistake(f"{file} must hold tensors by name, but holds {_described(content)}")
    return dict(content)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _described(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    return f"entries {listed(f'{name} ({type(value).__name__})' for name, value in content.items())}"
