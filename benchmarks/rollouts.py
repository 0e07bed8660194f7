"""The time of rollouts that reuse states beside that of re-running every prefix from its start.

    python benchmarks/rollouts.py [--check] [--quick]

For each of 20 prefixes of a text, 16 continuations are written, to a length of 21 tokens; no text ends earlier. The
peer does what SeqGAN's published code does, by the same generator and the same way to draw: for every prefix it reads
the start token and the prefix step by step, then writes on; it is kinder than that code in that the 16 continuations of
a prefix are one batch. Sizes: one text, which the target is for, and SeqGAN's batch of 64, where the number of steps
counts, of which reusing saves half. Repeats alternate, after one of each for warmth; the ratio is that of the medians.
It prints a table, then one line of JSON. `--quick` takes one repeat.
"""

import json
import os
import platform
import statistics
import sys
import time

import torch

from dovetail import Padded, Tokens, Vocabulary
from dovetail_standard.cells import LstmSpec
from dovetail_standard.credit import Game
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.strategy import Ancestral
from dovetail_text_gan.rollout_credit import RolloutCredit

N, LENGTH, WORDS, UNITS = 16, 21, 1000, 32
TARGET = 0.35
SIZES = {"rollouts.text": 1, "rollouts.batch": 64}
REPEATS = {"rollouts.text": 15, "rollouts.batch": 5}


def reusing(generator, texts):
    RolloutCredit(n=N)(texts, Game(generator=generator, reward=lambda written, _: written.lengths[:, None].float()))


@torch.no_grad()
def rerunning(generator, texts):
    """Each prefix from its start, its continuations side by side."""
    choose = Ancestral().choose
    for prefix in range(1, LENGTH):
        rows = texts.data.repeat_interleave(N, dim=0)
        state = generator.initial_state(len(rows))
        tokens = state[0]
        for place in range(LENGTH):
            logits, state = generator.step(tokens, state)
            tokens = rows[:, place] if place < prefix else choose(logits)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    space = Tokens(Vocabulary(map(str, range(WORDS)), pad=0, start=0, end=-1, unknown=0), LENGTH)
    spec = RnnLmSpec(embedding=EmbeddingSpec(size=UNITS), cell=LstmSpec(hidden=UNITS))
    generator, found = spec.build(produces=space).eval(), {}
    print(f"{N} continuations from each of {LENGTH - 1} prefixes, LSTM of {UNITS} units, {WORDS} words; milliseconds")
    print(f"{'':16}{'texts':>6}{'reusing':>10}{'re-running':>12}{'ratio':>8}{'target':>8}")
    for name, count in SIZES.items():
        texts = Padded(torch.randint(WORDS, (count, LENGTH)), torch.full((count,), LENGTH))
        times = {reusing: [], rerunning: []}
        for repeat in range(1 + (1 if "--quick" in sys.argv else REPEATS[name])):
            for side, taken in times.items():
                began = time.perf_counter()
                side(generator, texts)
                if repeat:
                    taken.append(time.perf_counter() - began)
        ours, peer = (1000 * statistics.median(taken) for taken in times.values())
        target = TARGET if count == 1 else None
        found[name] = {"ratio": round(ours / peer, 4), "target": target}
        print(f"{name:16}{count:6}{ours:10.1f}{peer:12.1f}{ours / peer:8.3f}{target or '-':>8}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, 1 thread, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}; torch {torch.__version__}")
    print(json.dumps(found))
    missed = found["rollouts.text"]["ratio"] > TARGET
    return int("--check" in sys.argv and missed)


if __name__ == "__main__":
    sys.exit(main())
