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


SEARCH = """
[grids.search]
base  = "rows"
seeds = 2
set   = { "objective.optimizer.lr" = 0.02 }
axes.cell = { path = "encoder.cell", options = { lstm = "standard/lstm", gru = "standard/gru" } }
[[grids.search.designs]]
kind = "search"
trials = 3
optimise = "accuracy.valid"
[grids.search.designs.ranges]
"encoder.cell.hidden" = { low = 3, high = 9 }
"train.clip" = { low = 1e-3, high = 1.0, scale = "log" }
"""


def test_a_search_trains_its_trials_and_then_the_winners(dovetail, workspace):
    (workspace / "registry.toml").write_text((workspace / "registry.toml").read_text() + SEARCH)
    shown = dovetail("show", "search").out
    assert "search                 3 trials an arm for the best accuracy.valid\n" in shown
    assert "  train.clip           0.001 to 1.0, log\n" in shown
    assert "3 arms × (3 trials + 2 seeds) = 15 runs:\n" in shown
    assert "3 arms × (3 trials + 2 seeds) = 15 runs:\n" in dovetail("check", "search").out
    before = dovetail("status", "search").out
    assert "\nlstm  0 of 3  0       –     –" in before
    assert before.endswith("9 trials: 9 missing\n0 runs\n")
    assert "- base: no winner: trials 0 of 3, 0 failed\n" in dovetail("report", "search").out

    found = dovetail("grid", "search", "--workers", "2")
    assert found.status == 0, found.err
    assert "[9/9, " in found.err
    assert "[6/6, " in found.err
    header, *rows = [line.split() for line in found.out.splitlines()[:4]]
    assert header == ["cell", "trials", "failed", "best", "accuracy.valid", "encoder.cell.hidden", "train.clip"]
    assert [row[:3] for row in rows] == [["–", "3", "0"], ["lstm", "3", "0"], ["gru", "3", "0"]]
    folder = workspace / "runs" / "reports" / "search"
    files = ("table.md", "table.csv", "curves.png", "trials.csv", "optuna.journal", "trials.png")
    assert all((folder / name).stat().st_size for name in files)
    assert found.out.endswith("table.md, table.csv, curves.png, trials.csv, optuna.journal, trials.png\n")
    assert len(list(workspace.glob("runs/rows-s*"))) == 15

    after = dovetail("status", "search").out
    assert "9 trials: 9 fresh\n" in after
    assert after.endswith("6 runs: 6 fresh\n")
    again = dovetail("grid", "search")
    assert (again.status, again.out) == (0, found.out)
    assert "9 runs finished before" not in again.err, "nothing is trained again"
    printed = dovetail("report", "search", "--format", "markdown").out
    assert printed == (folder / "table.md").read_text()
    assert "Random search: 3 trials an arm, with the seeds from 1000 on, for the highest accuracy.valid." in printed


def test_a_search_whose_trials_all_fail_has_no_winner_and_says_so(dovetail, workspace):
    text = SEARCH.replace("0.02", "1e38").replace("trials = 3", "trials = 1")
    (workspace / "registry.toml").write_text((workspace / "registry.toml").read_text() + text)
    found = dovetail("grid", "search", "--workers", "1")
    assert found.status == 1
    assert "base: no winner: trials 1 of 1, 1 failed; cell=lstm: no winner: trials 1 of 1, 1 failed; " in found.err
    assert "Traceback" not in found.err
    assert "3 trials: 3 failed\n0 runs\n" in dovetail("status", "search").out
    trials = (workspace / "runs" / "reports" / "search" / "trials.csv").read_text().splitlines()
    assert len(trials) == 4
    assert all(",1000,failed,0," in line and ": RuntimeError: " in line for line in trials[1:])


def test_a_search_that_is_wrong_is_a_mistake_with_file_and_line(dovetail, workspace):
    text = SEARCH.replace("high = 9", "high = 2").replace("low = 1e-3", "low = 0")
    (workspace / "registry.toml").write_text((workspace / "registry.toml").read_text() + text)
    for command in ("check", "show", "grid", "status", "report"):
        found = dovetail(command, "search")
        assert found.status == 2
        assert "grid search: 2 faults\nregistry.toml:" in found.err.replace(f"{workspace}/", "")
        assert "designs.0.ranges.encoder.cell.hidden: `low` must be below `high`, but they are 3 and 2" in found.err
        assert "designs.0.ranges.train.clip: `low` must be above 0 on a log scale, but is 0" in found.err
    assert not (workspace / "runs").exists()
