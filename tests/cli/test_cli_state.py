from types import ModuleType, SimpleNamespace

import pytest
import typer
from typer.main import get_group

from dovetail import Mistake
from dovetail.cli.state import State, note_early_options
from dovetail.plugins import Behaviour, Plugin


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


# ------------------------------------------------------------------------------------------------- plugins' commands

COMMANDS = "import dovetail\nimport typer\n@dovetail.hook\ndef dovetail_commands(app):\n"
GOOD = COMMANDS + "    @app.command()\n    def measure(run: str): ...\n"
GROUP = COMMANDS + "    own = typer.Typer(name='own')\n    own.command('one')(print)\n    app.add_typer(own)\n"


def app_with(**plugins):
    """A command line with the command `list`, to which these plugins add theirs."""
    found = []
    for name, code in plugins.items():
        module = ModuleType(name)
        exec(code, vars(module))
        found.append(Plugin(name, f"{name}-dist", "1.0", module=module))
    state = State(None, ())
    state.__dict__["registry"] = SimpleNamespace(behaviour=Behaviour(found))
    app = typer.Typer()
    app.callback()(lambda: None)
    app.command("list")(lambda: None)
    state.add_commands(app)
    return {*get_group(app).commands}


def test_plugins_add_commands_and_groups_of_them():
    assert app_with(one=GOOD, two=GROUP, three="") == {"list", "measure", "own"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("@app.command()\n    def other(x: 'nowhere.Type'): ...", "NameError: name 'nowhere' is not defined"),
        ("@app.command('list')\n    def other(): ...", "ValueError: the command `list` is there already"),
        ("app.add_typer(typer.Typer(), name='measure')", "ValueError: the command `measure` is there already"),
        ("@app.callback()\n    def other(): ...", "ValueError: a plugin adds commands by `@app.command\\(\\)`, and no"),
    ],
)
def test_commands_that_cannot_be_are_their_plugins_fault_and_hurt_no_others(code, why):
    wrong = f"{COMMANDS}    @app.command()\n    def fine(): ...\n    {code}\n"
    with pytest.warns(RuntimeWarning, match=f"^plugin two: dovetail_commands raised {why}"):
        assert app_with(one=GOOD, two=wrong, three=GROUP) == {"list", "measure", "own"}
