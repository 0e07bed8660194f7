import json


def test_a_swapped_part_trains_and_says_what_it_came_to(dovetail, workspace):
    found = dovetail("run", "rows", "encoder.cell=gru", "--seeds", "2", "--workers", "1")
    assert found.status == 0, found.err
    assert "encoder.cell: recurrent-dropout/lstm → standard/gru: kept hidden" in found.err
    folders = sorted(workspace.glob("runs/rows-s*"))
    assert len(folders) == 2
    assert all(f"    runs/{folder.name}\n" in found.out for folder in folders)
    values = [json.loads((folder / "result.json").read_text())["metrics"]["accuracy.test"] for folder in folders]
    assert f"accuracy.test {values[0]:.6g}\n" in found.out
    assert found.out.splitlines()[-1].startswith("accuracy.test ")
    assert found.out.splitlines()[-1].endswith("over 2 of 2 seeds")
    again = dovetail("run", "rows", "encoder.cell=gru", "--seeds", "2")
    assert (again.status, again.out) == (0, found.out)
    assert "accuracy.test" not in again.err


def test_a_generator_ends_with_samples(dovetail, workspace):
    found = dovetail("run", "drawn", "--store", "elsewhere")
    assert found.status == 0, found.err
    (sheet,) = workspace.glob("elsewhere/*/samples.png")
    assert f"    elsewhere/{sheet.parent.name}/samples.png\n" in found.out
    drawn = dovetail("sample", "drawn", "-n", "3", "--out", "three", "--store", "elsewhere")
    assert (drawn.status, drawn.out) == (0, "three.png\n")
    one, two = (dovetail("sample", "drawn", "--seed", "1", "--out", name, "--store", "elsewhere") for name in "ab")
    assert (one.status, two.status) == (0, 0)
    assert (workspace / "a.png").read_bytes() == (workspace / "b.png").read_bytes()
    listed = dovetail("status", "--store", "elsewhere").out
    assert listed.endswith("1 run in elsewhere: 1 finished\n")


def test_a_grid_that_fails_half_ends_with_its_table_and_the_failures(dovetail, workspace):
    found = dovetail("grid", "rates", "--workers", "2")
    assert found.status == 1
    assert "grid rates: 2 arms × 2 seeds, every arm checked" in found.err
    assert found.err.endswith(
        "2 runs failed; each run's failure.json holds its traceback, and --retry trains it again\n"
    )
    assert "Traceback" not in found.err
    rows = [line.split() for line in found.out.splitlines()]
    assert rows[0][:3] == ["lr", "accuracy.test", "n"]
    assert rows[1][0] == "0.01"
    assert rows[1][-2:] == ["2/2", "base"]
    assert rows[2] == ["1e+38", "–", "0/2", "–"]
    assert found.out.count("- lr=1e+38, seed ") == 2
    for name in ("table.md", "table.csv", "curves.png"):
        assert (workspace / "runs" / "reports" / "rates" / name).stat().st_size

    status = dovetail("status", "rates").out
    assert "lr=0.01   fresh   0, 1\n" in status
    assert status.endswith("4 runs: 2 fresh, 2 failed\n")
    again = dovetail("grid", "rates")
    assert (again.status, again.out) == (1, found.out)
    report = dovetail("report", "rates", "--format", "markdown")
    assert (report.status, report.out) == (0, (workspace / "runs/reports/rates/table.md").read_text())
    assert (
        dovetail("report", "rates", "--format", "csv").out == (workspace / "runs/reports/rates/table.csv").read_text()
    )
    assert dovetail("report", "rates", "--format", "latex").status == 2


def test_a_failed_run_says_why_and_is_trained_again_only_when_asked(dovetail):
    words = ("run", "rows", "objective.optimizer.lr=1e38")
    first = dovetail(*words)
    assert first.status == 1
    assert "failed" in first.out
    assert "\n1 run failed\nrun rows-s0-" in first.err
    again = dovetail(*words)
    assert again.status == 1
    assert "(failed before; --retry trains it again)" in again.err
    retried = dovetail(*words, "--retry")
    assert retried.status == 1
    assert "[1/1, " in retried.err


def test_what_was_not_trained_is_missing(dovetail):
    found = dovetail("report", "rates")
    assert found.status == 0
    assert "- lr=0.01, seeds 0, 1: missing\n" in found.out
    assert "4 runs: 4 missing\n" in dovetail("status", "rates").out
    assert dovetail("status").out == "0 runs in runs\n"


def test_only_a_run_with_a_generator_is_sampled(dovetail):
    assert dovetail("run", "rows").status == 0
    found = dovetail("sample", "rows")
    assert found.status == 2
    assert "has no generator to sample from; its parts are encoder" in found.err
    assert "there is no run `none`" in dovetail("sample", "none").err
