"""From one stage to the next: what has the same name and shape is copied, and everything else is said."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor, nn

from dovetail.assembly import Model


@frozen
class Carried:
    """The names of the tensors that the next stage kept, has fresh, lost, and has in another shape."""

    kept: tuple[str, ...]
    fresh: tuple[str, ...]
    lost: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __str__(self) -> str:
        parts = (("kept", self.kept), ("fresh", self.fresh), ("lost", self.lost), ("reshaped", self.reshaped))
        return "; ".join(f"{len(names)} tensors {word}{_some(word, names)}" for word, names in parts if names)


def _some(word: str, names: tuple[str, ...]) -> str:
    return "" if word == "kept" else f" ({', '.join(names[:4])}{', …' if len(names) > 4 else ''})"


@torch.no_grad()
def carry(before: Mapping[str, Tensor], model: Model, reset: tuple[str, ...] = ()) -> Carried:
    """Copy the tensors of the stage before into a newly assembled one, save what was built at the paths in `reset`."""
    fresh_ones = {id(tensor) for path in reset for tensor in _tensors_at(model, path)}
    names: dict[str, list[str]] = {"kept": [], "fresh": [], "lost": [], "reshaped": []}
    now = {**dict(_named(model.objective))}
    for name, tensor in now.items():
        if id(tensor) in fresh_ones or name not in before:
            names["fresh"].append(name)
        elif before[name].shape != tensor.shape:
            names["reshaped"].append(name)
        else:
            tensor.copy_(before[name])
            names["kept"].append(name)
    names["lost"] = [name for name in before if name not in now]
    return Carried(**{word: tuple(found) for word, found in names.items()})


def _named(module: nn.Module) -> list[tuple[str, Tensor]]:
    kept = module.state_dict().keys()
    tensors = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return [(name, tensor) for name, tensor in tensors if name in kept]


def _tensors_at(model: Model, path: str) -> list[Tensor]:
    modules = [build.module for build in model.built.get(path, ())]
    return [tensor for module in modules for _, tensor in _named(module)]
