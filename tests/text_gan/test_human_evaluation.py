import json
import re
from collections import Counter

import pytest

from dovetail import Mistake
from dovetail_text_gan.human_evaluation import (
    REAL,
    arrange,
    check_free,
    form_of,
    read_evaluation,
    write_evaluation,
)
from dovetail_text_gan.human_ratings import read_ratings, result_of
from dovetail_text_gan.human_samples import looks, shares

SAMPLES = {
    "lm": {"lm-s0": [f"lm zero {n}" for n in range(5)], "lm-s1": [f"lm one {n}" for n in range(4)]},
    "gan": {"gan-s0": [f"gan {n}" for n in range(9)]},
}
REAL_ONES = [f"real {n}" for n in range(9)]


@pytest.fixture
def evaluation():
    return arrange(SAMPLES, REAL_ONES, raters=3, seed=0)


# --------------------------------------------------------------------------------------------------------------- forms


def test_every_sentence_is_there_once_with_its_model_and_run(evaluation):
    found = Counter((item.model, item.run, item.text) for item in evaluation.items.values())
    expected = [(model, run, text) for model, runs in SAMPLES.items() for run, texts in runs.items() for text in texts]
    assert found == Counter([*expected, *((REAL, None, text) for text in REAL_ONES)])


@pytest.mark.parametrize(("raters", "forms"), [(3, None), (3, 3), (2, 5), (1, 4), (3, 4)])
def test_each_sentence_is_on_the_forms_of_different_raters_and_forms_are_equally_long(raters, forms):
    evaluation = arrange(SAMPLES, REAL_ONES, raters=raters, forms=forms)
    assert len(evaluation.forms) == (forms or raters)
    assert all(len(set(form)) == len(form) for form in evaluation.forms)
    counts = Counter(number for form in evaluation.forms for number in form)
    assert counts == dict.fromkeys(evaluation.items, raters)
    lengths = [len(form) for form in evaluation.forms]
    assert max(lengths) - min(lengths) <= 1


def test_numbers_and_orders_follow_from_the_seed_and_tell_nothing_of_the_model(evaluation):
    assert arrange(SAMPLES, REAL_ONES, raters=3, seed=0) == evaluation
    other = arrange(SAMPLES, REAL_ONES, raters=3, seed=1)
    assert other.items != evaluation.items
    assert other.name != evaluation.name
    assert evaluation.forms[0] != evaluation.forms[1]
    assert all(list(form) != sorted(form) for form in evaluation.forms)
    models = [item.model for item in evaluation.items.values()]
    assert models != sorted(models, key=["lm", "gan", REAL].index)


def test_a_rater_is_given_sentences_alone(evaluation):
    form = form_of(evaluation, 2)
    assert form.keys() == {"evaluation", "rater", "items"}
    assert all(item.keys() == {"id", "text"} for item in form["items"])
    assert [item["id"] for item in form["items"]] == evaluation.forms[1]


def test_fewer_forms_than_raters_of_a_sentence_are_refused():
    with pytest.raises(Mistake, match=r"^`--forms` must be at least 3, since 3 rate each sentence, but is 2$"):
        arrange(SAMPLES, REAL_ONES, forms=2)


def test_an_evaluation_is_read_as_it_was_written(evaluation, tmp_path):
    files = write_evaluation(evaluation, tmp_path / "new")
    assert [file.name for file in files] == ["rater-1.html", "rater-2.html", "rater-3.html"]
    assert read_evaluation(tmp_path / "new") == evaluation
    html = files[0].read_text()
    (data,) = re.findall(r'<script type="application/json" id="form">(.*)</script>', html)
    assert json.loads(data) == form_of(evaluation, 1)
    assert not re.search(r"https?:|src=|href=|@import|url\(", html)
    assert "lm-s0" not in html


def test_forms_of_an_evaluation_before_go(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path)
    files = write_evaluation(arrange(SAMPLES, REAL_ONES, raters=1), tmp_path)
    assert list((tmp_path / "forms").iterdir()) == files


def test_nothing_is_overwritten_unless_that_is_asked_for(evaluation, tmp_path):
    check_free(tmp_path / "new", replace=False)
    check_free(tmp_path, replace=False)
    write_evaluation(evaluation, tmp_path)
    with pytest.raises(Mistake, match=r": holds a human evaluation already; .*--replace$"):
        check_free(tmp_path, replace=False)
    check_free(tmp_path, replace=True)
    (tmp_path / "key.json").rename(tmp_path / "thesis.txt")
    for replace in (False, True):
        with pytest.raises(
            Mistake, match=r": must be empty or new, but holds forms, thesis.txt; choose another folder"
        ):
            check_free(tmp_path, replace)
    with pytest.raises(Mistake, match=r"thesis.txt: is a file, but `--out` takes a folder$"):
        check_free(tmp_path / "thesis.txt", replace=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, r": has no key.json; FOLDER is one that `dovetail human-evaluation draw` wrote$"),
        ("{", r"key.json: cannot be read: .*; restore it, or draw again as before, with the same seed$"),
        ("[]", r"key.json: is no key of an evaluation: .*; restore it"),
        ('{"evaluation": "a", "items": {}}', r"key.json: is no key of an evaluation: TypeError: .*; restore it"),
        ("changed", r"key.json: must be as it was written, but was changed; restore it"),
    ],
)
def test_a_key_that_is_none_is_refused(evaluation, tmp_path, text, why):
    write_evaluation(evaluation, tmp_path)
    key = tmp_path / "key.json"
    if text is None:
        key.unlink()
    else:
        key.write_text(key.read_text().replace('"gan"', '"lm"') if text == "changed" else text)
    with pytest.raises(Mistake, match=why):
        read_evaluation(tmp_path)


# ------------------------------------------------------------------------------------------------------------- samples


def test_runs_give_equally_many_samples_and_which_gives_one_more_is_drawn():
    runs = ["a", "b", "c", "d", "e", "f", "g"]
    found = [shares(200, runs, "lm", seed) for seed in range(9)]
    assert all(sorted(each.values()) == [28, 28, 28, 29, 29, 29, 29] for each in found)
    assert len({tuple(each.items()) for each in found}) > 1
    with pytest.raises(Mistake, match=r"^`--samples` must be at least 7, one for each run of `lm`, but is 6$"):
        shares(6, runs, "lm", 0)


def test_what_tells_samples_from_real_sentences_is_said():
    real = ["A man sits.", "Don't go, Ann."]
    assert list(looks({"lm": {"s0": ["A dog runs.", "Don't run, Bob."]}}, real)) == []
    (said,) = looks({"lm": {"s0": ["a dog runs ."]}}, real)
    assert said.startswith("raters may know `lm` by its looks: punctuation is part of a word in 3 of 3 places")
    assert "there are capitals in" in said
    (said,) = looks({}, ["a <unknown> cat", "a dog"])
    assert said == "1 of 2 real sentences have `<unknown>` for a word; --references gives others"


# ------------------------------------------------------------------------------------------------------------- ratings


def rated(evaluation, rating, raters=(1, 2, 3)):
    return {rater: {n: rating(rater, evaluation.items[n]) for n in evaluation.forms[rater - 1]} for rater in raters}


def test_a_models_rating_is_the_mean_over_its_runs_with_their_deviation(evaluation):
    values = {"lm-s0": 2, "lm-s1": 4, "gan-s0": 1, None: 5}
    result = result_of(evaluation, rated(evaluation, lambda _, item: values[item.run]))
    assert result.models["lm"].runs == {"lm-s0": 2, "lm-s1": 4}
    assert result.models["lm"].mean == 3, "of runs: 26 / 9 of sentences"
    assert result.models["lm"].deviation == pytest.approx(2**0.5)
    assert (result.models["lm"].restarts, result.models["lm"].sentences, result.models["lm"].ratings) == (2, 9, 27)
    assert (result.models["gan"].mean, result.models["gan"].deviation) == (1, None)
    assert (result.real.mean, result.real.deviation, result.real.runs, result.real.sentences) == (5, None, {}, 9)
    assert result.agreement.ordinal == result.agreement.interval == 1
    assert result.agreement.sentences == 27
    assert result.missing == {}


def test_what_raters_left_out_is_named_and_hurts_nothing_else(evaluation):
    ratings = rated(evaluation, lambda rater, item: 1 + (rater + len(item.text)) % 5, raters=(1, 3))
    left = sorted(evaluation.forms[0])[:2]
    ratings[1] = {number: rating for number, rating in ratings[1].items() if number not in left}
    result = result_of(evaluation, ratings)
    assert result.missing == {1: left, 2: sorted(evaluation.items)}
    assert result.agreement.sentences == 25
    assert sum(each.ratings for each in (*result.models.values(), result.real)) == 52


def test_a_model_of_which_nothing_is_rated_has_no_mean(evaluation):
    ratings = {1: {number: 3 for number, item in evaluation.items.items() if item.model == REAL}}
    result = result_of(evaluation, ratings)
    assert (result.models["lm"].mean, result.models["lm"].deviation, result.models["lm"].runs) == (None, None, {})
    assert result.agreement.ordinal is None


@pytest.fixture
def write(evaluation, tmp_path):
    """`write("a.json", rater=2)`: a rater's file, with what is given changed."""

    def written(name, **changes):
        file = tmp_path / name
        said = {"evaluation": evaluation.name, "rater": 1, "ratings": {evaluation.forms[0][0]: 3}, **changes}
        file.write_text(json.dumps(said))
        return file

    return written


def test_the_raters_files_are_read(evaluation, write):
    second = dict.fromkeys(evaluation.forms[1], 4)
    files = [write("a.json"), write("b.json", rater=2, ratings=second)]
    assert read_ratings(evaluation, files) == {1: {evaluation.forms[0][0]: 3}, 2: second}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"evaluation": "abc"}, "evaluation: must be NAME, but is 'abc': these are ratings of another evaluation"),
        ({"rater": 4}, "rater: must be one of 1 to 3, but is 4"),
        ({"rater": "1"}, "rater: must be one of 1 to 3, but is '1'"),
        ({"ratings": {"99": 3}}, r"ratings.99: there is no sentence 99"),
        ({"ratings": {"01": 6}}, r"ratings.01: must be a whole number from 1 to 5, but is 6"),
        ({"ratings": {"01": 0}}, r"ratings.01: must be a whole number from 1 to 5, but is 0"),
        ({"ratings": {"01": 3.5}}, r"ratings.01: must be a whole number from 1 to 5, but is 3.5"),
        ({"ratings": {"01": True}}, r"ratings.01: must be a whole number from 1 to 5, but is True"),
        ({"ratings": {"01": None}}, r"ratings.01: must be a whole number from 1 to 5, but is None"),
        ({"ratings": {}}, r"ratings: no sentence is rated"),
        ({"ratings": [3]}, r"file: must be a JSON object of evaluation, rater, ratings"),
        ({"more": 1}, r"file: must be a JSON object of evaluation, rater, ratings"),
    ],
)
def test_what_is_wrong_with_a_raters_file_is_said(evaluation, write, changes, why):
    with pytest.raises(Mistake, match=f"a.json: {why.replace('NAME', evaluation.name)}") as error:
        read_ratings(evaluation, [write("a.json", **changes)])
    assert error.value.status == 2
    assert str(error.value).startswith("ratings: 1 fault\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "is no JSON: "),
        (b"\xff", "is not UTF-8"),
        (b'{"rater": 1, "rater": 2}', "has `rater` twice"),
        (b'"text"', "must be a JSON object of"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_none_of_ratings_is_refused(evaluation, tmp_path, content, why):
    file = tmp_path / "a.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Mistake, match=rf"a\.json: file: {why}.*\n    ask the rater for the file"):
        read_ratings(evaluation, [file])


def test_a_rater_who_is_there_twice_is_refused_with_both_files(evaluation, write):
    with pytest.raises(Mistake, match=r"b\.json: rater: 1 is that of .*a\.json, too\n    give one file of each rater"):
        read_ratings(evaluation, [write("a.json"), write("b.json")])


def test_a_sentence_of_another_raters_form_is_refused(write, tmp_path):
    parted = arrange(SAMPLES, REAL_ONES, raters=1, forms=2)
    file = write("a.json", evaluation=parted.name, rater=1, ratings={parted.forms[1][0]: 3})
    number = parted.forms[1][0]
    with pytest.raises(Mistake, match=f"ratings.{number}: the sentence {number} is not on the form of rater 1"):
        read_ratings(parted, [file])


def test_all_that_is_wrong_is_said_at_once(evaluation, write):
    files = [write("a.json", ratings={"77": 9}), write("b.json", rater=7)]
    with pytest.raises(Mistake, match=r"^ratings: 3 faults\n"):
        read_ratings(evaluation, files)
