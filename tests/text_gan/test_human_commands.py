"""The commands over runs that were trained in a moment: of tokens, with a leak, and continuous."""

import json
import os
import warnings
from collections import Counter

import pytest
from attrs import frozen

from dovetail.cli.main import main
from dovetail.cli.state import State
from dovetail.tables import overrides

SENTENCES = [
    f"a {colour} {thing} {place}" for colour in ("red", "blue") for thing in ("cat", "car") for place in "xyzuvw"
]
DATA = 'dataset = { use = "text-gan/sentences", tokenizer = { use = "text-gan/words" }, path = "texts", longest = 9 }'
WORKSPACE = f"""\
[systems.lm]
extends   = "text-gan/lm-small"
{DATA}
generator = {{ embedding = {{ size = 4 }}, cell = {{ hidden = 5 }} }}
metrics   = {{ unique = "text-gan/unique-ngrams" }}
train     = {{ epochs = 1, limit = 1, evaluate = 1 }}

[systems.leak]
extends       = "text-gan/leakgan-leak-small"
{DATA}
generator     = {{ hidden = 6 }}
discriminator = {{ embedding = {{ size = 4 }}, cell = {{ hidden = 5 }} }}
stages        = [{{ name = "likelihood", epochs = 1 }}, {{ name = "adversarial", epochs = 1 }}]
train         = {{ limit = 1, evaluate = 1 }}

[systems.conv]
extends       = "text-gan/conv-lstm-small"
{DATA}
generator     = {{ embedding = 4, cell = {{ hidden = 5 }} }}
discriminator = {{ channels = 3 }}
train         = {{ epochs = 1, limit = 1, evaluate = 1 }}

[systems.classes]
dataset   = {{ use = "standard/digits", form = "rows" }}
objective = {{ use = "standard/classify", optimizer = {{ use = "standard/adam", lr = 0.01 }} }}
metrics   = {{ accuracy = "standard/accuracy" }}
train     = {{ epochs = 1, limit = 1 }}
encoder   = {{ use = "standard/sequence", cell = {{ use = "standard/lstm", hidden = 3 }} }}

[grids.models]
base       = "lm"
seeds      = [0, 1]
axes.model = {{ systems = {{ lm = "lm", leak = "leak", conv = "conv" }} }}
designs    = [{{ kind = "product", axes = ["model"] }}]

[grids.untrained]
base      = "lm"
seeds     = [5]
axes.size = {{ path = "generator.cell.hidden", values = [7, 8] }}
designs   = [{{ kind = "product", axes = ["size"] }}]
"""


@frozen
class Result:
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with runs of a language model of both seeds, of a leak and of a continuous generator of one."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "registry.toml").write_text(WORKSPACE)
    (folder / "texts").mkdir()
    for split in ("train", "valid", "test"):
        (folder / "texts" / f"{split}.txt").write_text("".join(f"{line}\n" for line in SENTENCES))
    (folder / "other.txt").write_text("one two\n" * 30)
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch, folder)
        bench = State(None, ()).bench(None)
        trained = [("lm", 0, {}), ("lm", 1, {}), ("leak", 0, {}), ("conv", 0, {}), ("classes", 0, {})]
        for system, seed, changes in [*trained, ("lm", 3, overrides(["dataset.path=other.txt"]))]:
            bench.train(bench.checker.load(system, bench.registry.tables(system, changes)), seed)
    return folder


def prepare(patch, folder):
    patch.chdir(folder)
    patch.setenv("OMP_NUM_THREADS", "1")
    patch.delenv("DOVETAIL_STORE", raising=False)
    patch.setattr(warnings, "formatwarning", warnings.formatwarning)


def ended(*words):
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code


@pytest.fixture
def human_evaluation(workspace, capsys, monkeypatch):
    """`human_evaluation("read", …)`: the exit status and what was printed."""
    prepare(monkeypatch, workspace)
    monkeypatch.setenv("PYTHONWARNINGS", os.environ.get("PYTHONWARNINGS", ""))

    def run(*words):
        capsys.readouterr()
        return Result(ended("human-evaluation", *words), *capsys.readouterr())

    return run


def key_of(folder):
    return json.loads((folder / "key.json").read_text())


def test_models_are_runs_and_real_sentences_are_of_their_test_split(human_evaluation, tmp_path):
    out = tmp_path / "rating"
    result = human_evaluation("draw", "words=lm-s0,lm-s1", "conv=conv-s0", "leak=leak-s0", "--samples", 7, "--out", out)
    assert result.status == 0, result.err
    assert [line.split() for line in result.out.splitlines()[:5]] == [
        ["model", "runs", "sentences"],
        ["words", "2", "7"],
        ["conv", "1", "7"],
        ["leak", "1", "7"],
        ["real", "sentences", "7"],
    ]
    key = key_of(out)
    items = key["items"].values()
    counts = Counter((item["model"], (item["run"] or "").partition("-")[0]) for item in items)
    assert counts == {("words", "lm"): 7, ("conv", "conv"): 7, ("leak", "leak"): 7, ("real sentences", ""): 7}
    assert sorted(Counter(item["run"] for item in items if item["model"] == "words").values()) == [3, 4]
    real = [item["text"] for item in items if item["model"] == "real sentences"]
    assert len(set(real)) == 7
    assert set(real) <= set(SENTENCES)
    vocabulary = {word for line in SENTENCES for word in line.split()} | {"<unknown>", "<pad>", "<start>"}
    assert {word for item in items for word in item["text"].split()} <= vocabulary
    assert len(key["forms"]) == 3
    assert all(sorted(form) == sorted(key["items"]) for form in key["forms"])


def test_the_same_seed_draws_the_same_whatever_was_drawn_before(human_evaluation, tmp_path):
    for name, words in (("a", ()), ("b", ()), ("c", ("--seed", "1"))):
        assert human_evaluation("draw", "lm=lm-s0", *words, "--samples", 5, "--out", tmp_path / name).status == 0
    assert human_evaluation("draw", "x=conv-s0", "lm=lm-s0", "--samples", 5, "--out", tmp_path / "d").status == 0
    a, b, c, d = (key_of(tmp_path / name) for name in "abcd")
    assert a == b
    assert a["evaluation"] != c["evaluation"]

    def texts(key):
        return sorted(item["text"] for item in key["items"].values() if item["model"] == "lm")

    assert texts(a) == texts(d) != texts(c)


def test_a_grids_arms_are_models_and_what_is_not_finished_is_said(human_evaluation, tmp_path):
    result = human_evaluation("draw", "models", "--samples", 4, "--out", tmp_path, "--raters", 1, "--forms", 2)
    assert result.status == 0, result.err
    assert {model: len(runs) for model, runs in key_of(tmp_path)["models"].items()} == {"lm": 2, "leak": 1, "conv": 1}
    assert "- leak, seed 1: missing" in result.err.replace("model=", "")
    assert [len(form) for form in key_of(tmp_path)["forms"]] == [8, 8]


def test_changes_to_a_grid_find_the_runs_that_were_made_with_them(human_evaluation, tmp_path):
    words = ("draw", "models", "--samples", 3, "--set", "dataset.path=other.txt", "--out", tmp_path)
    result = human_evaluation(*words)
    assert result.status == 2
    assert "the grid models has no finished run of conv, leak, lm: `dovetail grid models` trains its runs" in result.err


def test_evaluations_are_rated_and_read(human_evaluation, tmp_path):
    out = tmp_path / "rating"
    drawn = human_evaluation("draw", "lm=lm-s0,lm-s1", "--samples", 4, "--references", "other.txt", "--out", out)
    assert drawn.status == 0, drawn.err
    key, files = key_of(out), []
    for rater, form in enumerate(key["forms"][:2], start=1):
        runs = {number: key["items"][number]["run"] for number in form}
        ratings = {number: 5 if run is None else 1 + run.startswith("lm-s1") for number, run in runs.items()}
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps({"evaluation": key["evaluation"], "rater": rater, "ratings": ratings}))
    result = human_evaluation("read", out, *files, "--json", tmp_path / "rated.json")
    assert result.status == 0, result.err
    assert result.err == "- there is no file of rater 3\n"
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["model", "rating", "n", "sentences", "ratings"]
    assert lines[1] == ["lm", "1.50", "±", "0.71", "2/2", "4", "8"]
    assert lines[2] == ["real", "sentences", "5.000", "–", "4", "8"]
    assert result.out.splitlines()[4].startswith("Krippendorff's alpha of 2 raters over 8 sentences: 1.000 for ordinal")
    rated = json.loads((tmp_path / "rated.json").read_text())
    assert rated["models"]["lm"]["mean"] == 1.5
    assert rated["real"]["mean"] == 5
    assert rated["missing"] == {"3": sorted(key["items"])}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ("lm=lm-s0", "--samples", 99),
            "the test split must have 99 sentences, but has 24; ask for fewer by --samples",
        ),
        (("lm=lm-s0", "--references", "no.txt"), "--references: there is no file `no.txt`; it must be UTF-8 text"),
        (("lm=lm-s0", "--references", "other.txt", "--samples", 31), "other.txt: must have 31 sentences, but has 30"),
        (("lm=lm-s0,lm-s1", "--samples", 1), "`--samples` must be at least 2, one for each run of `lm`, but is 1"),
        (("lm=", "--samples", 3), "`lm=` must be a name and runs, as in `lm=RUN,RUN`"),
        (("=lm-s0", "--samples", 3), "`=lm-s0` must be a name and runs"),
        (("lm=lm-s0,lm-s0", "--samples", 3), "has the run lm-s0"),
        (("lm=nothing", "--samples", 3), "there is no run `nothing` in runs"),
        (("lm=lm-s0", "lm=lm-s1", "--samples", 3), "`lm` must be the name of one model, but is that of 2"),
        (("real sentences=lm-s0", "--samples", 3), "`real sentences` must not be a model's name"),
        (("modles", "--samples", 3), "there is no grid `modles`; did you mean `models`?"),
        (("untrained", "--samples", 3), "the grid untrained has no finished run of 7, 8, base"),
        (("lm=lm-s0", "--set", "a=1", "--samples", 3), "--set changes a grid, but no grids are given; it needs one"),
        (("lm=lm-s0", "--forms", 2), "`--forms` must be at least `--raters`, which is 3, but is 2"),
        (("c=classes", "--samples", 3), "draws no texts when it is evaluated, only predictions, references"),
        (("lm=lm-s0", "other=lm-s3", "--samples", 1), "have different data, and so no one test split"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_is_written(human_evaluation, tmp_path, words, why):
    result = human_evaluation("draw", *words, "--out", tmp_path / "new")
    assert result.status == 2
    assert why in result.err
    assert not (tmp_path / "new").exists()


def test_lines_without_a_sentence_are_refused(human_evaluation, tmp_path):
    (tmp_path / "real.txt").write_text("one\n\ntwo\n")
    words = ("draw", "lm=lm-s0", "--samples", 1, "--references", tmp_path / "real.txt", "--out", tmp_path / "new")
    result = human_evaluation(*words)
    assert result.status == 2
    assert "real.txt, line 2: is one of 1 lines without a sentence; take them out" in result.err


def test_an_evaluation_is_not_overwritten_unless_that_is_asked_for(human_evaluation, tmp_path):
    words = ("draw", "lm=lm-s0", "--samples", 2, "--out", tmp_path / "rating")
    assert human_evaluation(*words).status == 0
    (tmp_path / "rating" / "ratings.json").write_text("{}")
    result = human_evaluation(*words, "--seed", 1)
    assert result.status == 2
    assert "holds a human evaluation already; choose another folder, or give --replace" in result.err
    before = key_of(tmp_path / "rating")
    assert human_evaluation(*words, "--seed", 1, "--replace").status == 0
    assert key_of(tmp_path / "rating") != before
    assert (tmp_path / "rating" / "ratings.json").exists()


def test_a_folder_without_a_key_is_refused(human_evaluation, tmp_path):
    result = human_evaluation("read", tmp_path, tmp_path / "a.json")
    assert result.status == 2
    assert "has no key.json; FOLDER is one that `dovetail human-evaluation draw` wrote" in result.err
