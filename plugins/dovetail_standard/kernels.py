"""Triton kernels where they run; where they do not, who asks has PyTorch's operators."""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib import import_module
from types import ModuleType

from torch import Tensor


def kernels_for(tensor: Tensor, module: str) -> ModuleType | None:
    """The module of kernels by this name, for tensors such as this one; None where they do not run.

    They run on a GPU, and in Triton's interpreter (`TRITON_INTERPRET=1`) on a CPU, but not on fake tensors, which have
    no values. The module's function `probe(device)` calls one of them; what that raises is said once.
    """
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if type(tensor) is not Tensor or not (tensor.is_cuda or interpreted):
        return None
    return _running(module, tensor.device.type)


@cache
def _running(module: str, device: str) -> ModuleType | None:
    try:
        kernels = import_module(module)
        kernels.probe(device)
    except Exception as error:  # whatever Triton and the compilers below it raise
        warnings.warn(f"the kernels of {module} do not run here; PyTorch's operators do: {error}", stacklevel=2)
        return None
    return kernels
