import json
from types import SimpleNamespace

import matplotlib.figure
import pytest
from matplotlib.figure import Figure
from PIL import Image

import dovetail
from dovetail import Mistake
from dovetail.bench.grids import Arm, Axis, Grid
from dovetail.bench.store import RunFolder
from dovetail.report.table import Outcome, Report, Row
from dovetail_text_gan import figure_5_9, figure_5_12, figure_5_13, table_5_3
from dovetail_text_gan.deteriorated import DeterioratedSpec
from dovetail_text_gan.exhibits import is_wide, title_of
from dovetail_text_gan.plugin import dovetail_report


@pytest.fixture
def make(tmp_path):
    """`make("text-gan/…", {"lm": [{metric: value}, …]})`: a report, by arm the metrics of each seed's finished run."""

    def of(name, arms, *, objectives=None, show=()):
        rows = []
        for label, seeds in arms.items():
            system = SimpleNamespace(stages=(SimpleNamespace(objective=(objectives or {}).get(label), metrics={}),))
            outcomes = {
                seed: Outcome(
                    seed, "finished" if metrics else "failed", RunFolder(tmp_path / f"{label}-{seed}"), metrics
                )
                for seed, metrics in enumerate(seeds)
            }
            rows.append(Row(Arm({"model": label}, system, label), outcomes))
        grid = Grid(
            name=name,
            axes=(Axis("model", "", dict.fromkeys(arms)),),
            arms=tuple(row.arm for row in rows),
            base=rows[0].arm,
            seeds=tuple(range(max(map(len, arms.values())))),
            published=(),
            show=show,
        )
        return Report(grid, tuple(rows))

    return of


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, before they are gone."""
    figures, savefig = [], Figure.savefig

    def spy(self, *args, **how):
        figures.append(self)
        return savefig(self, *args, **how)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", spy)
    return figures


def is_png(file):
    with Image.open(file) as picture:
        return picture.format == "PNG"


OBJECTIVES = {
    "base": DeterioratedSpec(),
    "half": DeterioratedSpec(drop=0.5),
    "little": DeterioratedSpec(drop=0.1),
    "topics": DeterioratedSpec(missing_topics=2),
    "failed": DeterioratedSpec(swap=0.1),
}


def scores(*values):
    return [{"bleu.4.valid": value, "lm.valid": 10 * value} for value in values]


def test_figure_5_9_has_a_row_a_metric_and_a_column_a_damage_which_begins_undamaged(make, tmp_path, drawn):
    arms = {
        "base": scores(8.0, 10.0),
        "half": scores(1.0, 3.0),
        "little": scores(5.0, 7.0),
        "topics": scores(7.0, 7.0),
        "failed": [{}, {}],
    }
    shown = ("bleu.4.valid", "lm.valid", "absent.valid")
    report = make("text-gan/figure-5-9-small", arms, objectives=OBJECTIVES, show=shown)
    assert is_png(figure_5_9.draw(report, tmp_path))
    panels = drawn[0].axes
    assert len(panels) == 6, "nothing of a metric without values"
    curves = [[line.get_xydata().tolist() for line in panel.get_lines()] for panel in panels]
    assert curves[0] == [[[0, 9], [2, 7]]]
    assert curves[1] == [[[0, 9], [0.1, 6], [0.5, 2]]], "in the order of the damage"
    assert curves[2] == [[[0, 9]]], "what has not finished is left out"
    assert curves[4] == [[[0, 90], [0.1, 60], [0.5, 20]]]
    low, high = panels[1].collections[0].get_datalim(panels[1].transData).intervaly
    assert (low, high) == pytest.approx((2 - 2**0.5, 9 + 2**0.5)), "one standard deviation"
    assert panels[0].get_ylabel() == "BLEU-4 ↑"
    assert panels[0].get_ylim() == panels[2].get_ylim()


def test_figure_5_9_is_of_its_grids_and_of_what_has_finished(make, tmp_path):
    arms = {"base": scores(1.0), "half": scores(2.0)}
    assert dovetail_report(make("text-gan/other", arms, objectives=OBJECTIVES, show=("lm.valid",)), tmp_path) == []
    both = make("text-gan/figure-5-9-small", arms, objectives=OBJECTIVES, show=("lm.valid",))
    assert [file.name for file in dovetail_report(both, tmp_path)] == ["figure-5-9.png"]
    (tmp_path / "figure-5-9.png").unlink()
    assert figure_5_9.draw(make("text-gan/figure-5-9", arms, show=("lm.valid",)), tmp_path) is None
    nothing = make("text-gan/figure-5-9", {"base": [{}], "half": [{}]}, objectives=OBJECTIVES, show=("lm.valid",))
    assert figure_5_9.draw(nothing, tmp_path) is None
    assert not list(tmp_path.glob("*.png"))


MODELS = {
    "lm": [
        {"bleu.4.test": 0.2, "self-bleu.4.test": 0.3, "lm.test": 20.0, "reverse-lm.test": 80.0, "fd.test": 1.0},
        {"bleu.4.test": 0.4, "self-bleu.4.test": 0.3, "lm.test": 20.0, "reverse-lm.test": 80.0, "fd.test": 3.0},
    ],
    "gan": [{"bleu.4.test": 0.5, "self-bleu.4.test": 0.9, "lm.test": 900.0, "fd.test": 5.0}, {}],
    "diverged": [{}, {}],
}


def points(panel):
    return [tuple(bar.lines[0].get_xydata()[0]) for bar in panel.containers]


def test_figure_5_12_sets_quality_against_diversity(make, tmp_path, drawn):
    assert is_png(figure_5_12.draw(make("text-gan/table-5-4", MODELS), tmp_path))
    first, second = drawn[0].axes
    assert points(first) == [pytest.approx((-0.3, 0.3)), (-0.5, 0.9)]
    assert points(second) == [(20.0, 80.0)], "a model without both scores is left out"
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["lm", "gan"]
    assert (first.get_xlabel(), second.get_ylabel()) == ("−BLEU-4 ↓", "reverse LM score ↓")


def test_figure_5_13_has_people_where_there_are_ratings(make, tmp_path, drawn):
    report = make("text-gan/table-5-4-small", MODELS)
    assert is_png(figure_5_13.draw(report, tmp_path))
    (panel,) = drawn[0].axes
    assert points(panel) == [(2.0, 0), (5.0, 1)]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["lm", "gan", "diverged"]
    ratings = {"models": {"gan": {"mean": 2.5, "deviation": None}, "other": {"mean": 4.0, "deviation": 0.1}}}
    (tmp_path / "human-evaluation.json").write_text(json.dumps(ratings), encoding="utf-8")
    figure_5_13.draw(report, tmp_path)
    assert [panel.get_xlabel() for panel in drawn[1].axes] == ["Fréchet distance ↓", "human evaluation ↑"]
    assert points(drawn[1].axes[1]) == [(2.5, 1)]
    (tmp_path / "human-evaluation.json").write_text("[]", encoding="utf-8")
    with pytest.raises(Mistake, match=r"human-evaluation.json: must be what `dovetail human-evaluation read"):
        figure_5_13.draw(report, tmp_path)


def test_nothing_is_drawn_of_other_grids_or_without_the_metrics(make, tmp_path):
    assert dovetail_report(make("text-gan/oracle-small", MODELS), tmp_path) == []
    empty = make("text-gan/table-5-4", {"lm": [{}], "gan": [{}]})
    assert dovetail_report(empty, tmp_path) == []
    other = make("text-gan/table-5-4", {"lm": [{"other.test": 1.0}]})
    assert [exhibit.draw(other, tmp_path) for exhibit in (figure_5_12, figure_5_13)] == [None, None]
    assert not list(tmp_path.iterdir())


def test_axes_are_logarithmic_where_values_are_far_apart():
    assert is_wide([1.0, 21.0])
    assert not is_wide([1.0, 19.0])
    assert not is_wide([-1.0, 100.0])
    assert (title_of("lm.valid"), title_of("mine.4.test")) == ("LM score ↓", "mine.4")


def test_table_5_3_has_samples_that_a_fixed_seed_draws_also_of_a_generator_that_reads_a_discriminator(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text(
        "".join(f"a {word} sees the | {n}\n" for n in range(20) for word in ("cat", "dog")), encoding="utf-8"
    )
    data = {"dataset": {"use": "text-gan/sentences", "path": str(file)}, "train.limit": 1, "train.batch": 4}
    rows, names = [], dovetail.registry()
    for label in ("lm-small", "leakgan-leak-small"):
        changes = {**data, "train.epochs": 1} if label == "lm-small" else data
        system = names.system(f"text-gan/{label}", changes)
        run = dovetail.train(system, 0, tmp_path / "runs")
        arm = Arm({"model": label}, system, label)
        rows.append(Row(arm, {0: Outcome(0, "finished", run.folder, {"bleu.4.test": 0.5})}))
    grid = Grid("text-gan/table-5-4", (), tuple(row.arm for row in rows), rows[0].arm, (0,), (), ())
    written = table_5_3.draw(Report(grid, tuple(rows)), tmp_path)
    text = written.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "| model | seed | BLEU-4 ↑ | Fréchet distance ↓ | samples |"
    assert lines[2].startswith("| lm-small | 0 | 0.5000 | – | ")
    assert all(line.count("<br>") == 5 for line in lines[2:])
    assert table_5_3.draw(Report(grid, tuple(rows)), tmp_path).read_text(encoding="utf-8") == text
