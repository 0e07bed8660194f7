"""The commands that sample from a run, and that score samples: sample and score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.checking import StoreFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import state_of


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "dovetail sample digits-dcgan -n 64         the run whose name begins so",
            "dovetail sample char-lm -n 5 --seed 1",
        )
    )(sample)
    app.command(
        epilog=examples(
            "dovetail score accuracy f1 --samples predicted.txt --references true.txt",
            "dovetail score f1 average=micro --samples guesses.txt --references true.txt",
            "dovetail score truth --samples captions.txt --references scenes.jsonl",
            "dovetail score frechet-distance encoder=flatten --samples drawn/ --references real/",
            "dovetail score bleu tokenizer=treebank self-bleu --samples drawn.txt --references real.txt",
        )
    )(score)


def sample(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A finished run: its folder, its name, or the beginning of its name.")
    ],
    *,
    n: Annotated[
        int | None, typer.Option("-n", min=1, metavar="N", help="How many; by default 64 images, 16 of anything else.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(metavar="NAME", help="The part that generates, where there are several.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The seed of the samples.")] = 0,
    store: StoreFolder = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; `samples` in the run's folder by default.")
    ] = None,
) -> None:
    """Draw samples from a finished run.

    Images become one picture, text is printed and written, anything else becomes a safetensors file.
    """
    from dovetail.report.samples import draw_samples

    state = state_of(context)
    folder = state.bench(store).store.find(run)
    file = draw_samples(folder, state.registry, n=n, seed=seed, part=part, file=out)
    is_text = file.suffix == ".txt"
    if is_text:
        typer.echo(file.read_text(encoding="utf-8"), nl=False)
    typer.echo(str(file), err=is_text)


def score(
    context: typer.Context,
    metrics: Annotated[
        list[str],
        typer.Argument(metavar="METRIC [PATH=VALUE]", help="Metrics by name, each with its hyperparameters after it."),
    ],
    *,
    samples: Annotated[
        Path, typer.Option(metavar="FILE", help="What to judge: a line an example, or a folder of images.")
    ],
    references: Annotated[Path | None, typer.Option(metavar="FILE", help="What to judge it by, likewise.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the numbers to this file, too.")] = None,
    store: StoreFolder = None,
) -> None:
    """Compute metrics for samples that any program made.

    Labels and texts are lines of a file; scenes are lines of JSON; images are the files of a folder. What must be said
    of the files or of a value, such as empty lines, goes to standard error.
    """
    from dovetail.cli.scoring import score_files

    state = state_of(context)
    runs = state.bench(store).store.earlier(state.registry)
    scores = score_files(state.registry, metrics, samples, references, runs)
    columns([(name, f"{value:.6g}", unit) for name, (value, unit) in scores.values.items()])
    for remark in scores.remarks:
        say(remark, error=True)
    if json is not None:
        from dovetail.bench.files import write_json

        write_json(json, {name: value for name, (value, _) in scores.values.items()})
