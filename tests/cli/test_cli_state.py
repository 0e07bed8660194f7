import pytest

from dovetail import Mistake
from dovetail.cli.state import State, note_early_options


def test_options_are_known_before_the_commands_are():
    state = note_early_options(["--workspace", "a.toml", "--no-plugin=x", "run", "y", "--no-plugin", "z"])
    assert (state.workspace, state.disable) == ("a.toml", ("x", "z"))


@pytest.mark.parametrize("words", [[], ["list"], ["--workspace"]])
def test_few_words_are_no_trouble(words):
    assert note_early_options(words).disable == ()


def test_a_name_of_a_plugin_that_is_not_ready_says_why(workspace):
    state = State(str(workspace / "registry.toml"), ("recurrent-dropout",))
    for what in ("systems", "grids"):
        with pytest.raises(
            Mistake, match=r"^`recurrent-dropout/ner`: the plugin `recurrent-dropout` is disabled: switched off$"
        ):
            state.must_name("recurrent-dropout/ner", what)


def test_a_name_that_is_none_says_what_there_is(workspace):
    state = State(str(workspace / "registry.toml"), ("recurrent-dropout",))
    state.must_name("rows", "systems")
    with pytest.raises(Mistake, match=r"^there is no grid `rows`; it is a system: `dovetail run rows`$"):
        state.must_name("rows", "grids")
    with pytest.raises(Mistake, match=r"^there is no grid or system `rate`; did you mean `rates`\?$"):
        state.must_name("rate", "grids", "systems")
