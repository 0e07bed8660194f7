import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from dovetail.report.curves import curve_of, draw_curves


def records(metrics=("accuracy",), stages=(("train", 3),)):
    def of(label, seed):
        for stage, epochs in stages:
            for epoch in range(1, epochs + 1):
                yield {"stage": stage, "epoch": epoch, "step": 1, **{f"{m}.valid": epoch / 7 + seed for m in metrics}}

    return of


def test_epochs_are_counted_through_the_stages():
    of = records(stages=(("pretrain", 2), ("adversarial", 3)))
    curve, starts = curve_of(list(of("none", 0)), "accuracy.valid")
    assert curve == {1: 1 / 7, 2: 2 / 7, 3: 1 / 7, 4: 2 / 7, 5: 3 / 7}
    assert starts == {0: "pretrain", 2: "adversarial"}


def test_a_metric_that_a_record_lacks_has_a_gap():
    of = [{"stage": "train", "epoch": 1}, {"stage": "train", "epoch": 2, "f1.valid": 0.5}]
    assert curve_of(of, "f1.valid")[0] == {2: 0.5}


@pytest.mark.parametrize("metrics", [("accuracy",), ("accuracy", "f1", "bpc", "bleu.4")])
@pytest.mark.parametrize("arms", [1, 30])
def test_any_number_of_arms_and_metrics_is_drawn(make_report, tmp_path, arms, metrics):
    report = make_report({f"arm {arm}": {0: 0.5, 1: 0.6} for arm in range(arms)}, records=records(metrics))
    assert draw_curves(report, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 600


def test_nothing_is_drawn_where_nothing_was_recorded(make_report, tmp_path):
    assert not draw_curves(make_report({"none": {}}, seeds=[0]), tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


@pytest.fixture
def drawn(monkeypatch):
    """What is plotted: `(label, places, means)` of each curve."""
    calls, plot = [], Axes.plot

    def spy(self, places, means, **how):
        calls.append((how["label"], list(places), [round(mean, 6) for mean in means]))
        return plot(self, places, means, **how)

    monkeypatch.setattr(Axes, "plot", spy)
    return calls


def test_a_failed_seed_is_in_no_mean_and_the_label_says_so(make_report, tmp_path, drawn):
    report = make_report({"none": {0: 0.5, 1: 0.6}, "gal": {0: 0.5, 1: None}}, records=records(stages=(("train", 1),)))
    draw_curves(report, tmp_path / "curves.png")
    assert drawn == [("scheme=none", [1], [round(1 / 7 + 0.5, 6)]), ("scheme=gal (1/2)", [1], [round(1 / 7, 6)])]


def test_a_curve_goes_as_far_as_all_of_its_seeds(make_report, tmp_path, drawn):
    def of(label, seed):
        return ({"stage": "train", "epoch": e, "accuracy.valid": 10.0 * seed + e} for e in range(1, 3 + 2 * seed))

    draw_curves(make_report({"none": {0: 0.5, 1: 0.6}}, records=of), tmp_path / "curves.png")
    assert drawn == [("scheme=none", [1, 2], [6.0, 7.0])]


def test_epochs_have_whole_ticks(make_report, tmp_path, monkeypatch):
    panels, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (save(self, *a, **k), panels.extend(self.axes)))
    draw_curves(make_report({"none": {0: 0.5}}, records=records(stages=(("train", 4),))), tmp_path / "curves.png")
    assert [float(tick).is_integer() for tick in panels[0].get_xticks()] == [True] * len(panels[0].get_xticks())
