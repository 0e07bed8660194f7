"""The time of training and decoding of each arm of HACap's ablation, beside a plain language model's.

    python benchmarks/captioners.py [--quick]

The arms are the systems of the plugin `hacap` and one part of `hacap/hacap` changed at a time, as in the grid
`hacap-ablation-small`: 32 captions a batch of 15 tokens each, 16 regions of 128 features that are computed already.
The peer is `standard/rnn-lm`, an LSTM as wide that sees no image. Times are of a batch of the stage of likelihood (with
the discriminator's update, where there is one), of a batch of the adversarial stage (each phase by how often it comes),
and of writing 32 captions word by word, the most probable ones. One update with Adam is part of each phase. Repeats go
round the arms, after one of each for warmth; ratios are those of medians. It prints a table, then one line of JSON;
there is no target. `--quick` takes one repeat.
"""

import json
import os
import platform
import statistics
import sys
import time

import attrs
import torch

import dovetail
from dovetail import Fields, Padded, Regions, Tokens
from dovetail_hacap.soft import SoftSpec
from dovetail_standard.caption_words import vocabulary
from dovetail_standard.captions_space import Captions
from dovetail_standard.cells import GruSpec, LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.language_model import LanguageModelSpec
from dovetail_standard.mean_pool import MeanAttentionSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.strategy import Greedy

BATCH, TIME, UNITS, REPEATS = 32, 15, 128, 7
REGIONS, WORDS = Regions(16, 128, (4, 4)), Tokens(vocabulary(), TIME)
DATA = Fields({"image": REGIONS, "caption": WORDS, "captions": Captions(2, WORDS)})
SYSTEMS = ("attend", "likelihood", "hacap", "no-manager", "no-penalty", "no-highway", "hard")
CHANGES = {
    "attention=soft": {"attention": SoftSpec(hidden=UNITS)},
    "attention=mean": {"attention": MeanAttentionSpec()},
    "cell=lstm": {"worker": LstmSpec(hidden=UNITS), "manager": LstmSpec(hidden=UNITS)},
    "cell=gru": {"worker": GruSpec(hidden=UNITS), "manager": GruSpec(hidden=UNITS)},
}


class Endless:
    """Greedy decoding in which no caption ends early."""

    def __call__(self, generator, given):
        return Greedy(forbid=(WORDS.vocabulary.symbols[WORDS.vocabulary.end],))(generator, BATCH, given)


def built(system, **changes):
    """The objective of each stage of a system, over regions, by the stage's name."""
    objectives = {}
    for number, stage in enumerate(system.stages):
        generator = attrs.evolve(stage.parts["generator"], encoder=None, **changes)
        judge = stage.parts.get("discriminator")
        parts = {"generator": generator} if judge is None else {"generator": generator, "discriminator": judge}
        objectives["adversarial" if number else "likelihood"] = stage.objective.build(data=DATA, **parts)
    return objectives


def batch():
    random = torch.Generator().manual_seed(0)
    low = len(WORDS.vocabulary.SPECIAL)
    words = torch.randint(low, len(WORDS.vocabulary), (BATCH, TIME), generator=random)
    caption = Padded(words, torch.full((BATCH,), TIME))
    return {"image": REGIONS.fake(BATCH, random), "caption": caption, "captions": (caption, caption), "text": caption}


def trained(objective, data):
    """A function that makes the updates of one batch, each phase as often as it comes on the mean."""
    optimizers = {
        phase.name: torch.optim.Adam(
            [value for part in phase.parts if part != "objective" for value in getattr(objective, part).parameters()],
            lr=1e-4,
        )
        for phase in objective.phases
    }

    def update():
        total = 0.0
        for phase in objective.phases:
            began = time.perf_counter()
            optimizers[phase.name].zero_grad()
            objective(data, phase.name).backward()
            optimizers[phase.name].step()
            total += (time.perf_counter() - began) * phase.repeat / phase.every
        return total

    return update


def written(generator, given):
    def write():
        began = time.perf_counter()
        with torch.no_grad():
            Endless()(generator.eval(), given)
        generator.train()
        return time.perf_counter() - began

    return write


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    registry, data = dovetail.registry(disable=()), batch()
    plain = LanguageModelSpec(stateful=False).build(
        data=Fields({"text": WORDS}),
        generator=RnnLmSpec(embedding=EmbeddingSpec(size=UNITS), cell=LstmSpec(hidden=UNITS)),
    )
    arms = {name: built(registry.system(f"hacap/{name}")) for name in SYSTEMS}
    arms |= {name: built(registry.system("hacap/hacap"), **change) for name, change in CHANGES.items()}
    jobs = {("plain", "likelihood"): trained(plain, data), ("plain", "decoding"): written(plain.generator, None)}
    for name, stages in arms.items():
        jobs |= {(name, stage): trained(objective, data) for stage, objective in stages.items()}
        jobs[name, "decoding"] = written(next(iter(stages.values())).generator, data["image"])
    times = {job: [] for job in jobs}
    for repeat in range(1 + (1 if "--quick" in sys.argv else REPEATS)):
        for job, timed in jobs.items():
            taken = timed()
            if repeat:
                times[job].append(taken)
    medians = {job: 1000 * statistics.median(taken) for job, taken in times.items()}
    columns = {"likelihood": "likelihood", "adversarial": "likelihood", "decoding": "decoding"}
    print(f"{BATCH} captions of {TIME} tokens, milliseconds a batch and times the plain language model's")
    print(f"{'':18}" + "".join(f"{column:>20}" for column in columns))
    found = {}
    for name in ("plain", *arms):
        line = f"{name:18}"
        for column, peer in columns.items():
            if (value := medians.get((name, column))) is None:
                line += f"{'-':>20}"
                continue
            ratio = value / medians["plain", peer]
            found[f"{name}.{column}"] = round(ratio, 3)
            line += f"{value:12.1f} {ratio:6.2f}x"
        print(line)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, 1 thread, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}; torch {torch.__version__}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
