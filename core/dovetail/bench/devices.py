"""Lightning Fabric on one device. It takes seconds to import, so that is done when a run starts."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from dovetail.errors import Mistake

NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"
"""Fabric sets it, and then each step of an optimizer looks for the driver's library: 0.1 ms where there is none."""


def make_fabric(device: str, precision: str) -> Any:
    """Fabric on the device `cpu`, `cuda`, `cuda:1` … or, for `auto`, a GPU where there is one."""
    before = os.environ.get(NVML)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's dependencies deprecate one another
        from lightning_fabric import Fabric
    if before is None:
        os.environ.pop(NVML, None)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)  # it greets each run on the person's screen
    accelerator, _, number = device.partition(":")
    chosen: Any = precision
    return Fabric(accelerator=accelerator, devices=[int(number)] if number else 1, precision=chosen)


def check_device(device: str) -> None:
    """Raise `Mistake` where this machine has no such device."""
    import torch

    kind, _, number = device.partition(":")
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind in there and int(number or 0) >= there[kind]:
        has = f"{there[kind]} of the kind" if there[kind] else "none of the kind"
        raise Mistake(f"train.device: `{device}` is not on this machine, which has {has}; `auto` takes what there is")


def adds_nothing(fabric: Any) -> bool:
    """Whether Fabric's wrappers would do nothing in a step but take time: on one device, with numbers as they are."""
    from lightning_fabric.plugins.precision import Precision
    from lightning_fabric.strategies.single_device import SingleDeviceStrategy

    return type(fabric.strategy) is SingleDeviceStrategy and type(fabric.strategy.precision) is Precision


def warm_up() -> None:
    """Import what a run needs, ahead of the first one."""
    make_fabric("cpu", "32-true")
