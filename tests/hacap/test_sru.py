"""The simple recurrent unit against its equations in a loop, by hand, in NumPy, and by finite differences."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dovetail import Vector
from dovetail_hacap.sru import SruCell, SruLayer, SruSpec
from dovetail_hacap.sru_scan import SruScan

BATCH, TIME, INPUT, HIDDEN = 2, 4, 5, 3
GOLDEN = [Path(__file__).parent / "golden" / "sru.safetensors"]
if os.environ.get("DOVETAIL_GOLDEN"):
    GOLDEN += [path for path in [Path(os.environ["DOVETAIL_GOLDEN"]) / "sru.safetensors"] if path.is_file()]
G = {"tanh": torch.tanh, "identity": lambda c: c, "relu": lambda c: c.clamp(min=0)}


def by_hand(cell, us, cs):
    """The five equations of section 3.4, example by example and step by step."""
    after = []
    for layer, start in zip(cell.layers, cs, strict=True):
        w, w_f, w_r, *w_h = layer.weight.split(HIDDEN)
        b_f, b_r = layer.bias.split(HIDDEN)
        outputs, memories = [], []
        for example, c in zip(us, start, strict=True):
            hs = []
            for u in example:
                f, r = 1 / (1 + torch.exp(-(w_f @ u + b_f))), 1 / (1 + torch.exp(-(w_r @ u + b_r)))
                c = f * c + (1 - f) * (w @ u)  # noqa: PLW2901
                past = 0 if not layer.highway else (1 - r) * (w_h[0] @ u if w_h else u)
                hs.append(r * G[layer.activation](c) + past)
            outputs.append(torch.stack(hs))
            memories.append(c)
        us = torch.stack(outputs)
        after.append(torch.stack(memories))
    return us, tuple(after)


def make(input=INPUT, dtype=torch.float64, **hyperparameters):
    torch.manual_seed(0)
    cell = SruSpec(hidden=HIDDEN, **hyperparameters).build(input=Vector(input)).to(dtype)
    us = torch.randn(BATCH, TIME, input, dtype=dtype, requires_grad=True)
    return cell, us, tuple(torch.randn(BATCH, HIDDEN, dtype=dtype, requires_grad=True) for _ in cell.layers)


def everything(cell, us, cs, run):
    """Outputs, memories, and the gradients of all that they were made from."""
    ys, after = run(us, cs)
    loss = (ys * torch.linspace(-1, 1, ys.numel(), dtype=ys.dtype).view_as(ys)).sum() + sum(
        (c**2).sum() for c in after[: len(cs)]
    )
    return [ys, *after, *torch.autograd.grad(loss, [us, *cs, *cell.parameters()])]


def assert_same(ours, theirs, atol=1e-10):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("highway", "projection"), [(True, "always"), (True, "where-needed"), (False, "always")])
@pytest.mark.parametrize("activation", G)
@pytest.mark.parametrize("input", [INPUT, HIDDEN])
def test_it_is_the_five_equations_in_a_loop(input, activation, highway, projection, layers, fused):  # noqa: PLR0917
    options = {"activation": activation, "highway": highway, "highway_projection": projection, "layers": layers}
    cell, us, cs = make(input, fused=fused, **options)
    assert_same(
        everything(cell, us, cs, cell), everything(cell, us, cs, lambda us, cs: by_hand(cell, us, cs)), atol=1e-12
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
def test_it_is_the_loop_in_numpy(path):
    golden = load_file(path)
    count = sum(name.startswith("W.") for name in golden)
    us, cs = golden["u"], tuple(golden[f"c.{layer}"] for layer in range(count))
    cell = SruCell(input=us.shape[2], hidden=golden["h"].shape[2], layers=count).double()
    with torch.no_grad():
        for number, layer in enumerate(cell.layers):
            layer.weight.copy_(torch.cat([golden[f"{name}.{number}"] for name in ("W", "Wf", "Wr", "Wh")]))
            layer.bias.copy_(torch.cat([golden[f"{name}.{number}"] for name in ("bf", "br")]))
    us.requires_grad_()
    for c in cs:
        c.requires_grad_()
    ys, after = cell(us, cs)
    assert_same([ys, *after], [golden["h"], *(golden[f"c_after.{layer}"] for layer in range(count))])
    loss = (golden["factors"] * ys).sum() + sum((c**2).sum() for c in after)
    of_u, *found = torch.autograd.grad(loss, [us, *cs, *cell.parameters()])
    expected = [golden[f"grad.c.{number}"] for number in range(count)]
    for number in range(count):
        expected.append(torch.cat([golden[f"grad.{name}.{number}"] for name in ("W", "Wf", "Wr", "Wh")]))
        expected.append(torch.cat([golden[f"grad.{name}.{number}"] for name in ("bf", "br")]))
    assert_same([of_u, *found], [golden["grad.u"], *expected])


def test_an_example_by_hand():
    """u = 1, -1 from c = 6 with W = 2, W_f = 0, b_f = ln 3, W_r = ln 3, b_r = 0, W_h = 8 and g the identity."""
    cell = SruCell(input=1, hidden=1, activation="identity").double()
    with torch.no_grad():
        cell.layers[0].weight.copy_(torch.tensor([[2.0], [0.0], [math.log(3)], [8.0]]))
        cell.layers[0].bias.copy_(torch.tensor([math.log(3), 0.0]))
    ys, (c,) = cell(torch.tensor([[[1.0], [-1.0]]], dtype=torch.float64), (torch.tensor([[6.0]], dtype=torch.float64),))
    # step 1: x~ = 2, f = 3/4, r = 3/4: c = 3/4 * 6 + 1/4 * 2 = 5, h = 3/4 * 5 + 1/4 * 8 = 5.75
    # step 2: x~ = -2, f = 3/4, r = 1/4: c = 3/4 * 5 - 1/4 * 2 = 3.25, h = 1/4 * 3.25 - 3/4 * 8 = -5.1875
    torch.testing.assert_close(ys.flatten().tolist(), [5.75, -5.1875], rtol=0, atol=1e-6)
    torch.testing.assert_close(c.item(), 3.25, rtol=0, atol=1e-6)


@pytest.mark.parametrize("activation", G)
@pytest.mark.parametrize(("blocks", "highway", "input"), [(4, True, INPUT), (3, True, HIDDEN), (3, False, INPUT)])
def test_the_scans_way_back_agrees_with_finite_differences(blocks, highway, input, activation):
    torch.manual_seed(2)
    shapes = (BATCH, TIME, input), (BATCH, HIDDEN), (blocks * HIDDEN, input), (2 * HIDDEN,)
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(SruScan.apply, (*tensors, highway, activation))


@pytest.mark.parametrize("fused", [True, False])
def test_steps_give_what_a_sequence_gives(fused):
    cell, us, cs = make(layers=2, fused=fused)

    def by_steps(us, cs):
        ys = []
        for u in us.unbind(1):
            y, cs = cell.step(u, cs)
            ys.append(y)
        return torch.stack(ys, 1), cs

    assert_same(everything(cell, us, cs, cell), everything(cell, us, cs, by_steps))


def test_in_single_precision_both_ways_agree():
    cell, us, cs = make(dtype=torch.float32, layers=2)
    plain = SruCell(input=INPUT, hidden=HIDDEN, layers=2, fused=False)
    plain.load_state_dict(cell.state_dict())
    assert_same(everything(cell, us, cs, cell), everything(plain, us, cs, plain), atol=1e-5)


def test_it_runs_where_products_are_in_half_precision():
    cell, us, cs = make(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = everything(cell, us, cs, cell)
    assert found[0].dtype == found[1].dtype == torch.float32
    assert_same(found[:2], everything(cell, us, cs, cell)[:2], atol=0.05)


@pytest.mark.parametrize(("input", "rows"), [(INPUT, True), (2, False)])
def test_each_matrix_starts_orthogonal(input, rows):
    cell, _, _ = make(input, layers=2)
    for number, layer in enumerate(cell.layers):
        for block in layer.weight.split(HIDDEN):
            square = block @ block.T if rows or number else block.T @ block
            assert_same([square], [torch.eye(len(square), dtype=torch.float64)], atol=1e-6)
    assert len({tuple(block.flatten().tolist()) for layer in cell.layers for block in layer.weight.split(HIDDEN)}) == 8


def test_biases_start_by_xaviers_scheme_or_with_a_number():
    torch.manual_seed(0)
    forget, reset = SruCell(input=2, hidden=5000).layers[0].bias.detach().chunk(2)
    bound = math.sqrt(6 / (5000 + 5000))
    for bias in (forget, reset):
        assert bound * 0.99 < bias.abs().max() <= bound
        assert abs(bias.mean().item()) < 5 * bound / math.sqrt(3 * 5000)
    assert (
        SruCell(input=2, hidden=3, forget_bias=1.0, highway_bias=-2.0).layers[0].bias.tolist() == [1.0] * 3 + [-2.0] * 3
    )


def test_no_gate_reads_the_memory():
    """With the identity for g, the outputs are affine in the memory that the sequence starts from."""
    cell, us, (c,) = make(activation="identity")
    at = [cell(us, (factor * c,))[0] for factor in (0.0, 1.0, 3.0)]
    torch.testing.assert_close(at[2] - at[0], 3 * (at[1] - at[0]), rtol=0, atol=1e-12)
    assert (at[1] - at[0]).abs().max() > 0.01


def test_the_highway_passes_the_input_by_where_the_reset_gate_is_closed():
    cell, us, cs = make(highway_bias=-1e3)
    torch.testing.assert_close(cell(us, cs)[0], us @ cell.layers[0].weight[-HIDDEN:].T, rtol=0, atol=1e-12)
    without, us, cs = make(highway_bias=-1e3, highway=False)
    assert without(us, cs)[0].abs().max() < 1e-12


def test_an_open_forget_gate_keeps_the_memory():
    cell, us, cs = make(forget_bias=1e3)
    torch.testing.assert_close(cell(us, cs)[1], cs, rtol=0, atol=1e-12)


def test_a_feature_is_dropped_at_all_steps_of_a_sequence_and_at_none_in_evaluation():
    cell, us, cs = make(layers=2, dropout=0.4)
    first, second = cell.initial_state(50)[2:]
    assert (first.shape, second.shape) == ((50, INPUT), (50, HIDDEN))
    assert set(torch.cat([first, second], 1).unique().tolist()) == {0.0, 1 / 0.6}
    state = cell.renew(cs)
    ys, after = cell(us, state)
    lower = SruLayer(input=INPUT, hidden=HIDDEN).double()
    lower.load_state_dict(cell.layers[0].state_dict())
    upper = SruLayer(input=HIDDEN, hidden=HIDDEN).double()
    upper.load_state_dict(cell.layers[1].state_dict())
    expected = upper(lower(us * state[2][:, None], cs[0])[0] * state[3][:, None], cs[1])[0]
    torch.testing.assert_close(ys, expected, rtol=0, atol=1e-12)
    assert_same(after[2:], state[2:], atol=0)
    assert not torch.equal(cell.renew(after)[2], after[2])
    cell.eval()
    assert len(cell.initial_state(BATCH)) == 2
    torch.testing.assert_close(cell(us, after)[0], by_hand(cell, us, after[:2])[0], rtol=0, atol=1e-12)


def test_second_derivatives_need_the_plain_operators():
    cell, us, cs = make()
    with pytest.raises(RuntimeError, match="build it with `fused = false`"):
        torch.autograd.grad(cell(us, cs)[0].sum(), us, create_graph=True)
    plain, us, cs = make(fused=False)
    (gradient,) = torch.autograd.grad(plain(us, cs)[0].sum(), us, create_graph=True)
    assert torch.autograd.grad(gradient.square().sum(), us)[0].abs().sum() > 0


@pytest.mark.parametrize(("field", "value"), [("hidden", 0), ("layers", 0), ("dropout", 1.0), ("dropout", -0.1)])
def test_a_hyperparameter_out_of_range_is_refused(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be in"):
        SruSpec(**{field: value})


def test_a_highway_without_projection_needs_one_size():
    with pytest.raises(ValueError, match="`input` must be 3, as `hidden` is, where nothing projects it, but is 5"):
        SruLayer(input=5, hidden=3, projection=False)


INTERPRETED = """
import torch
from dovetail_hacap import sru_kernels, sru_scan

torch.manual_seed(0)
for activation in ("tanh", "identity", "relu"):
    for blocks, given in ((4, False), (3, True), (3, False)):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5))[: 1 + (activation == "tanh")]:
            batch, time, hidden = 2, 3, 35  # more than a program's block, and no multiple of it
            sums = torch.randn(batch, time, blocks * hidden, dtype=dtype)
            past = torch.randn(batch, time, hidden, dtype=dtype) if given else None
            c, d_c = torch.randn(2, batch, hidden, dtype=dtype)
            d_ys = torch.randn(time, batch, hidden, dtype=dtype).transpose(0, 1)
            found, expected = [], []
            for way, kept in ((sru_kernels, found), (sru_scan, expected)):
                own = sums.clone()
                ys, *more = way.forward(own, past, c, activation)
                kept += [ys, more[0], *way.backward(d_ys, d_c, own, past, *more, activation)]
            for one, other in zip(found, expected, strict=True):
                assert (one is None) == (other is None)
                if one is not None:
                    torch.testing.assert_close(one, other, rtol=0, atol=tolerance)
print("as the loop")
"""

COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from dovetail_hacap import sru_kernels

for kernel in (sru_kernels.forward_kernel, sru_kernels.backward_kernel):
    for dtype, kind, activation in (("fp32", 1, 1), ("bf16", 2, 2), ("fp64", 0, 0)):
        constants = {"kind": kind, "activation": activation, "block": sru_kernels.BLOCK}
        signature = {name: "constexpr" if name in constants else f"*{dtype}" for name in kernel.arg_names}
        signature |= {name: "i32" for name in ("steps", "hidden", "width")}
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 1})
        assert ".target sm_90" in made.asm["ptx"]
print("compiled")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "last", "interpret"), [(INTERPRETED, "as the loop", "1"), (COMPILED, "compiled", "0")]
)
def test_the_kernels_run_interpreted_as_the_loop_does_and_compile_for_a_gpu(program, last, interpret, tmp_path):
    pytest.importorskip("triton", reason="Triton comes with PyTorch's builds for CUDA only")
    here = {**os.environ, "TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=here, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == last, run.stderr
