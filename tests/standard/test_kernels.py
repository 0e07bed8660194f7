import sys
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses import FakeTensorMode

from dovetail_standard import kernels


@pytest.fixture(autouse=True)
def forget():
    kernels._running.cache_clear()
    yield
    kernels._running.cache_clear()


def own(probe):
    return SimpleNamespace(probe=probe)


def test_on_a_cpu_there_are_none_but_in_tritons_interpreter(monkeypatch):
    probed = []
    monkeypatch.setitem(sys.modules, "kernels_of_ours", own(probed.append))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert kernels.kernels_for(torch.ones(1), "kernels_of_ours") is None
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    for _ in range(2):
        assert kernels.kernels_for(torch.ones(1), "kernels_of_ours") is sys.modules["kernels_of_ours"]
    assert probed == ["cpu"]


def test_a_fake_tensor_on_a_gpu_has_none():
    with FakeTensorMode():
        assert kernels.kernels_for(torch.empty(1, device="cuda"), "no_such_kernels") is None


@pytest.mark.parametrize("missing", [True, False])
def test_kernels_that_do_not_run_are_left_alone_and_it_is_said_once(monkeypatch, missing):
    def fails(device):
        raise RuntimeError(f"no compiler for {device}")

    monkeypatch.setitem(sys.modules, "kernels_of_ours", None if missing else own(fails))
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.warns(UserWarning, match="kernels of kernels_of_ours do not run here; .* (halted|no compiler for cpu)"):
        assert kernels.kernels_for(torch.ones(1), "kernels_of_ours") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.kernels_for(torch.ones(1), "kernels_of_ours") is None
