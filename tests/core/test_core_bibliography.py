import pytest

from dovetail import Mistake
from dovetail.bibliography import read_references


@pytest.fixture
def file(tmp_path):
    return tmp_path / "references.bib"


def test_entries_are_read_as_they_are_written(file):
    one = "@article{one2001,\n  title = {A {Nested} Title, 100\\% \\{ open},\n  note = {@misc{two, at once}}\n}"
    two = "@Book{two:2002+b,}"
    file.write_text(f"% @none{{x}}\n@comment{{c,}}\n@string{{s, t = 1}}\n{one} words\r\n\n  {two}\n")
    assert read_references(file) == {"one2001": one, "two:2002+b": two}


def test_there_need_be_no_file(file):
    assert read_references(file) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\n@misc{a,\n  title = {b}\n", ":2: the braces of `a` do not close"),
        (b"@misc{a,}\n@misc{b,}\n@book{a,}\n", ":3: the key `a` is there twice"),
        (b"@misc{a, title = {\xff}}", ": is not UTF-8: byte 18 is 0xff"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_mistake(file, text, says):
    file.write_bytes(text)
    with pytest.raises(Mistake) as caught:
        read_references(file)
    assert str(caught.value) == f"{file}{says}"
