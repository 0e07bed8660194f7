import json
import math

import numpy as np
import pytest
from PIL import Image
from scipy.linalg import sqrtm
from sklearn.metrics import f1_score

from dovetail_text_gan.bleu import bleu

PREDICTED, TRUE = ["cat", "dog", "cat", "bird", "cat"], ["cat", "dog", "dog", "bird", "fish"]
SCENE = {"objects": [{"shape": "circle", "colour": "red", "size": "large", "x": 25, "y": 70}]}


@pytest.fixture
def files(workspace):
    def write(**contents):
        for name, lines in contents.items():
            (workspace / f"{name}.txt").write_bytes(lines if isinstance(lines, bytes) else "\n".join(lines).encode())
        return workspace

    return write


def test_labels_are_scored_line_by_line(dovetail, files):
    files(p=PREDICTED, r=TRUE)
    words = ("--samples", "p.txt", "--references", "r.txt", "--json", "out.json")
    found = dovetail("score", "accuracy", "f1", "f1", "average=micro", *words)
    assert found.status == 0, found.err
    rows = {" ".join(line.split()[:-2]): line.split()[-2] for line in found.out.splitlines()}
    macro = f1_score(TRUE, PREDICTED, average="macro", zero_division=0)
    assert rows["standard/accuracy"] == "0.6"
    assert float(rows["standard/f1"]) == pytest.approx(macro, rel=1e-5)
    written = json.loads((files() / "out.json").read_text())
    assert written["standard/f1"] == pytest.approx(macro)
    assert written["standard/f1 average=micro"] == pytest.approx(0.6)


def test_windows_line_ends_and_a_missing_last_one_do_not_matter(dovetail, files):
    files(p=b"cat\r\ndog", r=b"cat\ndog\n")
    found = dovetail("score", "accuracy", "--samples", "p.txt", "--references", "r.txt")
    assert found.out.split() == ["standard/accuracy", "1", "fraction"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (["cat", "dog"], "standard/accuracy compares line by line, but p.txt has 2 lines and r.txt has 5"),
        (b"", "p.txt: is empty; it must have an example a line"),
        (b"cat\ndog\n\xff\xfe\n", "p.txt:3: is not UTF-8: 0xff"),
        (b"cat\n\ndog\ncat\ncat\n", "p.txt:2: is empty; every line must be a label"),
    ],
)
def test_a_bad_file_is_named_with_its_line(dovetail, files, content, error):
    files(p=content, r=TRUE)
    found = dovetail("score", "accuracy", "--samples", "p.txt", "--references", "r.txt")
    assert (found.status, found.out, found.err) == (2, "", f"{error}\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["accuracy", "--samples", "none.txt", "--references", "r.txt"], "none.txt: cannot be read: No such file"),
        (["accuracy", "--samples", "p.txt"], "standard/accuracy needs references: give --references FILE"),
        (["perplexity", "--samples", "p.txt"], "standard/perplexity needs `nll`, which only a model gives"),
        (["acuracy", "--samples", "p.txt"], "did you mean `standard/accuracy`?"),
        (
            ["average=micro", "f1", "--samples", "p.txt"],
            "`average=micro` is a change, and must stand behind the metric",
        ),
        (["f1", "averag=micro", "--samples", "p.txt"], "unknown key; did you mean `average`?"),
        (
            ["accuracy", "--samples", ".", "--references", "r.txt"],
            ".: is a folder, but must be a file to be read as Label",
        ),
        (["frechet-distance", "--samples", "p.txt", "--references", "r.txt"], "encoder: is missing"),
        (
            ["frechet-distance", "encoder={from_run='no', part='encoder'}", "--samples", "p.txt"],
            "there is no run `no` in runs; it holds 0 runs",
        ),
    ],
)
def test_what_cannot_be_scored_is_a_mistake(dovetail, files, words, error):
    files(p=PREDICTED, r=TRUE)
    found = dovetail("score", *words)
    assert (found.status, found.out) == (2, "")
    assert error in found.err


def test_captions_are_scored_by_scenes(dovetail, files):
    (files(p=["a red circle", "a blue circle"]) / "scenes.jsonl").write_text(f"{json.dumps(SCENE)}\n" * 2)
    found = dovetail("score", "truth", "--samples", "p.txt", "--references", "scenes.jsonl")
    assert found.status == 0, found.err
    values = dict(line.split()[:2] for line in found.out.splitlines())
    assert values["standard/truth.parsed"] == "1"
    assert 0 < float(values["standard/truth.truth"]) < 1
    (files() / "scenes.jsonl").write_text(json.dumps(SCENE))
    assert "must be as many as" in dovetail("score", "truth", "--samples", "p.txt", "--references", "scenes.jsonl").err
    (files() / "scenes.jsonl").write_text('{"objects": 3}')
    assert "scenes.jsonl:1: " in dovetail("score", "truth", "--samples", "p.txt", "--references", "scenes.jsonl").err


def test_captions_are_scored_by_the_references_of_their_line(dovetail, files):
    files(s=["a red dog", "a cat"], r=["a red dog\tone dog", "the cat\ta cat sat"])
    words = ("--samples", "s.txt", "--references", "r.txt", "--json", "out.json")
    found = dovetail("score", "corpus-bleu", "rouge-l", "cider", *words)
    assert (found.status, found.err) == (0, "")
    written = json.loads((files() / "out.json").read_text())
    assert written["hacap/corpus-bleu.2"] == pytest.approx(1)
    assert written["hacap/rouge-l"] == pytest.approx((1 + 2.44 * 2 / 3 / (2 / 3 + 1.44)) / 2)
    assert written["hacap/cider"] > 0
    files(r=["a red dog\tone dog"])
    found = dovetail("score", "cider", "--samples", "s.txt", "--references", "r.txt")
    assert "hacap/cider: `samples` must be as many as `references`, 1, but are 2" in found.err


def test_texts_are_scored_by_their_words(dovetail, files):
    files(s=["the cat on a mat"], r=["a cat sat on a mat", "the dog sat"])
    words = ("--samples", "s.txt", "--references", "r.txt", "--json", "out.json")
    found = dovetail("score", "bleu", "orders=[1, 3]", "unique-ngrams", "n=2", *words)
    assert (found.status, found.err) == (0, "")
    expected = {"1": math.exp(-1 / 5), "3": math.exp(-1 / 5) * (2 / 4 * 1 / 3) ** (1 / 3)}
    written = json.loads((files() / "out.json").read_text())
    assert written == pytest.approx(
        {f"text-gan/bleu.{n} orders=[1, 3]": value for n, value in expected.items()} | {"text-gan/unique-ngrams n=2": 4}
    )
    assert f"text-gan/bleu.3 orders=[1, 3]  {expected['3']:.6g}  BLEU" in " ".join(found.out.split("\n"))


def test_self_bleu_asks_for_no_references(dovetail, files):
    files(s=["a b", "b a", "a b"])
    assert dovetail("score", "self-bleu", "--samples", "s.txt").status == 0
    found = dovetail("score", "self-bleu", "--samples", "s.txt", "--references", "none.txt")
    assert found.status == 0  # which nothing asks for


def test_texts_of_many_lines_are_those_of_one_batch(dovetail, files):
    random = np.random.default_rng(0)
    lines = {name: [" ".join(random.choice(list("abcdefg"), size)) for size in random.integers(1, 9, count)]
             for name, count in (("s", 300), ("r", 140))}  # fmt: skip
    files(**lines)
    found = dovetail("score", "bleu", "--samples", "s.txt", "--references", "r.txt", "--json", "out.json")
    assert found.status == 0, found.err
    expected = bleu(*([line.split() for line in lines[name]] for name in "sr"), (2, 3, 4, 5))
    written = json.loads((files() / "out.json").read_text())
    assert written == pytest.approx({f"text-gan/bleu.{n}": values.mean() for n, values in expected.items()})


def test_a_text_is_read_once_for_all_files_whatever_they_are_called(dovetail, files):
    files(s=["a cat", "a dog sat"]).joinpath("r.ref").write_text("a bird\nthe cat sat\n")
    encoder = "encoder={use='sequence', cell='gru', embedding='embedding', pooling='mean'}"
    words = ("score", "frechet-distance", encoder, "--samples", "s.txt", "--references", "r.ref")
    found = dovetail(*words)
    assert found.status == 0, found.err
    assert dovetail(*words).out == found.out


def test_empty_lines_are_counted_and_the_first_is_named(dovetail, files):
    files(s=["a b", "", "b", " "], r=["a b c"])
    found = dovetail("score", "bleu", "unique-ngrams", "--samples", "s.txt", "--references", "r.txt")
    assert found.status == 0
    assert found.err == "s.txt:2: is the first of 2 empty lines among 4; each is a sentence without a word\n"


def test_texts_that_were_tokenised_differently_are_said_to_be(dovetail, files):
    files(s=["a dog doesn't bark."], r=["a dog does n't bark ."])
    found = dovetail("score", "bleu", "--samples", "s.txt", "--references", "r.txt")
    assert found.status == 0
    assert found.err.startswith("text-gan/bleu: 2 of the 4 words of `samples` are in no sentence of `references` (`do")
    assert "punctuation is part of a word in 1 of 1 places of `samples` (`bark.`), 0 of 1 of `references`" in found.err
    both = dovetail("score", "bleu", "tokenizer=treebank", "--samples", "s.txt", "--references", "r.txt")
    assert both.err == ""
    assert {line.split()[-2] for line in both.out.splitlines()} == {"1"}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "s.txt: is empty; it must have an example a line"),
        (b"\n\n  \n", "s.txt: has no word; it must have a sentence a line"),
        (b"a cat\na \xe9t\xe9\n", "s.txt:2: is not UTF-8: 0xe9"),
        (b"a cat\na dog <end> <pad>\n", "s.txt:2: must have words alone, but has `<pad>`; take such marks out"),
    ],
)
@pytest.mark.parametrize("side", ["samples", "references"])
def test_a_bad_text_is_named_with_its_line(dovetail, files, content, error, side):
    files(s=content, r=["a cat"])
    other = "references" if side == "samples" else "samples"
    found = dovetail("score", "bleu", f"--{side}", "s.txt", f"--{other}", "r.txt")
    assert (found.status, found.out, found.err) == (2, "", f"{error}\n")


def draw(folder, count, seed, size=(3, 2)):
    folder.mkdir()
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size[1], size[0], 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number:03}.png")
    return pixels.reshape(count, -1) / 127.5 - 1


def test_folders_of_images_have_the_distance_of_their_pixels(dovetail, workspace):
    a, b = draw(workspace / "a", 40, 1), draw(workspace / "b", 300, 2)
    found = dovetail("score", "frechet-distance", "encoder=flatten", "--samples", "a", "--references", "b")
    assert found.status == 0, found.err
    one, two = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert float(found.out.split()[2]) == pytest.approx(expected, rel=1e-4)


def test_an_encoder_of_random_weights_gives_the_same_twice(dovetail, workspace):
    draw(workspace / "a", 9, 1)
    draw(workspace / "b", 8, 2)
    words = ("score", "frechet-distance", "encoder=mlp", "--samples", "a", "--references", "b")
    assert dovetail(*words).out == dovetail(*words).out


def test_images_that_cannot_be_compared_are_named(dovetail, workspace):
    draw(workspace / "a", 4, 1)
    draw(workspace / "b", 4, 1, size=(4, 2))
    (workspace / "none").mkdir()
    words = ("score", "frechet-distance", "encoder=flatten", "--samples", "a", "--references")
    assert "none: has no image (.png" in dovetail(*words, "none").err
    assert "references" in dovetail(*words, "b").err
    Image.new("RGB", (3, 2)).save(workspace / "b" / "zzz.png")
    assert "b/zzz.png: is 3 × 2 pixels, but b/000.png is 4 × 2; images must be of one size" in dovetail(*words, "b").err
    (workspace / "a" / "zzz.png").write_text("no picture")
    found = dovetail(*words, "a")
    assert found.status == 2
    assert found.err.startswith("a/zzz.png: is no image that can be read: ")
