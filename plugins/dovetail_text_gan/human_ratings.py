"""The ratings of a human evaluation: reading and checking the raters' files, and what they come to.

A sentence's rating is the mean over its raters, a run's the mean over its sentences, a model's mean and standard
deviation are over its runs. The deviation is therefore of restarts and of the few sentences of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from attrs import asdict, frozen

from dovetail.errors import Fault, Faults, Where, close
from dovetail.report.statistics import Summary, summarise
from dovetail_text_gan.agreement import alpha
from dovetail_text_gan.human_evaluation import HIGHEST, LOWEST, REAL, Evaluation

Ratings = Mapping[int, Mapping[str, int]]
"""What each rater gave each sentence, by number."""
KEYS = ("evaluation", "rater", "ratings")
AGAIN = "ask the rater for the file that the form's button downloads"


@frozen
class Rated:
    """What a model's sentences, or people's, were rated."""

    runs: Mapping[str, float]
    """The mean of each run that has a rated sentence; nothing for real sentences."""
    mean: float | None
    """Over runs; for real sentences, over sentences. None where none is rated."""
    deviation: float | None
    """Over runs, the sample's (n - 1); None for fewer than two."""
    restarts: int
    """How many runs the model has."""
    sentences: int
    """How many are rated."""
    ratings: int

    @property
    def summary(self) -> Summary:
        return Summary(len(self.runs), self.restarts, self.mean, self.deviation)


@frozen
class Agreement:
    """Krippendorff's alpha over the sentences with at least two ratings; None where it is not defined."""

    ordinal: float | None
    interval: float | None
    sentences: int


@frozen
class Result:
    """What an evaluation came to."""

    evaluation: str
    models: Mapping[str, Rated]
    real: Rated
    agreement: Agreement
    missing: Mapping[int, Sequence[str]]
    """The sentences that each rater has not rated, by number; all where there is no file."""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_ratings(evaluation: Evaluation, files: Sequence[Path]) -> dict[int, dict[str, int]]:
    """The raters' files; raises Faults with all that is wrong with them."""
    ratings: dict[int, dict[str, int]] = {}
    owners: dict[int, Path] = {}
    faults: list[Fault] = []
    for file in files:
        try:
            said = _said(file)
        except ValueError as error:
            faults.append(Fault(Where(str(file)), "file", str(error), AGAIN))
            continue
        found = list(_faults(evaluation, file, said, owners))
        faults += found
        if not found:
            owners[said["rater"]] = file
            ratings[said["rater"]] = said["ratings"]
    if not faults and not any(ratings.values()):
        faults.append(Fault(Where(", ".join(map(str, files))), "ratings", "no sentence is rated", AGAIN))
    if faults:
        raise Faults("ratings", faults)
    return ratings


def _said(file: Path) -> dict[str, Any]:
    """What a file says; raises ValueError where it is no file of ratings."""

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"has `{twice[0]}` twice")
        return dict(pairs)

    try:
        said = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=each_once)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from error
    if not isinstance(said, dict) or sorted(said) != sorted(KEYS) or not isinstance(said["ratings"], dict):
        raise ValueError(f"must be a JSON object of {', '.join(KEYS)}, the last an object of ratings by sentence")
    return said


def _faults(evaluation: Evaluation, file: Path, said: Mapping[str, Any], owners: Mapping[int, Path]) -> Iterator[Fault]:
    """What is wrong with a rater's file."""
    where, rater = Where(str(file)), said["rater"]
    if said["evaluation"] != evaluation.name:
        rule = f"must be {evaluation.name}, but is {said['evaluation']!r}: these are ratings of another evaluation"
        yield Fault(where, "evaluation", rule, "give the folder that its forms are from")
        return
    if type(rater) is not int or not 1 <= rater <= len(evaluation.forms):
        yield Fault(where, "rater", f"must be one of 1 to {len(evaluation.forms)}, but is {rater!r}", AGAIN)
        return
    if rater in owners:
        rule = f"{rater} is that of {owners[rater]}, too"
        yield Fault(where, "rater", rule, "give one file of each rater; forms are for one person each")
    shown = set(evaluation.forms[rater - 1])
    for number, rating in said["ratings"].items():
        path = f"ratings.{number}"
        if number not in evaluation.items:
            guess = close(number, evaluation.items)
            yield Fault(where, path, f"there is no sentence {number}{f'; {guess}' if guess else ''}", AGAIN)
        elif number not in shown:
            yield Fault(where, path, f"the sentence {number} is not on the form of rater {rater}", AGAIN)
        if type(rating) is not int or not LOWEST <= rating <= HIGHEST:
            yield Fault(where, path, f"must be a whole number from {LOWEST} to {HIGHEST}, but is {rating!r}", AGAIN)


def result_of(evaluation: Evaluation, ratings: Ratings) -> Result:
    """Means by model, agreement, and what is missing."""
    given: dict[str, list[int]] = {}
    for of_rater in ratings.values():
        for number, rating in of_rater.items():
            given.setdefault(number, []).append(rating)
    agreeing = [values for values in given.values() if len(values) > 1]
    missing = {
        rater: sorted(set(shown) - set(ratings.get(rater, ())))
        for rater, shown in enumerate(evaluation.forms, start=1)
        if set(shown) - set(ratings.get(rater, ()))
    }
    return Result(
        evaluation.name,
        {model: _rated(evaluation, model, given) for model in evaluation.models},
        _rated(evaluation, REAL, given),
        Agreement(alpha(agreeing, "ordinal"), alpha(agreeing, "interval"), len(agreeing)),
        missing,
    )


def _rated(evaluation: Evaluation, model: str, given: Mapping[str, Sequence[int]]) -> Rated:
    own = {number: item.run for number, item in evaluation.items.items() if item.model == model and number in given}
    means = {number: fmean(given[number]) for number in own}
    runs = {
        run: fmean(mean for number, mean in means.items() if own[number] == run)
        for run in evaluation.models.get(model, ())
        if run in own.values()
    }
    over = dict(enumerate(runs.values() if model in evaluation.models else means.values()))
    found = summarise(over, len(over))
    return Rated(
        runs=runs,
        mean=found.mean,
        deviation=found.deviation if runs else None,
        restarts=len(evaluation.models.get(model, ())),
        sentences=len(own),
        ratings=sum(len(given[number]) for number in own),
    )
