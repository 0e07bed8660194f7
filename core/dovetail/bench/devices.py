"""Lightning Fabric on one device. It takes seconds to import, so that is done when a run starts."""

from __future__ import annotations

import logging
import warnings
from typing import Any


def make_fabric(device: str, precision: str) -> Any:
    """Fabric on the device `cpu`, `cuda`, `cuda:1` … or, for `auto`, a GPU where there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's dependencies deprecate one another
        from lightning_fabric import Fabric
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)  # it greets each run on the person's screen
    accelerator, _, number = device.partition(":")
    chosen: Any = precision
    return Fabric(accelerator=accelerator, devices=[int(number)] if number else 1, precision=chosen)


def warm_up() -> None:
    """Import what a run needs, ahead of the first one."""
    make_fabric("cpu", "32-true")
