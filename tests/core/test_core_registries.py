import re
import subprocess
import sys
from pathlib import Path

import pytest
from toy_parts import LinearSpec, Strange
from toy_systems import make_plugin

import dovetail
from dovetail.errors import Faults, Mistake
from dovetail.interfaces import EncoderSpec
from dovetail.registries import Registry, find_workspace, registry
from dovetail.spaces import Vector
from dovetail.tables import read


def workspace(toys, tmp_path, text, *plugins):
    (tmp_path / "registry.toml").write_text(text, encoding="utf-8")
    made = Registry([*toys.plugins, *plugins])
    made.take_workspace(read(tmp_path / "registry.toml"))
    return made


def plugin(tmp_path, name, text, distribution="other-dist"):
    file = tmp_path / f"{name}.toml"
    file.write_text(f'[plugin]\nname = "{name}"\napi = 1\n{text}', encoding="utf-8")
    return make_plugin(name, file, distribution)


def faults_of(toys, tmp_path, text):
    with pytest.raises(Faults) as error:
        workspace(toys, tmp_path, text)
    return [str(fault).removeprefix(f"{tmp_path}/").replace("\n   ", "") for fault in error.value.faults]


def test_a_component_is_found_by_its_full_name_its_bare_name_and_an_alias(toys, tmp_path):
    made = workspace(toys, tmp_path, '[aliases.encoder]\nlayer = "toy/linear"\nl2 = "linear"')
    assert {made.find("encoder", name).name for name in ("toy/linear", "linear", "layer", "l2")} == {"toy/linear"}
    assert made.find("encoder", "linear").load() is LinearSpec
    assert str(made.find("encoder", "linear")) == "encoder toy/linear"
    assert made.find("encoder", "linear").version == 2


def test_a_bare_name_of_two_plugins_must_be_full(toys, tmp_path):
    made = workspace(toys, tmp_path, "", plugin(tmp_path, "other", '[encoder.linear]\nspec = "a:B"'))
    assert made.find("encoder", "other/linear").plugin == "other"
    with pytest.raises(Mistake, match="`linear` means several encoders: other/linear, toy/linear"):
        made.find("encoder", "linear")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy/linaer", "there is no encoder `toy/linaer`; did you mean `toy/linear`?"),
        ("linaer", "there is no encoder `linaer`; did you mean `toy/linear`?"),
        ("zzz", "there is no encoder `zzz`; the encoders are toy/broken,"),
        ("toy/fit", "`toy/fit` is an objective, but an encoder is wanted: toy/broken,"),
        ("tyo/linear", "`tyo/linear`: the plugin `tyo` is not installed; did you mean `toy/linear`?"),
        ("hacap/xyz", "`hacap/xyz`: the plugin `hacap` is not installed; the plugins are core, toy"),
    ],
)
def test_an_unknown_name_says_what_is_possible(toys, name, message):
    with pytest.raises(Mistake, match="^" + re.escape(message)):
        toys.find("encoder", name)


def test_a_name_of_a_plugin_that_is_not_ready_says_why(toys, tmp_path):
    off = plugin(tmp_path, "off", "")
    off.refuse("switched off", "disabled")
    with pytest.raises(Mistake, match="`off/x`: the plugin `off` is disabled: switched off"):
        Registry([*toys.plugins, off]).find("encoder", "off/x")


def test_kinds_and_spaces_by_name(toys):
    assert toys.base("encoder") is EncoderSpec
    assert toys.space("Vector") is Vector
    assert toys.space_name(Vector) == "Vector"
    with pytest.raises(Mistake, match="there is no kind `encodre`; did you mean `encoder`"):
        toys.base("encodre")
    with pytest.raises(Mistake, match="there is no space `Vectro`; did you mean `Vector`"):
        toys.space("Vectro")
    with pytest.raises(Mistake, match=r"toy_parts:Strange is no known space: the table \[spaces\]"):
        toys.space_name(Strange)


def test_a_spec_by_name_is_strictly_checked(toys):
    assert toys.spec("encoder", "linear", width=7) == LinearSpec(width=7)
    assert toys.spec("encoder", "toy/linear", width=7).build(input=Vector(5)).output == Vector(7)
    with pytest.raises(Faults, match=r"registry\.spec\('encoder', 'linear'\): encoder\.width: must be an integer"):
        toys.spec("encoder", "linear", width="7")
    assert toys.component_of(LinearSpec()) == toys.component_of(LinearSpec) == toys.find("encoder", "linear")


def test_a_class_that_no_plugin_names_is_no_component(toys):
    class Other(LinearSpec):
        pass

    with pytest.raises(Mistake, match=r"Other is no component: no plugin's registry\.toml names it"):
        toys.component_of(Other())


def test_systems_and_grids_have_full_and_bare_names(toys, tmp_path):
    made = workspace(toys, tmp_path, "[systems.mine]\n[grids.g]\n")
    assert set(made.systems) == {"toy/ready", "mine"}
    assert made.named("systems", "ready")[0] == "toy/ready"
    assert made.named("grids", "g")[0] == "g"
    with pytest.raises(Mistake, match="there is no system `redy`; did you mean `toy/ready`"):
        made.named("systems", "redy")
    both = workspace(toys, tmp_path, "[systems.ready]")
    assert both.named("systems", "ready")[0] == "ready"
    other = Registry([*toys.plugins, plugin(tmp_path, "other", "[systems.ready]")])
    with pytest.raises(Mistake, match="`ready` means several systems: other/ready, toy/ready"):
        other.named("systems", "ready")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sytems.a]", "registry.toml:1: sytems: there is no table `sytems`; did you mean `systems`?"),
        ("systems = 3", "registry.toml:1: systems: must be a table, but is 3"),
        ("systems.a = 3", "registry.toml:1: systems.a: must be a table, but is 3"),
        ("[aliases]\ncell = 3", "registry.toml:2: aliases.cell: must be a table, but is 3"),
        ("[aliases.cel]\na = 'x'", "registry.toml:2: aliases.cel.a: there is no kind `cel`; did you mean `cell`?"),
        (
            "[aliases.encoder]\na = 'toy/linaer'",
            "registry.toml:2: aliases.encoder.a: there is no encoder `toy/linaer`; did you mean `toy/linear`?",
        ),
        (
            "[aliases.encoder]\n'a/b' = 'linear'",
            "registry.toml:2: aliases.encoder.a/b: an alias must have no `/`: that is how components are named in full",
        ),
        (
            "[plugins]\ndisabel = []",
            "registry.toml:2: plugins.disabel: unknown key; did you mean `disable`? the keys are disable",
        ),
        (
            "[encoder.x]\nspec = 'a:B'",
            "registry.toml:1: encoder: there is no table `encoder`; the tables are aliases, grids, plugins, systems",
        ),
    ],
)
def test_a_wrong_workspace_is_refused(toys, tmp_path, text, fault):
    assert faults_of(toys, tmp_path, text) == [fault]


def test_every_fault_of_a_workspace_is_said_at_once(toys, tmp_path):
    assert len(faults_of(toys, tmp_path, "systems = 3\ngrids.a = 1\nx.y = 1\n[aliases.encoder]\nb = 'zzz'")) == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[encodre.x]\nspec = 'a:B'", "there is no table `encodre`; did you mean `encoder`?"),
        ("[encoder.x]\nspec = 'aB'", 'encoder.x: must be a table with `spec = "package.module:Class"`'),
        ("[encoder]\nx = 3", 'encoder.x: must be a table with `spec = "package.module:Class"`'),
        ("[encoder.x]\nspec = 'a:B'\nsumary = 'c'", "encoder.x.sumary: unknown key; did you mean `summary`?"),
        ("[encoder.x]\nspec = 'a:B'\nversion = '1'", "encoder.x.version: must be an integer, but is '1'"),
        ("[encoder.x]\nspec = 'a:B'\npaper = 1", "encoder.x.paper: must be a string, but is 1"),
        ("[kinds]\nodd = 3", 'kinds.odd: must be like "package.module:Class"'),
        ("kinds = 3", "kinds: must be a table, but is 3"),
        ("[kinds]\ncell = 'a:B'", "kind `cell` is defined twice, by core (dovetail) and bad (other-dist)"),
        ("[spaces]\nVector = 'a:B'", "space `Vector` is defined twice, by core (dovetail) and bad (other-dist)"),
    ],
)
def test_a_plugin_whose_registry_is_wrong_is_broken_and_hurts_nothing_else(toys, tmp_path, text, reason):
    file = tmp_path / "bad.toml"
    head = f"{text}\n" if not text.startswith("[") else ""
    tail = text if text.startswith("[") else ""
    file.write_text(f'{head}[plugin]\nname = "bad"\napi = 1\n{tail}', encoding="utf-8")
    bad = make_plugin("bad", file, "other-dist")
    made = Registry([*toys.plugins, bad])
    assert bad.state == "broken"
    assert reason in bad.reason
    assert "bad.toml:" in bad.reason
    assert made.find("encoder", "linear").load() is LinearSpec
    assert not [component for component in made.components.values() if component.plugin == "bad"]


def test_a_plugin_brings_kinds_spaces_and_systems(toys, tmp_path):
    odd = plugin(tmp_path, "odd", "[kinds]\nodd = 'toy_parts:OddSpec'\n[spaces]\nStrange = 'toy_parts:Strange'\n"
                 "[odd.one]\nspec = 'toy_parts:OneSpec'\n[systems.s]\n")  # fmt: skip
    user = plugin(tmp_path, "user", "[odd.two]\nspec = 'toy_parts:TwoSpec'")
    made = Registry([*toys.plugins, user, odd])
    assert [component.name for component in made.of_kind("odd")] == ["odd/one", "user/two"]
    assert made.space_name(Strange) == "Strange"
    assert "odd/s" in made.systems
    with pytest.raises(Mistake, match="kind odd: its spec base `toy_parts:OddSpec` cannot be loaded: AttributeError"):
        made.base("odd")


def test_a_plugins_own_registry_names_components_in_full(toys, tmp_path):
    text = '[systems.s]\ndataset = "toy/numbers"\nobjective = "toy/fit"\nencoder = "linear"'
    made = Registry([*toys.plugins, plugin(tmp_path, "other", text)])
    with pytest.raises(Faults, match="a plugin's registry names components in full: `toy/linear`, not `linear`"):
        made.system("s")
    assert made.system("s", {"encoder": "linear"})


def test_the_nearest_registry_that_is_no_plugins_is_the_workspace(tmp_path, monkeypatch):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "registry.toml").write_text("[systems.x]")
    (tmp_path / "a" / "registry.toml").write_text("[plugin]\nname = 'p'")
    assert find_workspace(inner) == tmp_path / "registry.toml"
    monkeypatch.chdir(inner)
    made = dovetail.registry()
    assert made.workspace == tmp_path / "registry.toml"
    assert "x" in made.systems


def test_plugins_are_switched_off_by_the_workspace_and_by_the_caller(tmp_path):
    file = tmp_path / "registry.toml"
    file.write_text("[plugins]\ndisable = ['recurrent-dropout']")
    states = {plugin.name: plugin.state for plugin in registry(file, disable=["standard"]).plugins}
    assert states["recurrent-dropout"] == states["standard"] == "disabled"
    assert states["core"] == "ready"


@pytest.mark.parametrize("value", ["'standard'", "3", "[3]"])
def test_what_is_switched_off_must_be_a_list_of_names(tmp_path, value):
    (tmp_path / "registry.toml").write_text(f"[plugins]\ndisable = {value}")
    with pytest.raises(Faults, match=r"registry\.toml:2: plugins\.disable: must be a list of plugins' names"):
        registry(tmp_path / "registry.toml")


def test_every_shipped_component_loads_and_is_of_its_kind():
    made = registry(Path(__file__).parents[2] / "registry.toml")
    assert [plugin.reason for plugin in made.plugins] == [""] * len(made.plugins)
    for component in made.components.values():
        assert issubclass(component.load(), made.base(component.kind)), component
        assert component.summary, component


def test_making_the_registry_imports_no_torch():
    code = "import sys, dovetail; dovetail.registry(); print(sorted({'torch', 'cattrs', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
