"""The sentences of a human evaluation: samples of models' runs, and real sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import dovetail
from dovetail import Mistake, Tokens, Vocabulary
from dovetail.bench import Bench
from dovetail.bench.grids import ABSENT, load_grid
from dovetail.bench.store import FinishedRun, RunFolder
from dovetail.errors import listed
from dovetail.randomness import on_stream, stream
from dovetail.report.samples import generators
from dovetail.report.table import Row, gather
from dovetail.tables import overrides
from dovetail_standard.tokenisation import differences
from dovetail_text_gan.human_evaluation import REAL
from dovetail_text_gan.sentences import read_lines

AT_ONCE = 64
"""So many samples are drawn at once."""
Models = dict[str, list[RunFolder]]


def named_model(words: str, bench: Bench) -> Models:
    """`MODEL=RUN,RUN`: the model's runs; raises Mistake where one is none, or is there twice."""
    name, _, written = (part.strip() for part in words.partition("="))
    runs = [bench.store.find(run.strip()) for run in written.split(",") if run.strip()]
    if not name or not runs:
        raise Mistake(f"`{words}` must be a name and runs, as in `lm=RUN,RUN`")
    names = [run.name for run in runs]
    if twice := [run for run, count in Counter(names).items() if count > 1]:
        raise Mistake(f"`{words}` has the run {twice[0]} twice; name each run once")
    return {name: runs}


def models_of_grid(grid: str, changes: Sequence[str], bench: Bench) -> tuple[Models, list[str]]:
    """The arms of a grid with their finished runs, those of winners where it searches; and what is not finished.

    Raises:
        Mistake: an arm has no finished run.
    """
    report = gather(load_grid(bench.registry, grid, bench.checker, overrides(list(changes))), bench)
    remarks = report.remarks()
    models = {
        _name(row): [found.folder for found in row.outcomes.values() if found.state == "finished"]
        for row in report.rows
    }
    if absent := [name for name, runs in models.items() if not runs]:
        raise Mistake(
            f"the grid {grid} has no finished run of {listed(absent)}: `dovetail grid {grid}` trains its runs, with the"
            " same changes; or name the models that have some, as in `lm=RUN,RUN`"
        )
    return models, remarks


def _name(row: Row) -> str:
    """An arm's label, where the grid has one axis alone; else its labels with their axes."""
    labels = [label for label in row.arm.labels.values() if label != ABSENT]
    return labels[0] if len(row.arm.labels) == 1 and labels else row.arm.name


def joined(found: Sequence[Models]) -> Models:
    """All models; raises Mistake where a name is there twice, or is that of the real sentences."""
    counts = Counter(name for models in found for name in models)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise Mistake(f"`{twice[0]}` must be the name of one model, but is that of {counts[twice[0]]}; name one anew")
    if REAL in counts:
        raise Mistake(f"`{REAL}` must not be a model's name, since sentences of people have it; choose another")
    return {name: runs for models in found for name, runs in models.items()}


def shares(n: int, runs: Sequence[RunFolder], model: str, seed: int) -> dict[RunFolder, int]:
    """How many of `n` samples each run gives: equally many, and which ones give one more is drawn.

    Raises:
        Mistake: there are more runs than samples.
    """
    if n < len(runs):
        raise Mistake(f"`--samples` must be at least {len(runs)}, one for each run of `{model}`, but is {n}")
    order = torch.randperm(len(runs), generator=stream(seed, "human-evaluation", "runs", model)).tolist()
    more = set(order[: n % len(runs)])
    return {run: n // len(runs) + (place in more) for place, run in enumerate(runs)}


class Author:
    """A finished run as a writer of sentences, by its objective.

    The objective draws, and not its generator alone: it knows what the generator reads of a discriminator, and how rows
    of symbols become tokens. These are the samples that training's evaluation measures.

    Raises:
        Mistake: the run has not finished, draws no texts, or draws them under a condition.
    """

    def __init__(self, folder: RunFolder, bench: Bench) -> None:
        self.run = FinishedRun(folder, bench.registry, bench.store)
        self.model: Any = dovetail.load(folder.path, bench.registry)
        outcome = self.model.objective.outcome
        if not isinstance(outcome.get("samples"), Tokens):
            raise Mistake(
                f"the run {folder.name} draws no texts when it is evaluated, only {listed(outcome)}; runs of"
                " text-gan/likelihood, text-gan/policy-gradient and text-gan/wgan-gp do"
            )
        if any(condition is not None for condition in generators(self.run).values()):
            raise Mistake(f"the run {folder.name} needs a condition for each text, which raters would have to see")

    def samples(self, n: int, seed: int) -> list[str]:
        """`n` texts, on a stream of the seed and the run's own."""
        texts: list[str] = []
        with torch.no_grad(), on_stream(seed, "human-evaluation", self.run.folder.name):
            while len(texts) < n:
                batch = self.model.data.fake(min(AT_ONCE, n - len(texts)))  # its number alone counts
                texts += self._texts(batch, "samples")
        return texts

    def real(self, n: int, seed: int, bench: Bench) -> list[str]:
        """`n` sentences of the data's test split, each one at most once; raises Mistake where it has fewer."""
        dataset = bench.checker.dataset(self.run.system.stages[-1].dataset)
        split = dataset.split("test")
        if len(split) < n:
            raise Mistake(f"the test split must have {n} sentences, but has {len(split)}; {FEWER}")
        places = _drawn(len(split), n, seed)
        with torch.no_grad(), on_stream(seed, "human-evaluation", "real"):
            starts = range(0, n, AT_ONCE)
            return [
                text
                for start in starts
                for text in self._texts(split.take(places[start : start + AT_ONCE]), "references")
            ]

    def fingerprint(self, bench: Bench) -> str:
        """Of its data."""
        return str(bench.checker.dataset(self.run.system.stages[-1].dataset).fingerprint)

    def _texts(self, batch: Any, field: str) -> list[str]:
        (outcome,) = self.model.objective.evaluate([batch])
        space: Tokens = self.model.objective.outcome[field]
        return space.decode(outcome[field])


FEWER = "ask for fewer by --samples, or give others by --references FILE"


def _drawn(among: int, n: int, seed: int) -> list[int]:
    places: list[int] = torch.randperm(among, generator=stream(seed, "human-evaluation", "real"))[:n].tolist()
    return places


def draw(
    models: Models, bench: Bench, *, n: int, references: Path | None, seed: int
) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """`n` samples of each model, by its runs' names, and `n` real sentences, of a file or of the runs' test split.

    Raises:
        Mistake: a run draws no texts, or there are too few real sentences, or no one test split is that of all runs.
    """
    wanted = {model: shares(n, runs, model, seed) for model, runs in models.items()}
    real = None if references is None else lines_drawn(references, n, seed)
    samples: dict[str, dict[str, list[str]]] = {}
    first: tuple[str, str] | None = None
    for model, runs in wanted.items():
        samples[model] = {}
        for folder, count in runs.items():
            author = Author(folder, bench)
            samples[model][folder.name] = author.samples(count, seed)
            if references is None:
                print_of = author.fingerprint(bench)
                if first is None:
                    first, real = (folder.name, print_of), author.real(n, seed, bench)
                elif print_of != first[1]:
                    raise Mistake(
                        f"the runs {first[0]} and {folder.name} have different data, and so no one test split is of"
                        " real sentences for both; give them by --references FILE"
                    )
    return samples, real or []


def lines_drawn(file: Path, n: int, seed: int) -> list[str]:
    """`n` sentences of a file with one a line, each line at most once.

    Raises:
        Mistake: there is no such file, it is not UTF-8, has a line without a sentence, or too few.
    """
    if not file.is_file():
        raise Mistake(f"--references: there is no file `{file}`; it must be UTF-8 text with a sentence a line")
    rows = read_lines(file)
    empty = [row for row in rows if not row.texts[0]]
    if empty:
        raise Mistake(f"{empty[0].where()}: is one of {len(empty)} lines without a sentence; take them out")
    if len(rows) < n:
        raise Mistake(f"{file}: must have {n} sentences, but has {len(rows)}; {FEWER}")
    return [rows[place].texts[0] for place in _drawn(len(rows), n, seed)]


def looks(samples: Mapping[str, Mapping[str, Sequence[str]]], real: Sequence[str]) -> Iterator[str]:
    """By what raters could tell a model's samples from real sentences without reading them."""
    references = Counter(word for text in real for word in text.split())
    for model, runs in samples.items():
        words = Counter(word for texts in runs.values() for text in texts for word in text.split())
        found = [said for said in differences(words, references) if "are in no sentence" not in said]
        if found:
            yield f"raters may know `{model}` by its looks: {'; '.join(found)}"
    unknown = Vocabulary.SPECIAL[-1]
    if holed := sum(unknown in text.split() for text in real):
        yield f"{holed} of {len(real)} real sentences have `{unknown}` for a word; --references gives others"
