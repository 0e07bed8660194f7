import csv
import io
import math

import pytest

THREE = {"none": {0: 0.5, 1: 0.6, 2: 0.7}, "gal": {0: 0.6, 1: None, 2: 0.9}}


def row(text, label):
    return next(line for line in text.splitlines() if line.startswith(f"| {label} |"))


def test_a_failed_seed_is_shown_and_never_averaged(make_report):
    report = make_report(THREE)
    assert report.cells(report.rows[1])[:3] == ["gal", "0.75 ± 0.21", "2/3"]
    assert "scheme=gal, seed 1: failed: run 1-s1: the loss became nan" in report.remarks()


def test_missing_seeds_of_an_arm_are_one_remark(make_report):
    report = make_report({"none": {0: 0.5, 1: 0.6, 2: 0.5}, "gal": {0: 0.6}})
    assert report.cells(report.rows[1])[1:3] == ["0.6000", "1/3"]
    assert report.remarks() == ["scheme=gal, seeds 1, 2: missing"]


def test_a_stale_seed_says_what_changed_and_does_not_count(make_report):
    report = make_report({"none": {0: 0.5, 1: 0.6}, "gal": {0: 0.6, 1: "standard/gru: 1 → 2"}})
    assert report.cells(report.rows[1])[2] == "1/2"
    assert report.remarks() == ["scheme=gal, seed 1: stale: standard/gru: 1 → 2"]


def test_a_value_that_is_not_finite_is_left_out_and_said(make_report):
    report = make_report({"none": {0: 0.5, 1: 0.6}, "gal": {0: 0.6, 1: math.nan}})
    assert report.cells(report.rows[1])[1:3] == ["0.6000", "1/2"]
    assert report.remarks() == ["scheme=gal, seed 1: not finite and left out: accuracy.test"]


def test_the_difference_is_of_the_seeds_that_both_have(make_report):
    report = make_report(THREE)
    assert report.difference(report.rows[1], "accuracy.test").n == 2
    assert report.cells(report.rows[1])[3].startswith("+0.15 [")
    assert report.cells(report.rows[1])[3].endswith("(n 2)")
    assert report.cells(report.rows[0])[3] == "base"


def test_one_seed_has_neither_deviation_nor_interval(make_report):
    report = make_report({"none": {0: 0.5}, "gal": {0: 0.75}})
    assert report.cells(report.rows[1]) == ["gal", "0.7500", "1/1", "+0.2500"]


def test_nothing_finished_shows_the_metrics_to_be_expected(make_report):
    report = make_report({"none": {}, "gal": {}}, seeds=[0, 1])
    assert report.header() == ["scheme", "accuracy.test", "n", "Δ to base [95 %]"]
    assert report.cells(report.rows[1]) == ["gal", "–", "0/2", "–"]


def test_a_metric_that_no_run_has_is_said(make_report):
    report = make_report({"none": {0: 0.5}}, show=["acuracy.test"])
    assert report.remarks() == ["scheme=none, seed 0: has no acuracy.test, but accuracy.test"]


def test_published_values_stand_beside_as_they_were_written(make_report):
    published = [("gal", {"accuracy.test": 91.04}, "gal2016, Table 1")]
    text = make_report(THREE, published=published).markdown()
    assert row(text, "gal").endswith("| 91.04 |")
    assert row(text, "none").endswith("| – |")
    assert "Published: gal2016, Table 1." in text


def test_several_sources_are_told_apart(make_report):
    published = [("gal", {"accuracy.test": 91.0}, "gal2016"), ("gal", {"accuracy.test": 90.5}, "moon2015")]
    text = make_report(THREE, published=published).markdown()
    assert row(text, "gal").endswith("| 91 [1], 90.5 [2] |")
    assert "Published: [1] gal2016; [2] moon2015." in text


def test_mixed_kinds_of_device_are_said(make_report):
    report = make_report({"none": {0: 0.5}, "gal": {0: 0.6}}, devices={"gal": "cuda"})
    assert report.remarks() == ["runs on different kinds of device are mixed: cpu, cuda"]


def test_what_would_end_a_cell_is_escaped_in_markdown(make_report):
    text = make_report({"a|b": {0: 0.5}, "two\nlines": {0: 0.6}}).markdown()
    assert "| a\\|b | 0.5000 | 1/1 | base |" in text
    assert "| two lines |" in text


def test_the_markdown_says_what_its_numbers_are_and_leads_to_the_runs(make_report):
    text = make_report(THREE, summary="Two schemes", notes=("excluded: x: why",)).markdown()
    assert text.startswith(
        "# made-up\n\nTwo schemes\n\n| scheme | accuracy.test | n | Δ to base [95 %] |\n|---|---|---|---|\n"
    )
    assert "Mean ± standard deviation over the seeds 0, 1, 2; n is of the seeds asked for." in text
    assert "- excluded: x: why" in text
    assert "- scheme=gal: `1-s0`, `1-s1`, `1-s2`" in text


def test_the_csv_reads_back_to_every_value(make_report):
    arms = {
        'a,"b"': {0: {"accuracy.test": 0.1 + 0.2, "f1.test": 1 / 3}, 1: None},
        "c\nd": {0: {"accuracy.test": 1e-17}},
    }
    rows = list(csv.DictReader(io.StringIO(make_report(arms).csv())))
    assert [(r["scheme"], r["seed"], r["state"], r["metric"]) for r in rows] == [
        ('a,"b"', "0", "finished", "accuracy.test"),
        ('a,"b"', "0", "finished", "f1.test"),
        ('a,"b"', "1", "failed", ""),
        ("c\nd", "0", "finished", "accuracy.test"),
        ("c\nd", "1", "missing", ""),
    ]
    assert [float(r["value"]) for r in rows if r["value"]] == [0.1 + 0.2, 1 / 3, 1e-17]
    assert {r["run"] for r in rows} == {"0-s0", "0-s1", "1-s0", "1-s1"}


@pytest.mark.parametrize("metrics", [["accuracy.test"], ["f1.test"], ["accuracy.test", "f1.test"]])
def test_a_table_of_some_metrics_has_their_columns(make_report, metrics):
    values = {"accuracy.test": 0.5, "f1.test": 0.25}
    report = make_report({"none": {0: values}, "gal": {0: values}})
    assert report.header(metrics)[1::3] == metrics
    assert len(report.cells(report.rows[0], metrics)) == len(report.header(metrics))
