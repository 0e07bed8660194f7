import importlib
import sys
from pathlib import Path

import pytest

import dovetail
from dovetail.errors import Mistake
from dovetail.plugins import Behaviour, find_plugins

PLUGIN = """
from pathlib import Path
import dovetail

@dovetail.hook
def dovetail_registry():
    return Path(__file__).with_name("registry.toml")
"""
REGISTRY = '[plugin]\nname = "{name}"\napi = 1\n'


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution of one plugin into a folder on the path: `install(name, plugin code, registry)`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    packages = []

    def installed(name, code=PLUGIN, registry=None, distribution=None):
        package, distribution = f"fake_{name.replace('-', '_')}_{len(packages)}", distribution or f"{name}-dist"
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "plugin.py").write_text(code)
        (tmp_path / package / "parts.py").write_text(
            "from attrs import frozen\nfrom dovetail import EncoderSpec\n"
            "@frozen(kw_only=True)\nclass OneSpec(EncoderSpec):\n    def build(self, *, input):\n        return None\n"
        )
        (tmp_path / package / "registry.toml").write_text(
            (REGISTRY.format(name=name) if registry is None else registry).replace("PACKAGE", package)
        )
        info = tmp_path / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[dovetail]\n{name} = {package}.plugin\n")
        packages.append(package)
        importlib.invalidate_caches()

    yield installed
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]


def found(disabled=()):
    return {f"{plugin.name} {plugin.distribution}": plugin for plugin in find_plugins(disabled)}


ONE = REGISTRY + '[encoder.one]\nspec = "PACKAGE.parts:OneSpec"\n'


def test_a_plugin_outside_of_the_tree_is_as_good_as_ours(install):
    install("good", registry=ONE.format(name="good"))
    plugin = found()["good good-dist"]
    assert (plugin.state, plugin.reason, plugin.version, plugin.about("api")) == ("ready", "", "1.5", 1)
    made = dovetail.registry()
    assert made.find("encoder", "good/one").load().__name__ == "OneSpec"


BAD = {
    "raises": ("raise RuntimeError('no such thing')", None, "broken", "RuntimeError: no such thing"),
    "exits": ("import sys\nsys.exit(3)", None, "broken", "SystemExit: 3"),
    "syntax": ("def (", None, "broken", "SyntaxError"),
    "misspelt": (
        PLUGIN + "@dovetail.hook\ndef dovetail_run_startde(run): pass\n",
        None,
        "broken",
        "there is no hook `dovetail_run_startde`: did you mean `dovetail_run_started`? The hooks are dovetail_",
    ),
    "misspelt-only": (
        PLUGIN.replace("dovetail_registry", "dovetail_registri"),
        None,
        "broken",
        "there is no hook `dovetail_registri`: did you mean `dovetail_registry`?",
    ),
    "unmarked": (
        PLUGIN + "def dovetail_run_started(run): pass\n",
        None,
        "broken",
        "`dovetail_run_started` is not marked with @dovetail.hook",
    ),
    "hookless": ("", None, "broken", "has no `dovetail_registry` hook"),
    "signature": (
        PLUGIN + "@dovetail.hook\ndef dovetail_run_started(run, colour): pass\n",
        None,
        "broken",
        "colour",
    ),
    "newer": (
        PLUGIN + "@dovetail.hook\ndef dovetail_of_the_future(run): pass\n",
        '[plugin]\nname = "newer"\napi = 2\n',
        "incompatible",
        "is for plugin interface 2, and this is 1",
    ),
    "nameless": (
        PLUGIN,
        "[plugin]\napi = 1\n",
        "broken",
        "must have a `name` of letters, digits, - and _, but has None",
    ),
    "slashed": (PLUGIN, '[plugin]\nname = "a/b"\napi = 1\n', "broken", "but has 'a/b'"),
    "no-toml": (PLUGIN, "[plugin", "broken", "is not TOML"),
    "taken": (
        PLUGIN,
        REGISTRY.format(name="standard"),
        "broken",
        "the name `standard` is taken: both dovetail and taken-dist define it",
    ),
    "core-again": (PLUGIN, REGISTRY.format(name="core"), "broken", "the name `core` is taken: both dovetail and"),
    "kinds": (
        PLUGIN,
        REGISTRY.format(name="kinds") + '[kinds]\ncell = "a:B"\n',
        "broken",
        "kind `cell` is defined twice, by core (dovetail) and kinds (kinds-dist)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plugin_is_listed_with_its_reason_and_everything_else_works(install, name):
    code, registry, state, reason = BAD[name]
    install(name, code, registry)
    install("zgood", registry=ONE.format(name="zgood"))
    made = dovetail.registry()
    (bad,) = [plugin for plugin in made.plugins if plugin.distribution == f"{name}-dist"]
    assert bad.state == state
    assert reason in bad.reason
    others = [plugin for plugin in made.plugins if plugin is not bad]
    assert {plugin.state for plugin in others} == {"ready"}
    assert made.find("encoder", "zgood/one")
    assert made.find("cell", "standard/lstm").load()


def test_all_of_them_at_once(install):
    for name, (code, registry, _, _) in BAD.items():
        install(name, code, registry)
    made = dovetail.registry()
    assert sum(plugin.state in ("broken", "incompatible") for plugin in made.plugins) == len(BAD)
    assert made.find("cell", "standard/lstm").load()


def test_two_plugins_of_one_name_name_both_distributions(install):
    install("twin", distribution="a-dist")
    install("twin", distribution="b-dist")
    plugins = found()
    assert plugins["twin a-dist"].state == "ready"
    assert plugins["twin b-dist"].reason == "the name `twin` is taken: both a-dist and b-dist define it"


def test_a_folder_that_is_twice_on_the_path_lists_its_plugin_once(install, tmp_path, monkeypatch):
    install("good")
    monkeypatch.setattr(sys, "path", [str(tmp_path), f"{tmp_path}/.", *sys.path])
    importlib.invalidate_caches()
    assert [plugin.name for plugin in find_plugins()].count("good") == 1


def test_a_plugin_that_is_switched_off_is_not_imported(install):
    install("off", code="raise RuntimeError")
    plugin = found(["off"])["off off-dist"]
    assert (plugin.state, plugin.reason, plugin.module) == ("disabled", "switched off", None)


def test_a_plugin_can_be_switched_off_by_the_name_in_its_registry(install):
    install("entry", registry=REGISTRY.format(name="inside"))
    assert found(["inside"])["inside entry-dist"].state == "disabled"


HOOKS = (
    PLUGIN + "calls = []\n"
    "@dovetail.hook\ndef dovetail_run_started(run):\n    calls.append(run)\n    {}\n"
    "@dovetail.hook\ndef dovetail_run_finished(result):\n    calls.append(result)\n"
)


def test_the_answers_of_hooks_come_back_and_none_is_no_answer(install):
    body = "@dovetail.hook\ndef dovetail_report(folder):\n    return {}\n"
    for name, answer in (("one", "folder / 'one.png'"), ("two", "None"), ("three", "folder / 'three.png'")):
        install(name, PLUGIN + body.format(answer))
    fakes = [plugin for name, plugin in found().items() if name.endswith("-dist")]
    answers = Behaviour(fakes).call("dovetail_report", report=None, folder=Path("out"))
    assert sorted(answers) == [Path("out/one.png"), Path("out/three.png")]


def test_a_hook_that_raises_is_reported_once_and_switched_off(install):
    install("bad", HOOKS.format("raise ValueError('oops')"))
    install("good", HOOKS.format("pass"))
    plugins = found()
    behaviour = Behaviour(plugins.values())
    with pytest.warns(
        RuntimeWarning, match="plugin bad: dovetail_run_started raised ValueError: oops; its hooks are off"
    ):
        behaviour.call("dovetail_run_started", run={"name": "a"})
    behaviour.call("dovetail_run_started", run={"name": "b"})
    behaviour.call("dovetail_run_finished", run={}, result={"x": 1.0})
    assert plugins["bad bad-dist"].module.calls == [{"name": "a"}]
    assert plugins["good good-dist"].module.calls == [{"name": "a"}, {"name": "b"}, {"x": 1.0}]


def test_a_spec_that_was_not_decorated_says_so(install):
    body = "from dovetail import CellSpec\nclass BareSpec(CellSpec):\n    hidden: int = 3\n    def build(self): ...\n"
    install("bare", PLUGIN + body, REGISTRY.format(name="bare") + '[cell.one]\nspec = "PACKAGE.plugin:BareSpec"\n')
    component = dovetail.registry().find("cell", "bare/one")
    with pytest.raises(
        Mistake, match=r"BareSpec` has no fields yet: decorate it with `@attrs\.frozen\(kw_only=True\)`"
    ):
        component.load()
