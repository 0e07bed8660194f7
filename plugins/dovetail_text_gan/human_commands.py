"""The commands `dovetail human-evaluation draw` and `read`. What is heavy is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.checking import StoreFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import state_of
from dovetail.errors import Mistake

if TYPE_CHECKING:
    from dovetail_text_gan.human_evaluation import Evaluation
    from dovetail_text_gan.human_ratings import Result

HELP = """Let people rate what models write.

`draw` mixes samples of several models with real sentences and writes a form for each rater: one HTML file, which works
in any browser without a network, and from which a rater downloads the ratings as a file. `read` takes these files, and
says what each model was rated and how far the raters agree. Raters see sentences alone: who wrote which is in key.json,
which stays with you."""
MOST = 6
"""Missing sentences that are named of each rater; --json has them all."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    own = typer.Typer(
        name="human-evaluation",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples(
            "dovetail human-evaluation draw lm=lm-small-s0,lm-small-s1 gan=seqgan-s0,seqgan-s1 --out rating",
            "dovetail human-evaluation read rating ratings-1f2e3d4c5b6a-rater-*.json",
        ),
    )
    own.callback()(lambda: None)
    own.command(
        epilog=examples(
            "dovetail human-evaluation draw text-gan/table-5-4-small --set dataset.path=captions.txt --out rating",
            "dovetail human-evaluation draw lm=text-gan.lm-s0,text-gan.lm-s1 --references real.txt --out rating",
            "dovetail human-evaluation draw lm=runs/text-gan.lm-s0-a7c --samples 20 --forms 6 --out rating",
        )
    )(draw)
    own.command(
        epilog=examples(
            "dovetail human-evaluation read rating ratings-1f2e3d4c5b6a-rater-*.json",
            "dovetail human-evaluation read rating first.json second.json third.json --json rated.json",
        )
    )(read)
    app.add_typer(own)


def draw(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL=RUN,RUN,…|GRID",
            help="A model's name and its finished runs, by folder, name or the beginning of it; or a grid, whose arms"
            " are models. Several may be given.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write: key.json, and forms/ for raters.")],
    samples: Annotated[
        int, typer.Option(min=1, metavar="N", help="Sentences a model, shared out over its runs.")
    ] = 200,
    raters: Annotated[int, typer.Option(min=1, metavar="N", help="How many people rate each sentence.")] = 3,
    forms: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many people there are, each with a form; where they are more than --raters, forms are shorter.",
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Real sentences, one a line; by default the test split of the runs' data."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="A change that the grid was run with; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The seed of the samples and of their order.")] = 0,
    store: StoreFolder = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over the evaluation that FOLDER holds; no ratings are deleted.")
    ] = False,
) -> None:
    """Draw blind samples of models among real sentences, and write a form for each rater.

    Every model gives as many samples, equally many of each run, and there are as many real sentences. Give one file of
    forms/ to each rater, and key.json to none. The question is whether the presented sentence is grammatically correct
    and understandable, on a scale from 1 to 5, with 5 being the best score.
    """
    from dovetail_text_gan.human_evaluation import arrange, check_free, write_evaluation
    from dovetail_text_gan.human_samples import draw as draw_texts
    from dovetail_text_gan.human_samples import joined, looks, models_of_grid, named_model

    state = state_of(context)
    check_free(out, replace)
    if forms is not None and forms < raters:
        raise Mistake(f"`--forms` must be at least `--raters`, which is {raters}, but is {forms}")
    grids = [each for each in models if "=" not in each]
    if change and len(grids) != 1:
        raise Mistake(f"--set changes a grid, but {len(grids) or 'no'} grids are given; it needs one")
    bench = state.bench(store)
    found, remarks = [], []
    for each in models:
        if each in grids:
            state.must_name(each, "grids")
            of_grid, unfinished = models_of_grid(each, change or [], bench)
            remarks += unfinished
            found.append(of_grid)
        else:
            found.append(named_model(each, bench))
    texts, real = draw_texts(joined(found), bench, n=samples, references=references, seed=seed)
    evaluation = arrange(texts, real, raters=raters, forms=forms, seed=seed)
    files = write_evaluation(evaluation, out)
    for remark in [*remarks, *looks(texts, real)]:
        say(f"- {remark}", error=True)
    _print_drawn(evaluation, len(real), [str(file) for file in files], out)


def _print_drawn(evaluation: Evaluation, real: int, files: list[str], out: Path) -> None:
    from dovetail_text_gan.human_evaluation import KEY, REAL

    items = evaluation.items.values()
    rows = [
        (model, str(len(runs)), str(sum(item.model == model for item in items)))
        for model, runs in evaluation.models.items()
    ]
    columns([*rows, (REAL, "", str(real))], ("model", "runs", "sentences"))
    typer.echo("")
    columns([(file, f"{len(form)} sentences") for file, form in zip(files, evaluation.forms, strict=True)])
    say(f"Give each form to one person, and {out / KEY} to none.")


def read(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that `draw` wrote.")],
    ratings: Annotated[list[Path], typer.Argument(metavar="RATINGS", help="The files that raters downloaded.")],
    *,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results to this file, too.")] = None,
) -> None:
    """Say what each model was rated, and how far the raters agree.

    A model's value is the mean over its runs ± their standard deviation, where a run's is the mean over its sentences
    and a sentence's that over its raters. Agreement is Krippendorff's alpha: 1 is perfect, 0 what chance would give.
    Sentences that a rater has left out are counted on standard error.
    """
    from dovetail.bench.files import write_json
    from dovetail_text_gan.human_evaluation import read_evaluation
    from dovetail_text_gan.human_ratings import read_ratings, result_of

    evaluation = read_evaluation(folder)
    found = read_ratings(evaluation, ratings)
    result = result_of(evaluation, found)
    _print_missing(evaluation, result, set(found))
    _print_result(result, len(found))
    if json is not None:
        write_json(json, result.plain())


def _print_missing(evaluation: Evaluation, result: Result, seen: set[int]) -> None:
    for rater, missing in result.missing.items():
        if rater not in seen:
            say(f"- there is no file of rater {rater}", error=True)
        else:
            more = ", …" if len(missing) > MOST else ""
            count = f"{len(missing)} of {len(evaluation.forms[rater - 1])}"
            say(f"- rater {rater} left out {count} sentences: {', '.join(missing[:MOST])}{more}", error=True)


def _print_result(result: Result, raters: int) -> None:
    from dovetail.report.spelling import ABSENT, number, spell_summary
    from dovetail_text_gan.human_evaluation import REAL

    rows = [
        (model, spell_summary(rated.summary), f"{len(rated.runs)}/{rated.restarts}", rated)
        for model, rated in result.models.items()
    ]
    rows.append((REAL, spell_summary(result.real.summary), ABSENT, result.real))
    columns(
        [(*cells, str(rated.sentences), str(rated.ratings)) for *cells, rated in rows],
        ("model", "rating", "n", "sentences", "ratings"),
    )
    typer.echo("")
    found = result.agreement
    if found.ordinal is None or found.interval is None:
        why = "all ratings are equal" if found.sentences else "no sentence has two ratings"
        say(f"How far raters agree cannot be told: {why}.")
        return
    say(
        f"Krippendorff's alpha of {raters} raters over {found.sentences} sentences: {number(found.ordinal)} for ordinal"
        f" data, {number(found.interval)} for interval data."
    )
