"""`gal` against Keras, whose `recurrent_dropout` is an independent implementation of Eq. 3.3.8, scaled in training."""

import pytest
import torch

from dovetail import Vector
from dovetail_recurrent_dropout.gal import GalSpec
from dovetail_recurrent_dropout.gru import GruSpec
from dovetail_recurrent_dropout.lstm import LstmSpec
from dovetail_recurrent_dropout.rnn import RnnSpec

BATCH, TIME, INPUT, HIDDEN, RATE = 3, 6, 4, 5, 0.4
CLOSE = 1e-5  # Keras multiplies matrices in float32, whatever their type
CELLS = {
    "rnn": (RnnSpec, "SimpleRNNCell", {}, (0,)),
    "lstm": (LstmSpec, "LSTMCell", {}, (0, 1, 2, 3)),
    "gru": (GruSpec, "GRUCell", {"reset_after": False}, (1, 0, 2)),  # Keras has the update gate first
}


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        import keras  # noqa: PLC0415 (it reads its settings when it is imported)

        assert keras.backend.backend() == "torch"
        yield keras


def in_keras_order(weight, order):
    """Shape: weight ((gate out), …) in PyTorch's order of gates, result (…, (gate out)) in Keras's."""
    gates = weight.detach().view(len(order), HIDDEN, -1)
    return torch.cat([gates[gate].T for gate in order], dim=1).squeeze(0)


@pytest.mark.parametrize("masks", ["tied", "untied"])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_gal_is_kerass_recurrent_dropout(keras, name, fused, masks):
    spec, peer_name, options, order = CELLS[name]
    torch.manual_seed(0)
    dropout = GalSpec(rate=RATE, masks=masks, scale="training")
    cell = spec(hidden=HIDDEN, dropout=dropout, init=0.9, fused=fused).build(input=Vector(INPUT)).double()
    peer = getattr(keras.layers, peer_name)(HIDDEN, recurrent_dropout=RATE, dtype="float64", seed=1, **options)
    peer.build((BATCH, INPUT))
    weights = cell.weights
    given = (weights.weight_ih, weights.weight_hh, weights.bias_ih + weights.bias_hh)
    peer.set_weights([in_keras_order(weight, order).numpy() for weight in given])

    xs = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64, requires_grad=True)
    state = [torch.randn(BATCH, HIDDEN, dtype=torch.float64) for _ in range(2 if name == "lstm" else 1)]
    drawn = peer.get_recurrent_dropout_mask(state[0])
    drawn = drawn if isinstance(drawn, list) else [drawn]
    if masks == "tied":
        drawn = [drawn[0]] * len(drawn)
        peer.get_recurrent_dropout_mask = lambda _: drawn if len(drawn) > 1 else drawn[0]
    assert any((mask == 0).any() and (mask > 1).any() for mask in drawn)

    theirs, memory = [], list(state)
    for x in xs.unbind(1):
        y, memory = peer(x, memory, training=True)
        theirs.append(y)
    theirs = torch.stack(theirs, 1)
    of_gates = torch.stack([drawn[order.index(gate)] for gate in range(len(order))], 1)
    carried = of_gates[:, :1] if masks == "tied" else of_gates
    ours, _ = cell(xs, (*state, carried))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=CLOSE)

    target = torch.linspace(-1, 1, ours.numel(), dtype=torch.float64).view_as(ours)
    mine = torch.autograd.grad(((ours - target) ** 2).sum(), [xs, weights.weight_ih, weights.weight_hh])
    kernels = [variable.value for variable in peer.trainable_weights[:2]]
    other = torch.autograd.grad(((theirs - target) ** 2).sum(), [xs, *kernels])
    torch.testing.assert_close(mine[0], other[0], rtol=0, atol=CLOSE)
    for one, two in zip(mine[1:], other[1:], strict=True):
        torch.testing.assert_close(in_keras_order(one, order), two, rtol=0, atol=CLOSE)
