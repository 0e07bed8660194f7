"""The form in a real browser, as a rater uses it."""

import json

import pytest
from chromium import Page, find_chromium

from dovetail_text_gan.human_evaluation import arrange, read_evaluation, write_evaluation
from dovetail_text_gan.human_ratings import read_ratings, result_of

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`"),
]
NASTY = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\"> & <b>"
SAMPLES = {"lm": {"lm-s0": ["a cat", NASTY], "lm-s1": ["", "{form} {policy}"]}}
REAL = ["A man sits.", "Ünïcode …", "x" * 300, "two\nlines"]


@pytest.fixture
def forms(tmp_path):
    evaluation = arrange(SAMPLES, REAL, raters=2)
    return tmp_path, evaluation, write_evaluation(evaluation, tmp_path / "rating")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Page(CHROMIUM, tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def page(browser, forms):
    """A page that remembers nothing of the tests before."""
    browser.open(forms[2][0])
    browser.ask("localStorage.clear()")
    browser("Emulation.clearDeviceMetricsOverride")
    return browser


def shown(evaluation, place, rater=1):
    return evaluation.items[evaluation.forms[rater - 1][place]].text


def test_a_rater_rates_by_keys_goes_back_changes_comes_again_and_downloads(forms, page):
    folder, evaluation, (file, _) = forms
    page.open(file)
    assert page.text("#where") == "Sentence 1 of 8"
    assert page.text("#sentence") == shown(evaluation, 0)
    page.press("4", "2")
    assert page.text("#where") == "Sentence 3 of 8"
    assert page.text("#count") == "2 rated"
    page.press("7", "ArrowLeft")
    assert page.text("#where") == "Sentence 2 of 8"
    assert page.ask("document.querySelector('[aria-pressed=true]').dataset.rating") == "2"
    page.press("5", "ArrowRight")
    assert page.text("#where") == "Sentence 4 of 8"

    for _ in range(3):  # what was stored a moment ago may reach the browser's next page late, on a busy machine
        page.reload()
        if page.shows("#where", "Sentence 4 of 8"):
            break
    assert page.text("#where") == "Sentence 4 of 8"
    assert page.shows("#count", "2 rated")
    assert page.ask("document.querySelector('#progress').value") == 2

    page.press("1", "3", "3", "2", "1")
    assert page.text("#where") == "The end"
    assert page.text("#summary") == "1 of 8 sentences have no rating yet."
    page.press("Enter")
    assert page.text("#where") == "Sentence 3 of 8"
    page.click("[data-rating='3']")
    page.press(*["ArrowRight"] * 9)
    assert page.text("#summary").startswith("All 8 sentences are rated. Download")
    page.press("Enter")
    ratings = downloaded(page)
    assert ratings.name == f"ratings-{evaluation.name}-rater-1.json"
    expected = dict(zip(evaluation.forms[0], (4, 5, 3, 1, 3, 3, 2, 1), strict=True))
    assert json.loads(ratings.read_text()) == {"evaluation": evaluation.name, "rater": 1, "ratings": expected}
    kept = read_evaluation(folder / "rating")
    result = result_of(kept, read_ratings(kept, [ratings]))
    assert result.missing == {2: sorted(evaluation.items)}
    assert result.models["lm"].ratings == result.real.ratings == 4


def downloaded(page):
    page.wait("Browser.downloadWillBegin")
    while (event := page.wait("Browser.downloadProgress"))["state"] != "completed":
        page.events = [said for said in page.events if said["params"] is not event]
    (file,) = page.downloads.iterdir()
    return file


def test_sentences_are_text_whatever_is_in_them_and_nothing_is_loaded(forms, page):
    _, evaluation, (file, _) = forms
    page.open(file)
    for place in range(8):
        text = shown(evaluation, place)
        seen = page.ask("document.querySelector('#sentence').textContent")
        assert seen == (text or "(a sentence without a word)")
        assert page.ask("document.querySelector('#sentence').children.length") == 0
        page.press("ArrowRight")
    assert page.ask("document.title") == "Rating sentences"
    requested = {
        said["params"]["request"]["url"] for said in page.events if said["method"] == "Network.requestWillBeSent"
    }
    assert requested == {file.as_uri()}
    assert [said for said in page.events if said["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []


def test_no_script_but_the_forms_own_can_run(forms, page):
    _, _, (file, _) = forms
    page.open(file)
    page.ask("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))")
    page.ask("fetch('https://example.org').catch(() => { document.body.dataset.refused = 'yes'; })")
    assert page.ask("document.title") == "Rating sentences"
    blocked = [said["params"]["entry"]["text"] for said in page.events if said["method"] == "Log.entryAdded"]
    assert any("script-src" in text for text in blocked)
    assert any("default-src" in text for text in blocked)


def test_two_forms_in_one_browser_are_apart(forms, page):
    _, evaluation, (first, second) = forms
    page.open(first)
    page.press("1", "1")
    page.open(second)
    assert page.text("#where") == "Sentence 1 of 8"
    assert page.text("#count") == "0 rated"
    assert page.text("#sentence") == shown(evaluation, 0, rater=2)


def test_two_pages_of_one_form_do_not_write_over_each_other(forms, page):
    _, evaluation, (file, _) = forms
    page.open(file)
    page.press("1")
    own = f"dovetail human-evaluation {evaluation.name} 1"
    other = json.dumps(f"{own} {evaluation.forms[0][4]}")
    page.ask(f"localStorage.setItem({other}, 5); dispatchEvent(new StorageEvent('storage', {{key: {other}}}))")
    assert page.text("#count") == "2 rated"
    assert page.text("#where") == "Sentence 2 of 8", "this page stays where its rater is"
    page.press("2")
    kept = json.loads(page.ask("JSON.stringify(localStorage)"))
    first, second, *_ = evaluation.forms[0]
    assert kept == {f"{own} {first}": "1", f"{own} {second}": "2", json.loads(other): "5", f"{own} place": "2"}


def test_a_browser_that_keeps_nothing_is_said(forms, page):
    page.open(forms[2][0])
    assert page.ask("document.querySelector('#trouble').hidden")
    page.ask("Storage.prototype.setItem = () => { throw new Error('full'); }")
    page.press("1", "2")
    assert page.text("#trouble").startswith("This browser does not keep what you rate: download your ratings")
    assert page.text("#count") == "2 rated"


def test_modified_keys_stay_the_browsers(forms, page):
    page.open(forms[2][0])
    page("Input.dispatchKeyEvent", type="keyDown", key="1", windowsVirtualKeyCode=49, modifiers=2)
    assert page.text("#count") == "0 rated"


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(forms, page, width):
    page.size(width, 700)
    page.open(forms[2][0])
    for _ in range(9):
        assert page.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.press("ArrowRight")


def test_everything_that_can_be_pressed_has_a_name_and_is_reached_by_tab(forms, page):
    page.open(forms[2][0])
    page.press("5")
    page("Accessibility.enable")
    nodes = page("Accessibility.getFullAXTree")["nodes"]
    names = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "button"}
    assert names == {"1, the worst", "2", "3", "4", "5, the best", "← Back", "Download ratings", "Next →"}
    group = next(node for node in nodes if node.get("role", {}).get("value") == "group")
    assert group["name"]["value"] == page.text("#question")
    reached = []
    for _ in range(8):
        page.press("Tab")
        reached.append(page.ask("document.activeElement.innerText"))
    assert reached == ["1", "2", "3", "4", "5", "← Back", "Next →", "Download ratings"]
