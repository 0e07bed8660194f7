"""The commands that sample from a run, and that score samples: sample and score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.checking import Changes, StoreFolder
from dovetail.cli.screen import columns, examples, say
from dovetail.cli.state import State, state_of

if TYPE_CHECKING:
    from dovetail.report.samples import Samples


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "dovetail sample digits-dcgan -n 64         the run whose name begins so",
            "dovetail sample char-lm -n 5 --seed 1 decoding=standard/ancestral decoding.temperature=0.7",
            "dovetail sample my-captions --input one.jpg --input two.png decoding=standard/beam",
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
    changes: Changes = None,
    *,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            min=1,
            metavar="N",
            help="How many, of each picture; by default 1 of a picture, 64 images, or 16 of anything else.",
        ),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", metavar="FILE", help="A picture that the sample is of; may be repeated."),
    ] = None,
    part: Annotated[
        str | None, typer.Option(metavar="NAME", help="The part that generates, where there are several.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The seed of the samples.")] = 0,
    store: StoreFolder = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; `samples` in the run's folder by default.")
    ] = None,
    figure: Annotated[
        bool, typer.Option("--figure", help="Let the plugins draw what they know how to, beside the file.")
    ] = False,
) -> None:
    """Draw samples from a finished run.

    Images become one picture, text is printed and written, anything else becomes a safetensors file. A generator with a
    condition, of captions say, is given pictures by `--input`. `decoding=NAME` says how texts are written; see
    `dovetail list decoding`.
    """
    from dovetail.report.samples import draw
    from dovetail.tables import overrides

    state = state_of(context)
    folder = state.bench(store).store.find(run)
    asked = overrides(changes or [])
    samples = draw(folder, state.registry, n=n, seed=seed, part=part, files=inputs or (), changes=asked)
    file = samples.write(out)
    if samples.files:
        for picture, text in zip(samples.files, samples.texts, strict=False):
            typer.echo(f"{picture}: {text}")
    elif samples.texts:
        typer.echo(file.read_text(encoding="utf-8"), nl=False)
    drawn = _figures(state, samples, file.parent) if figure else []
    typer.echo(", ".join([str(file), *drawn]), err=bool(samples.texts))


def _figures(state: State, samples: Samples, folder: Path) -> list[str]:
    """Let the plugins draw samples; the names of the files."""
    answers = state.registry.behaviour.call("dovetail_samples", samples=samples, folder=folder)
    drawn = [Path(file).name for answer in answers for file in (answer if isinstance(answer, list) else [answer])]
    if not drawn:
        say("--figure: no plugin has anything to draw of these samples", error=True)
    return drawn


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
