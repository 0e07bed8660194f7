"""Lightning Fabric on one device. It takes seconds to import, so that is done when a run starts."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

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


def adds_nothing(fabric: Any) -> bool:
    """Whether Fabric's wrappers would do nothing in a step but take time: on one device, with numbers as they are."""
    from lightning_fabric.plugins.precision import Precision
    from lightning_fabric.strategies.single_device import SingleDeviceStrategy

    return type(fabric.strategy) is SingleDeviceStrategy and type(fabric.strategy.precision) is Precision


def warm_up() -> None:
    """Import what a run needs, ahead of the first one."""
    make_fabric("cpu", "32-true")
