import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.update import UpdateSpec
from dovetail_standard import products

SHAPES = [(1, 1, 1), (5, 7, 3), (35, 64, 48)]


@pytest.fixture(autouse=True)
def forget():
    products.operators_are_right.cache_clear()
    yield
    products.operators_are_right.cache_clear()


@pytest.mark.parametrize("right", [None, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rows", "out", "size"), SHAPES)
def test_both_ways_give_the_product(monkeypatch, rows, out, size, dtype, right):  # noqa: PLR0917
    if right is False:
        monkeypatch.setattr(products, "operators_are_right", lambda: False)
    x, weight, bias = torch.randn(rows, size), torch.randn(out, size), torch.randn(out)
    expected = x.double() @ weight.double().t()
    x, weight, bias = x.to(dtype), weight.to(dtype), bias.to(dtype)
    for given in (weight, weight.t().contiguous().t()):
        for found in (products.linear(x, given), products.repeated(given, rows, 2)(x)):
            assert found.dtype == dtype
            torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        products.linear(x, weight, bias).double(), expected + bias.double(), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(products.outer(x.t(), weight.t()).double(), expected, rtol=1e-5, atol=1e-5)


def test_operators_that_are_wrong_or_not_there_are_left_alone(monkeypatch):
    assert isinstance(products.operators_are_right(), bool)

    def absent(*_):
        raise AttributeError("no such operator")

    for broken in (lambda *_: torch.zeros(2, 4), absent):
        products.operators_are_right.cache_clear()
        monkeypatch.setattr(products, "_onednn", broken)
        assert not products.operators_are_right()


def test_a_cell_gives_the_same_by_both_ways(monkeypatch):
    torch.manual_seed(0)
    cell = LstmSpec(hidden=9, dropout=UpdateSpec(rate=0.3)).build(input=Vector(5))
    xs, found = torch.randn(4, 6, 5), []
    for right in (products.operators_are_right(), False):
        monkeypatch.setattr(products, "operators_are_right", lambda right=right: right)
        torch.manual_seed(1)
        ys, _ = cell(xs)
        found.append([ys, *torch.autograd.grad(ys.square().sum(), list(cell.parameters()))])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
