"""The golden file of the simple recurrent unit: its five equations as a loop in NumPy, and their gradients.

    python tests/hacap/golden/make_sru.py [FILE]

It knows nothing of the component: each equation of section 3.4 of the paper is written out for one example, one step
and one unit after another, in float64 with g = tanh. Gradients are by the complex step, f'(x) = Im f(x + ih) / h with
h = 1e-100, which is exact to rounding. The file is sru.safetensors; another, of any sizes and number of layers, may be
made elsewhere and put into the folder that the environment variable DOVETAIL_GOLDEN names: the tests read it too.

Names and shapes, all float64, with l = 0, 1, … for each layer, the lowest first:

    u            (batch, time, input)    the inputs
    W.l          (hidden, input)         of the candidate; `input` is `hidden` above the lowest layer
    Wf.l, Wr.l   (hidden, input)         of the forget and the reset gate
    Wh.l         (hidden, input)         of the highway
    bf.l, br.l   (hidden)                biases of the gates
    c.l          (batch, hidden)         the memory before the first step
    h            (batch, time, hidden)   what comes out of the top layer
    c_after.l    (batch, hidden)         the memory after the last step
    factors      (batch, time, hidden)   the loss is sum(factors * h) + the sum over layers of sum(c_after.l ** 2)
    grad.NAME    as NAME                 the loss's gradient, of u, W.l, Wf.l, Wr.l, Wh.l, bf.l, br.l and c.l
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

BATCH, TIME, INPUT, HIDDEN, LAYERS = 2, 4, 5, 3, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unit(weights, inputs):
    return sum(weight * value for weight, value in zip(weights, inputs, strict=True))


def layer(given, number, us):
    """The outputs and the last memories, both as lists."""
    w, wf, wr, wh, bf, br, c = (given[f"{name}.{number}"] for name in ("W", "Wf", "Wr", "Wh", "bf", "br", "c"))
    hs, last = [], []
    for example, steps in enumerate(us):
        memory, outputs = list(c[example]), []
        for u in steps:
            h = []
            for k in range(len(w)):
                candidate = unit(w[k], u)
                forget = sigmoid(unit(wf[k], u) + bf[k])
                reset = sigmoid(unit(wr[k], u) + br[k])
                memory[k] = forget * memory[k] + (1 - forget) * candidate
                h.append(reset * np.tanh(memory[k]) + (1 - reset) * unit(wh[k], u))
            outputs.append(h)
        hs.append(outputs)
        last.append(memory)
    return hs, last


def run(given):
    """What comes out of all layers."""
    outputs = given["u"]
    made = {}
    for number in range(LAYERS):
        outputs, last = layer(given, number, outputs)
        made[f"c_after.{number}"] = np.array(last)
    return {"h": np.array(outputs), **made}


def loss(given):
    made = run(given)
    return (given["factors"] * made["h"]).sum() + sum((made[f"c_after.{n}"] ** 2).sum() for n in range(LAYERS))


def gradient(given, name):
    found = np.zeros_like(given[name])
    for place in np.ndindex(*found.shape):
        moved = given[name].astype(complex)
        moved[place] += 1e-100j
        found[place] = loss({**given, name: moved}).imag / 1e-100
    return found


def make():
    random = np.random.RandomState(20180304)  # whose numbers never change
    given = {"u": random.randn(BATCH, TIME, INPUT), "factors": random.randn(BATCH, TIME, HIDDEN)}
    for number, size in enumerate([INPUT] + [HIDDEN] * (LAYERS - 1)):
        for name in ("W", "Wf", "Wr", "Wh"):
            given[f"{name}.{number}"] = 0.8 * random.randn(HIDDEN, size)
        for name in ("bf", "br"):
            given[f"{name}.{number}"] = random.randn(HIDDEN)
        given[f"c.{number}"] = random.randn(BATCH, HIDDEN)
    return given | run(given) | {f"grad.{name}": gradient(given, name) for name in given if name != "factors"}


if __name__ == "__main__":
    save_file(make(), sys.argv[1] if sys.argv[1:] else Path(__file__).with_name("sru.safetensors"))
