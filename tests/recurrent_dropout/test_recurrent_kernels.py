"""The Triton kernels against PyTorch's operators in Triton's interpreter; and compiled, which needs no GPU."""

import os
import subprocess
import sys

import pytest

INTERPRETED = """
import torch
from dovetail_recurrent_dropout import gru_window, kernels, lstm_window, operators, rnn_window
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.gru import GruCell
from dovetail_recurrent_dropout.lstm import LstmCell
from dovetail_recurrent_dropout.moon import MoonSpec
from dovetail_recurrent_dropout.rnn import RnnCell
from dovetail_recurrent_dropout.several import SeveralSpec
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_recurrent_dropout.window import steps_for

BATCH, TIME, INPUT, HIDDEN = 3, 2, 5, 130  # more than a program's block, and no multiple of it
SCHEMES = [
    None,
    UpdateSpec(rate=0.4, scale="training"),
    GalSpec(rate=0.4, sampling="step"),
    MoonSpec(rate=0.4),
    SeveralSpec(schemes=(UpdateSpec(rate=0.4), GalSpec(rate=0.4), MoonSpec(rate=0.4))),
]
CELLS = [(RnnCell, {}), (LstmCell, {}), (GruCell, {"reset": "before"}), (GruCell, {"reset": "after"})]
CASES = [
    (scheme, activation, training, torch.float64, 1e-10)
    for scheme in SCHEMES
    for activation in ("tanh", "relu")
    for training in (True, False)  # in evaluation a mask is one number, expanded
] + [(SCHEMES[-1], "tanh", True, torch.float32, 1e-5)]


def found(cell, by):
    for window in (rnn_window, lstm_window, gru_window):
        window.steps_for = by
    torch.manual_seed(1)
    dtype = cell.weights.weight_hh.dtype
    xs = torch.randn(BATCH, TIME, INPUT, dtype=dtype, requires_grad=True)
    memory = [torch.randn(HIDDEN, BATCH, dtype=dtype).t().requires_grad_() for _ in range(cell.site.memories)]
    ys, state = cell(xs, tuple(memory))
    outputs = [ys, *state[: len(memory)]]
    loss = sum((part * torch.randn_like(part)).sum() for part in outputs)
    return [*outputs, *torch.autograd.grad(loss, [xs, *memory, *cell.parameters()])]


assert steps_for(torch.ones(1)) is kernels
for scheme, activation, training, dtype, tolerance in CASES:
    for kind, more in CELLS:
        dropout = None if scheme is None else scheme.build()
        cell = kind(input=INPUT, hidden=HIDDEN, dropout=dropout, activation=activation, **more).to(dtype)
        cell.train(training)
        for one, other in zip(found(cell, lambda _: kernels), found(cell, lambda _: operators), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance)
print("as the operators")
"""

COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from dovetail_recurrent_dropout import kernels

MASKS = ("candidate", "memory", "inner", "d_inner")
found = [kernel for kernel in vars(kernels).values() if isinstance(kernel, triton.JITFunction)]
found = [kernel for kernel in found if "block" in kernel.arg_names]
for kernel in found:
    for dtype, without, relu in (("fp32", (), True), ("bf16", (), False), ("fp64", MASKS, False)):
        constants = {"relu": relu, "block": kernels.BLOCK} | dict.fromkeys(without)
        constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
        signature = {name: "constexpr" if name in constants else f"*{dtype}" for name in kernel.arg_names}
        signature |= {name: "i32" for name in signature if name.endswith(("_row", "_unit", "size", "hidden"))}
        made = triton.compile(ASTSource(kernel, signature, constants), target=GPUTarget("cuda", 90, 32))
        assert ".target sm_90" in made.asm["ptx"]
print(len(found), "compiled")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "last", "interpret"), [(INTERPRETED, "as the operators", "1"), (COMPILED, "8 compiled", "0")]
)
def test_the_kernels_run_interpreted_as_the_operators_do_and_compile_for_a_gpu(program, last, interpret, tmp_path):
    pytest.importorskip("triton", reason="Triton comes with PyTorch's builds for CUDA only")
    here = {**os.environ, "TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=here, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == last, run.stderr
