import pytest

from dovetail.cli import screen


@pytest.fixture
def terminal(monkeypatch):
    """`terminal(40)`: the output is a terminal of so many columns."""
    return lambda columns: monkeypatch.setattr(screen, "width", lambda stream=None: columns)


def test_elsewhere_than_on_a_terminal_nothing_is_broken():
    assert screen.wrapped("a " * 100, None) == "a " * 100


def test_lines_are_broken_between_words_and_set_in():
    text = "registry.toml:3: cell: must be this or that\n    the cells are one, two, three, four"
    assert screen.wrapped(text, 30).splitlines() == [
        "registry.toml:3: cell: must be",
        "    this or that",
        "    the cells are one, two,",
        "        three, four",
    ]


def test_a_long_path_is_kept_whole():
    path = "/a/very/long/path/that/does-not-fit.toml"
    assert path in screen.wrapped(f"file {path}: is wrong", 30)


def test_columns_line_up_and_the_last_is_wrapped_on_a_terminal(terminal, capsys):
    terminal(40)
    screen.columns([("a", "one two three four five six seven"), ("long name", "x")], ("name", ""))
    assert capsys.readouterr().out.splitlines() == [
        "name",
        "a          one two three four five six",
        "           seven",
        "long name  x",
    ]


def test_columns_elsewhere_are_a_line_a_row(capsys):
    screen.columns([("a", "one two " * 20)])
    assert len(capsys.readouterr().out.splitlines()) == 1
    screen.columns([])
    assert capsys.readouterr().out == ""
