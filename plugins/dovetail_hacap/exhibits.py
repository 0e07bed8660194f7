"""A caption word by word: the goals that it was written under beside what was looked at, as in Figs. 3 and 4.

Paper: hacap2018, Figs. 3 and 4 and section 5.4: "the monotonic segment of each dimension of the subgoal vector
illustrates sub-structures of the captions". Each dimension of the goal is a curve over the words; where it rises it is
of one colour, where it falls of another, and its segments meet at the dots. Beside them the image, once for each word,
is the lighter the more it was looked at.

Axes: time goal; time place; channels height width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Items
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from dovetail import Image, Leak, Mistake, Padded, load
from dovetail.assembly import open_dataset
from dovetail.bench.files import write_whole
from dovetail.report.pictures import read_picture
from dovetail.report.samples import choose
from dovetail_hacap.captioner import Captioner
from dovetail_standard.leaks import leaked

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from dovetail.bench.store import FinishedRun
    from dovetail.report.samples import Samples

COLUMNS = 5
"""Images in a row."""
RISING, FALLING, LEVEL = "#b2182b", "#2166ac", "#888888"
DIM = 0.25
"""Brightness of a place that was not looked at."""
SHOWN = Image(3, 224, 224, low=0.0)
"""How a picture is shown whose regions alone are known."""


class Segment(NamedTuple):
    """Steps `first` to `last` of a curve, through which it rises (1), falls (-1) or stays (0)."""

    first: int
    last: int
    direction: int


def segments(curve: Items[float]) -> list[Segment]:
    """The monotonic segments of a curve, from its first step to its last; one ends where the next begins."""
    found: list[Segment] = []
    for step in range(1, len(curve)):
        change = curve[step] - curve[step - 1]
        direction = (change > 0) - (change < 0)
        if found and found[-1].direction == direction:
            found[-1] = found[-1]._replace(last=step)
        else:
            found.append(Segment(step - 1, step, direction))
    return found


@frozen(kw_only=True, eq=False)
class Exhibit:
    """A caption to be drawn.

    Shape: image (channels, height, width) in [0, 1], or None; weights (time, place) over a `grid` of places, row by
    row; goals (time, goal), or None where there is no manager.
    """

    title: str
    words: tuple[str, ...]
    weights: Tensor
    grid: tuple[int, int]
    image: Tensor | None = None
    goals: Tensor | None = None


def figure_of(exhibit: Exhibit) -> Figure:
    """The picture of one caption."""
    from matplotlib.figure import Figure

    rows = math.ceil(len(exhibit.words) / COLUMNS)
    wide = 0 if exhibit.goals is None else 3 + 0.3 * len(exhibit.words)
    figure = Figure(figsize=(wide + 1.45 * COLUMNS, max(0.6 + 1.65 * rows, 4.5)), dpi=120, layout="constrained")
    figure.suptitle(exhibit.title)
    if exhibit.goals is None:
        _draw_looks(figure, exhibit, rows)
        return figure
    left, right = figure.subfigures(1, 2, width_ratios=[wide, 1.45 * COLUMNS])
    _draw_goals(left, exhibit.words, exhibit.goals)
    _draw_looks(right, exhibit, rows)
    return figure


def _draw_goals(figure: Any, words: Items[str], goals: Tensor) -> None:
    curves = goals.T.tolist()
    panels = figure.subplots(len(curves), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for number, (panel, curve) in enumerate(zip(panels, curves, strict=True), start=1):
        for first, last, direction in segments(curve):
            colour = {1: RISING, -1: FALLING, 0: LEVEL}[direction]
            panel.plot(range(first, last + 1), curve[first : last + 1], color=colour, linewidth=2)
        ends = sorted({0} | {end for segment in segments(curve) for end in segment[:2]})
        panel.plot(ends, [curve[end] for end in ends], "o", color="black", markersize=3)
        panel.axhline(0, color="#cccccc", linewidth=0.7, zorder=0)
        panel.set_ylabel(str(number), rotation=0, labelpad=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xticks(range(len(words)), words, rotation=60, ha="right")
    panels[0].set_title("goal: each dimension rises (red) and falls (blue)", fontsize=9)


def _draw_looks(figure: Any, exhibit: Exhibit, rows: int) -> None:
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for panel in panels:
        panel.set_axis_off()
    for panel, word, weights in zip(panels, exhibit.words, exhibit.weights, strict=False):
        look = (weights / weights.max().clamp(min=1e-12)).reshape(exhibit.grid)
        if exhibit.image is None:
            panel.imshow(look.numpy(), cmap="gray", vmin=0, vmax=1)
        else:
            panel.imshow(_lit(exhibit.image, look), vmin=0, vmax=1)
        panel.set_title(word, fontsize=9)


def _lit(image: Tensor, look: Tensor) -> Any:
    """The image, darker where it was not looked at. Shape: look (rows, columns), result (height, width, 3)."""
    from torch.nn import functional as F

    height, width = image.shape[1:]
    light = F.interpolate(look[None, None], (height, width), mode="bilinear", align_corners=False)[0]
    lit = image * (DIM + (1 - DIM) * light)
    return lit.expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).numpy()


def save(exhibit: Exhibit, file: Path) -> Path:
    """Write the picture of a caption."""
    figure = figure_of(exhibit)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, lambda temporary: figure.savefig(temporary, format="png"))
    return file


def exhibits(
    generator: Any,
    tokens: Padded,
    given: Tensor,
    *,
    leak: Leak | None = None,
    pictures: Items[Tensor | None],
    titles: Items[str],
) -> list[Exhibit]:
    """What a `Captioner` looks at and aims at while it reads captions, one exhibit each.

    Shape: tokens `Padded` (batch, time), given a batch of the generator's condition, pictures (channels, height, width)
    in [0, 1] each.
    """
    import torch

    with torch.no_grad():
        features = None if leak is None else leaked(leak, tokens, generator.produces.vocabulary.start)
        reading = generator.read(tokens, given, leak=features)
    vocabulary, place = generator.produces.vocabulary, generator.regions
    grid = place.grid or (1, place.count)
    found = []
    for number, length in enumerate(tokens.lengths.tolist()):
        words = tuple(vocabulary.symbols[word] for word in tokens.data[number, :length].tolist())
        found.append(
            Exhibit(
                title=titles[number],
                words=tuple("." if word == vocabulary.symbols[vocabulary.end] else word for word in words),
                weights=reading.weights[number, :length],
                grid=grid,
                image=pictures[number],
                goals=None if reading.goals is None else reading.goals[number, :length],
            )
        )
    return found


def lit(images: Tensor, space: Image) -> list[Tensor]:
    """Images of a space in [0, 1]. Shape: images (batch, channels, height, width)."""
    return list((images - space.low) / (space.high - space.low))


def draw_samples(samples: Samples, folder: Path) -> list[Path]:
    """A picture of each sample of a `Captioner`; none of any other generator's."""
    if not isinstance(samples.generator, Captioner):
        return []
    space = samples.run.spaces["slots"][samples.part][0].get("given")
    shown = (
        lit(samples.given, space) if isinstance(space, Image) else [read_picture(file, SHOWN) for file in samples.files]
    )
    drawn = exhibits(
        samples.generator,
        samples.values,
        samples.given,
        leak=samples.leak,
        pictures=shown,
        titles=[f"{file.name}: {text}" for file, text in zip(samples.files, samples.texts, strict=True)],
    )
    return [save(each, folder / f"caption-{number}.png") for number, each in enumerate(drawn, start=1)]


def draw_run(run: FinishedRun, *, split: str, n: int, folder: Path) -> list[Path]:
    """Figs. 3 and 4 of a run: the first examples of a split, each with a caption of its own and with a generated one.

    Raises:
        Mistake: the run's generator shows nothing, or its data have no captions.
    """
    import torch

    model = load(run.folder.path, run.registry)
    name = choose(run, None)
    generator: Any = model.parts[name]
    objective: Any = model.objective
    if not isinstance(generator, Captioner) or not hasattr(objective, "telling"):
        raise Mistake(f"the run {run.folder.name} has no captioner trained by this plugin's objectives")
    sides = objective.telling.sides
    dataset = open_dataset(run.registry, run.system.stages[-1].dataset, run.store.earlier(run.registry))
    examples = dataset.split(split)
    batch = examples.take(range(min(n, len(examples))))
    real, given = sides.read(batch)
    with torch.no_grad():
        written = generator.sample(len(real.data), given, objective.telling.strategy, sides.leaking)
    space = dataset.fields[sides.given]
    shown = lit(given, space) if isinstance(space, Image) else [None] * len(given)
    files = []
    for kind, tokens in {"real": real, "generated": written}.items():
        texts = generator.produces.decode(tokens)
        drawn = exhibits(generator, tokens, given, leak=sides.leaking, pictures=shown, titles=texts)
        files += [save(each, folder / f"{split}-{number}-{kind}.png") for number, each in enumerate(drawn, start=1)]
    return sorted(files)
