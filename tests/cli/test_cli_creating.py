import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import dovetail as library
from dovetail.bibliography import read_references
from dovetail.cli import scaffold
from dovetail.errors import Mistake
from dovetail.tables import read

ROOT = Path(__file__).parents[2]
CORE_KINDS = sorted(read(ROOT / "core/dovetail/registry.toml").entries("kinds"))
FILES = {
    *(".github/workflows/tests.yml", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"),
    *(
        f"src/dovetail_first_try/{name}"
        for name in ("__init__.py", "plugin.py", "registry.toml", "references.bib", "examples.py", "mgu.py")
    ),
    *("tests/test_conformance.py", "tests/test_mgu.py"),
}


def files_in(folder):
    """Every file's text by its path below the folder, without what Python leaves."""
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix(): file.read_bytes().decode() for file in files}


def install(root, path):
    """What `pip install -e` leaves for others to find: the distribution's name and its entry points."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    about = root / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["dovetail"].items())
    (about / "entry_points.txt").write_text(f"[dovetail]\n{points}")
    path(str(root / "src"))


PLAIN = scaffold.About()


@pytest.fixture
def make(workspace, monkeypatch):
    """Makes and installs the plugin `first-try` with a component and what is said of it; its folder."""
    before = {*sys.modules}

    def made(component=("cell", "mgu"), about=PLAIN):
        folder = workspace / "dovetail-first-try"
        assert scaffold.make_plugin("first-try", folder, component, about).root == folder
        install(folder, monkeypatch.syspath_prepend)
        return folder

    yield made
    for name in {*sys.modules} - before:
        if name.startswith("dovetail_first_try"):
            del sys.modules[name]


@pytest.fixture
def plugin(make):
    """The folder of a new plugin, `first-try`, which is installed."""
    return make()


@pytest.fixture
def inside(plugin, monkeypatch):
    """The same, as the current folder."""
    monkeypatch.chdir(plugin)
    return plugin


@pytest.fixture
def every_kind(plugin):
    """The plugin with a component of every kind, each called after it."""
    for kind in CORE_KINDS:
        scaffold.make_component(scaffold.find_home(plugin), kind, f"my-{kind}", PLAIN)
    return plugin


# --------------------------------------------------------------------------------------------------------- new plugin


def test_a_new_plugin_has_every_file_and_says_what_comes_next(dovetail, workspace):
    found = dovetail("new", "plugin", "first-try")
    assert (found.status, found.err) == (0, "")
    made = files_in(workspace / "dovetail-first-try")
    assert {*made} == FILES
    assert not [path for path, text in made.items() if re.search(r"\$(?!\{\{|\$? ?(pip|pytest|dovetail))", text)]
    assert "made dovetail-first-try, the plugin first-try with the cell first-try/mgu\n" in found.out
    assert "\n  cd dovetail-first-try\n" in found.out
    registry = "src/dovetail_first_try/registry.toml"
    assert "  summary = 'A recurrent cell whose one gate both forgets and resets': " + f"{registry}:11\n" in found.out
    assert f"  paper = 'zhou2016mgu': {registry}:12\n" in found.out
    assert made["LICENSE"] == (ROOT / "LICENSE").read_text()
    assert made["pyproject.toml"].count("first-try") == 2
    assert "python-version: ${{ matrix.python }}" in made[".github/workflows/tests.yml"]
    assert "$ dovetail grid first-try/cells" in made["README.md"]


def test_it_is_listed_and_shown_and_fits_without_an_edit(plugin, dovetail):
    assert re.search(
        r"^first-try +ready +dovetail-first-try 0\.1\.0 +A recurrent cell", dovetail("plugins").out, re.MULTILINE
    )
    assert "  first-try/mgu" in dovetail("list", "cell").out
    assert "the sooner what was read is forgotten" in dovetail("show", "first-try/mgu").out
    assert "first-try/mgu\n" in dovetail("fits", "rows", "encoder.cell").out
    assert "3 arms × 3 seeds = 9 runs" in dovetail("check", "first-try/cells").out


def test_its_cell_runs_in_our_system_by_name(plugin, dovetail):
    found = dovetail("run", "rows", "encoder.cell=first-try/mgu", "train.device=cpu")
    assert found.status == 0, found.err
    assert "recurrent-dropout/lstm → first-try/mgu: kept hidden" in found.err
    assert "rows seed=0: accuracy.test" in found.err


def test_a_folder_of_another_name_can_be_made_and_an_empty_one_filled(dovetail, workspace, monkeypatch):
    assert dovetail("new", "plugin", "first-try", "--path", "deep/mine").status == 0
    (workspace / "empty").mkdir()
    monkeypatch.chdir(workspace / "empty")
    found = dovetail("new", "plugin", "first-try", "--path", ".")
    assert found.status == 0
    assert "cd " not in found.out
    assert files_in(workspace / "deep/mine") == files_in(Path.cwd())
    assert {*files_in(Path.cwd())} == FILES


@pytest.mark.parametrize("name", ["dovetail-first-try/README.md", "dovetail-first-try"])
def test_nothing_that_is_there_is_overwritten(dovetail, workspace, name):
    (workspace / name).parent.mkdir(exist_ok=True)
    (workspace / name).write_text("mine")
    before = files_in(workspace)
    found = dovetail("new", "plugin", "first-try")
    assert found.status == 2
    assert "dovetail-first-try: must not be there, or be an empty folder; `--path FOLDER`" in found.err
    assert files_in(workspace) == before


@pytest.mark.parametrize("there", [False, True])
def test_a_plugin_that_cannot_be_written_leaves_nothing(dovetail, workspace, monkeypatch, there):
    if there:
        (workspace / "dovetail-first-try").mkdir()
    write = Path.write_bytes

    def full(file, data):
        if file.name.startswith(".test_mgu"):
            raise OSError(28, "No space left on device", str(file))
        return write(file, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    found = dovetail("new", "plugin", "first-try")
    assert found.status == 1
    assert "No space left on device" in found.err
    left = {path.name for path in workspace.rglob("*")}
    assert left == {"registry.toml", *(["dovetail-first-try"] if there else [])}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My_Plugin", "but is 'My_Plugin'; did you mean `my-plugin`?"),
        ("MyPlugin", "did you mean `my-plugin`?"),
        ("2nd", "did you mean `nd`?"),
        ("a--b", "did you mean `a-b`?"),
        ("../up", "did you mean `up`?"),
        ("é", "but is 'é'\n"),
        ("dovetail-mine", "did you mean `mine`?"),
        ("standard", "is taken by a plugin that is installed, of the distribution dovetail"),
        ("core", "is taken by a plugin that is installed, of the distribution dovetail"),
        ("recurrent-dropout", "is taken by a plugin"),
        ("class", "`class` is a word of Python's; did you mean `my-class`?"),
        ("json", "`json` is a module of Python's own; did you mean `my-json`?"),
        ("torch", "`torch` is a package of the distribution torch, which is installed; did you mean `my-torch`?"),
        ("sklearn", "is a package of the distribution scikit-learn"),
    ],
)
def test_a_plugins_name_must_be_one_and_be_free(dovetail, workspace, name, says):
    found = dovetail("new", "plugin", name)
    assert found.status == 2
    assert says in found.err
    assert [*files_in(workspace)] == ["registry.toml"]


def test_a_package_that_is_there_is_not_hidden(dovetail, workspace, monkeypatch):
    (workspace / "path/dovetail_hidden").mkdir(parents=True)
    (workspace / "path/dovetail_hidden/__init__.py").touch()
    monkeypatch.syspath_prepend(str(workspace / "path"))
    found = dovetail("new", "plugin", "hidden")
    assert found.status == 2
    assert "the name `hidden` is taken: a package `dovetail_hidden` is installed" in found.err


def test_making_a_plugin_imports_no_torch(workspace):
    script = "import sys\nfrom dovetail.cli.main import main\ntry:\n    main(['new', 'plugin', 'light'])\n"
    script += "except SystemExit as end:\n    assert end.code == 0\nassert 'torch' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=workspace, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", CORE_KINDS)
def test_a_plugin_may_begin_with_any_kind(make, dovetail, kind):
    folder = make((kind, "my-first"))
    made = files_in(folder)
    summary = tomllib.loads(made["src/dovetail_first_try/registry.toml"])["plugin"]["summary"]
    assert re.search(rf"^  first-try/my-first +{re.escape(summary)}$", dovetail("list", kind).out, re.MULTILINE)
    assert kind == "cell" or "mgu" not in "".join(made.values())
    assert not [path for path, text in made.items() if re.search(r"\$(?!\{\{|\$? ?(pip|pytest|dovetail))", text)]
    for command, what in (("run", "systems"), ("grid", "grids")):
        names = [name for name in getattr(library.registry(), what) if name.startswith("first-try/")]
        assert len(names) == (kind not in ("attention", "decoding"))
        for name in names:
            assert f"$ dovetail {command} {name}\n" in made["README.md"]
            found = dovetail("check", name)
            assert found.status == 0, found.err


def test_the_first_component_is_given_by_kind_and_name(dovetail, workspace):
    found = dovetail(
        "new", "plugin", "first-try", "--component", "metric/top-two", "--summary", 'In "two"', "--paper", ""
    )
    assert (found.status, found.err) == (0, "")
    assert "made dovetail-first-try, the plugin first-try with the metric first-try/top-two\n" in found.out
    assert "  dovetail grid first-try/metrics\n" in found.out
    made = files_in(workspace / "dovetail-first-try")
    registry = tomllib.loads(made["src/dovetail_first_try/registry.toml"])
    assert registry["metric"]["top-two"] == {
        "spec": "dovetail_first_try.top_two:TopTwoSpec",
        "summary": 'In "two"',
        "version": 1,
    }
    assert (
        registry["plugin"]["summary"] == tomllib.loads(made["pyproject.toml"])["project"]["description"] == 'In "two"'
    )
    assert made["src/dovetail_first_try/top_two.py"].startswith(
        '"""In \\"two\\".\n\nAs made, this is the method of another'
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--component", "metric"), "by its kind and its name, like `metric/my-metric`"),
        (("--component", "metrik/mine"), "there is no kind `metrik`; did you mean `metric`?"),
        (("--component", "metric/Mine"), "did you mean `mine`?"),
        (("--component", "metric/examples"), "every plugin has a module or a test `examples`; did you mean"),
        (("--component", "cell/gru"), "the name `gru` is that of what a cell is compared with in a new plugin's grid"),
        (("--summary", "two\nlines"), "a summary must be one line of text"),
        (("--summary", " "), "a summary must be one line of text"),
        (("--paper", "Zhou et al."), "a paper is named by its key in references.bib, like `zhou2016mgu`"),
    ],
)
def test_a_first_component_that_cannot_be_is_refused(dovetail, workspace, words, says):
    found = dovetail("new", "plugin", "first-try", *words)
    assert found.status == 2
    assert says in found.err
    assert [*files_in(workspace)] == ["registry.toml"]


# ------------------------------------------------------------------------------------------------------ new component


def test_a_component_says_what_is_left_to_do(inside, dovetail):
    found = dovetail("new", "component", "cell", "one", "--paper", "mine2026", "--summary", "One of mine")
    package = "src/dovetail_first_try"
    assert f"to make yours:\n  the method: {package}/one.py, with its test and its examples\n" in found.out
    assert f"  the entry of mine2026, which is not there yet: {package}/references.bib\nnext:\n" in found.out
    assert found.out.endswith(
        "  dovetail check first-try/digits encoder.cell=first-try/one\n"
        "  dovetail run first-try/digits encoder.cell=first-try/one\n"
    )
    assert dovetail("check", "first-try/digits", "encoder.cell=first-try/one").status == 0
    red = dovetail("test-plugin", "first-try", "one", "--only", "paper")
    assert red.status == 1
    assert "has no entry `mine2026`: add it, as BibTeX" in red.out
    with (inside / package / "references.bib").open("a") as file:
        file.write("\n@misc{mine2026,\n  title = {{Mine}, and \\{ others}\n}\n\nand more")
    assert dovetail("test-plugin", "first-try", "one", "--only", "paper").status == 0
    shown = dovetail("show", "first-try/one").out
    assert shown.startswith("cell first-try/one, version 1, mine2026\nOne of mine\n")
    assert shown.endswith("\n\n@misc{mine2026,\n  title = {{Mine}, and \\{ others}\n}\n")


def test_a_component_of_each_kind_says_where_it_may_stand(inside, dovetail):
    for kind in CORE_KINDS:
        *_, check, run = dovetail("new", "component", kind, f"a-{kind}").out.splitlines()
        path = scaffold.SLOTS.get(kind, "SLOT").replace("NAME", f"a-{kind}")
        assert check.endswith(f" {path}=first-try/a-{kind}")
        assert run == check.replace("dovetail check", "dovetail run")
    assert dovetail("check", "first-try/digits", "objective.optimizer.lr=first-try/a-schedule").status == 0
    assert dovetail("check", "first-try/digits", "metrics.a-metric=first-try/a-metric").status == 0
    assert dovetail("check", "first-try/digits", "objective.optimizer=first-try/a-optimizer").status == 0


def test_each_template_has_the_entry_of_its_paper(every_kind, dovetail):
    known = read_references(every_kind / "src/dovetail_first_try/references.bib")
    papers = {c.paper for c in library.registry().components.values() if c.plugin == "first-try"}
    assert {*known} == papers
    assert len(papers) == len(CORE_KINDS) - 1  # a generator and a discriminator have one
    assert dovetail("show", "first-try/my-metric").out.endswith(f"\n\n{known['brodersen2010']}\n")


def test_there_is_a_template_for_each_kind_of_the_core():
    assert scaffold.template_kinds() == CORE_KINDS


def test_a_component_of_each_kind_is_known_by_its_name(every_kind, dovetail):
    registry = library.registry()
    for kind in CORE_KINDS:
        component = registry.find(kind, f"first-try/my-{kind}")
        assert issubclass(component.load(), registry.base(kind))
        assert component.summary
        assert component.paper
    shown = dovetail("show", "cell", "first-try/my-cell").out
    assert shown.startswith("cell first-try/my-cell, version 1, zhou2016mgu\n")


@pytest.mark.slow
def test_their_own_tests_and_the_kit_pass(every_kind):
    """In a process of its own, as whoever made them runs them."""
    path = os.pathsep.join([str(every_kind / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=every_kind,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 10 * len(CORE_KINDS)
    assert "skipped" not in done.stdout


def test_they_train_together(every_kind, dovetail, workspace):
    """All but the attention and the decoding, which no system of ours has a slot for."""
    (workspace / "registry.toml").write_text("""\
[systems.points]
dataset = { use = "first-try/my-dataset", train = 64, valid = 32, test = 32 }
encoder = { use = "first-try/my-encoder", size = 8 }
metrics = { balance = "first-try/my-metric" }
train   = { epochs = 1, batch = 16, watch = "balance", device = "cpu" }
[systems.points.objective]
use       = "first-try/my-objective"
optimizer = { use = "first-try/my-optimizer", lr = { use = "first-try/my-schedule", peak = 0.01, warmup = 4 } }

[systems.drawn]
dataset       = { use = "standard/digits" }
generator     = { use = "first-try/my-generator", hidden = 8 }
discriminator = { use = "first-try/my-discriminator", hidden = 8 }
objective     = { use = "standard/adversarial" }
train         = { epochs = 1, batch = 64, limit = 2, device = "cpu" }
""")
    for system, told in (("points", "points seed=0: balance.test"), ("drawn", "drawn seed=0:")):
        found = dovetail("run", system)
        assert found.status == 0, found.err
        assert told in found.err


def test_the_attention_reads_what_resembles_its_query(every_kind):
    spec = library.registry().spec("attention", "first-try/my-attention", temperature=0.01)
    attention = spec.build(memory=library.Regions(3, 4), query=library.Vector(4))
    torch.nn.init.eye_(attention.match.weight)
    memory = torch.eye(4)[None, :3]
    read, weights, _ = attention(memory, torch.eye(4)[1:2], attention.initial_state(1))
    assert torch.allclose(read, torch.eye(4)[1:2])
    attention.output.check(read)
    assert weights.argmax().item() == 1


def test_a_component_is_made_from_anywhere_inside_of_the_plugin(plugin, dovetail, monkeypatch):
    monkeypatch.chdir(plugin / "tests")
    found = dovetail("new", "component", "cell", "deep")
    assert found.out.startswith("made a cell, first-try/deep:\n  ../src/dovetail_first_try/deep.py\n")
    assert "pytest test_deep.py\n  dovetail show cell first-try/deep\n" in found.out
    assert "pip install" not in found.out


def test_a_plugin_that_is_not_installed_is_told_how_to_be(dovetail, workspace, monkeypatch):
    dovetail("new", "plugin", "first-try")
    monkeypatch.chdir(workspace / "dovetail-first-try")
    assert 'pip install -e ".[dev]"' in dovetail("new", "component", "cell", "one").out


def test_other_lines_stay_as_they_are(plugin, dovetail, monkeypatch):
    monkeypatch.chdir(plugin)
    before = files_in(plugin)
    dovetail("new", "component", "encoder", "one")
    after = files_in(plugin)
    assert {path for path in after if after[path] != before.get(path)} == {
        "src/dovetail_first_try/one.py",
        "src/dovetail_first_try/registry.toml",
        "src/dovetail_first_try/examples.py",
        "src/dovetail_first_try/references.bib",
        "tests/test_one.py",
    }
    entry = after["src/dovetail_first_try/registry.toml"].index("[encoder.one]")
    assert after["src/dovetail_first_try/registry.toml"].index("[cell.mgu]") < entry
    assert entry < after["src/dovetail_first_try/registry.toml"].index("# ---")
    for name in ("registry.toml", "examples.py", "references.bib"):
        old, new = (files[f"src/dovetail_first_try/{name}"].splitlines() for files in (before, after))
        rest = iter(new)
        assert all(line in rest for line in old)


ENTRY = '[cell.new]\nspec = "p.new:NewSpec"\n'
ABOUT = '[plugin]\nname = "p"\napi = 1\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ABOUT, f"{ABOUT}\n{ENTRY}"),
        (ABOUT.rstrip(), f"{ABOUT.rstrip()}\n\n{ENTRY.rstrip()}"),
        (f"{ABOUT}\n[systems.a]\n", f"{ABOUT}\n{ENTRY}\n[systems.a]\n"),
        (f"{ABOUT}[systems.a]\n", f"{ABOUT}\n{ENTRY}\n[systems.a]\n"),
        (
            f'{ABOUT}\n[cell.old] # mine\nspec = "p:O"\n# of old\n\n# of a\n\n[systems.a]\n\n[grids.b]\n# b\n',
            f'{ABOUT}\n[cell.old] # mine\nspec = "p:O"\n# of old\n\n{ENTRY}\n# of a\n\n[systems.a]\n\n[grids.b]\n# b\n',
        ),
        (
            f'[systems.a]\n{ABOUT}[cell]\nold = {{ spec = "p:O" }}\n\n\n# end\n',
            f'[systems.a]\n{ABOUT}[cell]\nold = {{ spec = "p:O" }}\n\n{ENTRY}\n\n# end\n',
        ),
        (
            f'{ABOUT}summary = """\n[cell.x]\n\n# no comment\n"""\n\n[grids.b]\n',
            f'{ABOUT}summary = """\n[cell.x]\n\n# no comment\n"""\n\n{ENTRY}\n[grids.b]\n',
        ),
        (
            f"{ABOUT}\n[systems.a]\n".replace("\n", "\r\n"),
            f"{ABOUT}\n{ENTRY}\n[systems.a]\n".replace("\n", "\r\n"),
        ),
    ],
)
def test_an_entry_goes_behind_the_components(text, expected):
    assert scaffold.with_entry(text, ENTRY) == expected


def test_a_registry_that_has_no_place_for_a_table_is_left_as_it_is(plugin, dovetail, monkeypatch):
    monkeypatch.chdir(plugin)
    file = plugin / "src/dovetail_first_try/registry.toml"
    file.write_text('cell = { old = { spec = "p:O" } }\n' + ABOUT)
    before = files_in(plugin)
    found = dovetail("new", "component", "cell", "one")
    assert found.status == 2
    assert "there is no place for a table in this registry.toml; write it by hand:\n\n[cell.one]\n" in found.err
    assert files_in(plugin) == before


def test_a_component_that_cannot_be_written_leaves_nothing(plugin, dovetail, monkeypatch):
    monkeypatch.chdir(plugin)
    before, write = files_in(plugin), Path.write_bytes

    def full(file, data):
        if file.name.startswith(".registry"):
            raise OSError(28, "No space left on device", str(file))
        return write(file, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert dovetail("new", "component", "cell", "one").status == 1
    assert files_in(plugin) == before


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("cell", "Big_Cell", "did you mean `big-cell`?"),
        (
            "cell",
            "lambda",
            "`lambda` is a word of Python's, and its module could not be imported; did you mean `lambda-cell`?",
        ),
        ("cell", "cell", "`cell` is a kind, whose spec base its own class would hide; did you mean `my-cell`?"),
        ("cell", "mgu", "registry.toml:9: the plugin first-try has the cell `mgu` already"),
        ("encoder", "mgu", "mgu.py is there already; choose another name, like `mgu-encoder`"),
        ("cell", "plugin", "plugin.py is there already"),
        ("cell", "conformance", "test_conformance.py is there already"),
        ("cel", "one", "there is no kind `cel`; did you mean `cell`?"),
        (
            "dropout",
            "one",
            "no template for the kind `dropout`, which the plugin recurrent-dropout defines: there are attention",
        ),
    ],
)
def test_a_components_kind_and_name_must_be_ones_and_be_free(inside, dovetail, kind, name, says):
    before = files_in(inside)
    found = dovetail("new", "component", kind, name)
    assert found.status == 2
    assert says in found.err
    assert files_in(inside) == before


def test_a_kind_of_another_plugin_is_told_what_to_go_by(plugin, dovetail):
    found = dovetail("new", "component", "dropout", "one")
    assert (
        "spec base dovetail_recurrent_dropout.dropout:DropoutSpec, and dovetail_recurrent_dropout.forward" in found.err
    )


def test_outside_of_a_plugin_there_is_no_place_for_a_component(dovetail, workspace):
    found = dovetail("new", "component", "cell", "one")
    assert found.status == 2
    assert f"no plugin is in {workspace.resolve()} or above it" in found.err
    (workspace / "pyproject.toml").write_text('[project.entry-points.dovetail]\nmine = "mine.plugin"\n')
    found = dovetail("new", "component", "cell", "one")
    assert found.status == 2
    assert (
        "registry.toml with a table [plugin] must lie beside the module that its entry point names: mine" in found.err
    )


def test_of_several_plugins_the_folder_says_which():
    with pytest.raises(Mistake, match=r"has several plugins: hacap, recurrent-dropout, standard, .*; go to the folder"):
        scaffold.find_home(ROOT)
    home = scaffold.find_home(ROOT / "plugins/dovetail_standard")
    assert (home.plugin, home.package, home.root) == ("standard", "dovetail_standard", ROOT)


def test_a_plugin_without_examples_gets_none_and_is_told(plugin, dovetail, monkeypatch):
    monkeypatch.chdir(plugin)
    file = plugin / "src/dovetail_first_try/registry.toml"
    file.write_text(re.sub(r"examples = .*\n", "", file.read_text()))
    before = files_in(plugin)["src/dovetail_first_try/examples.py"]
    found = dovetail("new", "component", "cell", "one")
    assert "it has no small configurations" in found.out
    assert files_in(plugin)["src/dovetail_first_try/examples.py"] == before


# ---------------------------------------------------------------------------------------------------------- packaging


def test_the_templates_are_in_the_wheel_and_in_the_sdist():
    templates = {path.relative_to(ROOT / "core").as_posix() for path in scaffold.TEMPLATES.rglob("*.template")}
    # two files of a plugin are its component's, and no system of a plugin has a slot for an attention or a decoding
    assert len(templates) == len(FILES) - 2 + 6 * len(CORE_KINDS) - 2
    for builder, above in ((WheelBuilder, ""), (SdistBuilder, "core/")):
        packed = {file.distribution_path for file in builder(str(ROOT)).recurse_included_files()}
        assert {f"{above}{path}" for path in templates} <= packed


@pytest.mark.slow
def test_pip_installs_it_and_its_wheel_has_its_registry(plugin, workspace):
    """Into an environment of its own, which sees the packages of this one."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words):
        done = subprocess.run(words, cwd=plugin, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "--without-pip", str(workspace / "venv"))
    python = str(workspace / "venv/bin/python")
    (site,) = (workspace / "venv/lib").glob("*/site-packages")
    seen = [path for path in sys.path if path.endswith(("site-packages", "core", "plugins"))]
    (site / "first.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in seen))
    for options in (["-e"], []):
        run(python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", *options, ".")
        listed = run(python, "-m", "dovetail.cli.main", "list", "cell")
        assert "  first-try/mgu" in listed
    assert (site / "dovetail_first_try/registry.toml").is_file()
    assert "passed" in run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_mgu.py")
    run(python, "-m", "pip", "uninstall", "-qy", "dovetail-first-try")
    assert "first-try" not in run(python, "-m", "dovetail.cli.main", "list", "cell")
