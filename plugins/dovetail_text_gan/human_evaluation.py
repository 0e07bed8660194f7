"""A human evaluation: blind samples of several models among real sentences, a form for each rater, and their key.

Paper: semeniuta2019, section 5.6.1: 200 samples a model, uniformly over its restarts, three raters a sample.
*Differs from the paper:* real sentences are rated, too, as many as one model has samples.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from dovetail import Mistake
from dovetail.bench.files import FileFailure, read_json, write_json, write_text
from dovetail.bench.identity import digest
from dovetail.bench.store import check_folder
from dovetail.randomness import stream

SAMPLES, RATERS = 200, 3  # section 5.6.1
LOWEST, HIGHEST = 1, 5
"""The scale, 5 being the best."""
REAL = "real sentences"
"""What stands in the place of a model's name."""
KEY, FORMS = "key.json", "forms"
TEMPLATE = Path(__file__).with_name("human_evaluation.html")


@frozen
class Item:
    """A sentence to be rated, and who wrote it: a model and its run, or people, of whom there is no run."""

    text: str
    model: str
    run: str | None


@frozen
class Evaluation:
    """What is rated by whom. Which sentence is whose is for nobody to see who rates."""

    models: Mapping[str, Sequence[str]]
    """The names of each model's runs."""
    items: Mapping[str, Item]
    """By number; the numbers are in random order, and say nothing of the model."""
    forms: Sequence[Sequence[str]]
    """The numbers that each rater gets, in the order in which they are shown."""
    raters: int
    """How many rate each sentence."""
    seed: int

    @property
    def name(self) -> str:
        """The same for the same sentences on the same forms, and for no others."""
        return digest(asdict(self))[:12]


def arrange(
    samples: Mapping[str, Mapping[str, Sequence[str]]],
    real: Sequence[str],
    *,
    raters: int = RATERS,
    forms: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Shuffle sentences and share them out, so that each is on `raters` forms, which are about equally long.

    Args:
        samples: the sentences of each model's runs, by their names.
        real: sentences of people.
        raters: how many rate each sentence.
        forms: how many people rate, each of whom has a form; as many as rate a sentence where it is not given.
        seed: of the order of the numbers, and of that of each form.

    Raises:
        Mistake: there are fewer forms than raters of a sentence.
    """
    import torch

    if forms is None:
        forms = raters
    if forms < raters:
        raise Mistake(f"`--forms` must be at least {raters}, since {raters} rate each sentence, but is {forms}")
    every = [Item(text, model, run) for model, runs in samples.items() for run, texts in runs.items() for text in texts]
    every += [Item(text, REAL, None) for text in real]
    order = torch.randperm(len(every), generator=stream(seed, "human-evaluation", "items")).tolist()
    width = len(str(len(every)))
    items = {f"{number:0{width}}": every[place] for number, place in enumerate(order, start=1)}
    shares: list[list[str]] = [[] for _ in range(forms)]
    for place, number in enumerate(items):
        for turn in range(raters):
            shares[(place * raters + turn) % forms].append(number)
    shuffled = [
        [share[place] for place in torch.randperm(len(share), generator=stream(seed, "human-evaluation", "form", n))]
        for n, share in enumerate(shares, start=1)
    ]
    return Evaluation({model: list(runs) for model, runs in samples.items()}, items, shuffled, raters, seed)


# --------------------------------------------------------------------------------------------------------------- files


def check_free(folder: Path, replace: bool) -> None:
    """Raise Mistake where an evaluation would overwrite something, unless that was asked for."""
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder}: is a file, but `--out` takes a folder")
    held = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
    if not held or (replace and KEY in held):
        return
    if KEY in held:
        raise Mistake(f"{folder}: holds a human evaluation already; choose another folder, or give --replace")
    raise Mistake(f"{folder}: must be empty or new, but holds {', '.join(held[:3])}; choose another folder")


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write the key and the forms, and remove forms of an earlier evaluation; the forms' files."""
    forms = folder / FORMS
    check_folder(forms, "folder of forms", "--out")
    files = [forms / f"rater-{rater}.html" for rater in range(1, len(evaluation.forms) + 1)]
    write_json(folder / KEY, {"evaluation": evaluation.name, **asdict(evaluation)})
    for old in set(forms.glob("rater-*.html")) - set(files):
        old.unlink()
    template = TEMPLATE.read_text(encoding="utf-8")
    for rater, file in enumerate(files, start=1):
        write_text(file, form_html(template, form_of(evaluation, rater)))
    return files


def form_of(evaluation: Evaluation, rater: int) -> dict[str, Any]:
    """What a rater may know."""
    shown = [{"id": number, "text": evaluation.items[number].text} for number in evaluation.forms[rater - 1]]
    return {"evaluation": evaluation.name, "rater": rater, "items": shown}


def form_html(template: str, form: Mapping[str, Any]) -> str:
    """A form as one file that loads nothing, and in which no script can run but its own.

    The sentences are JSON in which no character begins or ends an element.
    """
    policy = ["default-src 'none'"]
    for element in ("script", "style"):
        (own,) = re.findall(rf"<{element}>(.*?)</{element}>", template, flags=re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        policy.append(f"{element}-src 'sha256-{hashed}'")
    data = json.dumps(form)
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return template.replace("{policy}", "; ".join(policy), 1).replace("{form}", data, 1)


def read_evaluation(folder: Path) -> Evaluation:
    """The evaluation of a folder; raises Mistake where its key is not there, or is not as it was written."""
    file = folder / KEY
    if not file.is_file():
        raise Mistake(f"{folder}: has no {KEY}; FOLDER is one that `dovetail human-evaluation draw` wrote")
    again = "restore it, or draw again as before, with the same seed"
    try:
        written = read_json(file)
        name = written.pop("evaluation")
        items = {number: Item(**item) for number, item in written.pop("items").items()}
        evaluation = Evaluation(items=items, **written)
        is_whole = evaluation.name == name
    except FileFailure as error:
        raise Mistake(f"{error}; {again}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Mistake(f"{file}: is no key of an evaluation: {type(error).__name__}: {error}; {again}") from error
    if not is_whole:
        raise Mistake(f"{file}: must be as it was written, but was changed; {again}")
    return evaluation
