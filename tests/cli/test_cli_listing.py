import dovetail


def test_components_are_listed_by_kind(dovetail):
    lines = dovetail("list", "optimizer").out.splitlines()
    assert lines[0] == "optimizer"
    assert [line.split()[0] for line in lines[1:5]] == [
        "standard/adam",
        "standard/adamw",
        "standard/rmsprop",
        "standard/sgd",
    ]
    everything = dovetail("list").out
    assert "\ndropout\n" in everything
    assert "standard/classify" in everything


def test_an_unknown_kind_is_a_mistake(dovetail):
    found = dovetail("list", "cel")
    assert (found.status, found.out) == (2, "")
    assert found.err == "there is no kind `cel`; did you mean `cell`?\n"


def test_plugins_say_what_became_of_them(dovetail):
    found = dovetail("--no-plugin", "recurrent-dropout", "plugins").out
    rows = {line.split()[0]: line.split()[1] for line in found.splitlines()[1:]}
    assert rows["standard"] == "ready"
    assert rows["recurrent-dropout"] == "disabled"


def test_the_components_of_a_broken_plugin_are_missed(dovetail, workspace, monkeypatch):
    about = workspace / "path/dovetail_odd-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dovetail-odd\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[dovetail]\nodd = dovetail_odd.plugin\n")
    monkeypatch.syspath_prepend(str(workspace / "path"))
    found = dovetail("list", "optimizer")
    assert found.status == 0
    assert found.err == "plugin odd is broken, and its components are not listed: `dovetail plugins` says why\n"
    assert dovetail("--no-plugin", "odd", "list").err == ""


def test_systems_and_grids_have_their_summaries(dovetail):
    own = ("--no-plugin", "recurrent-dropout", "--no-plugin", "text-gan", "--no-plugin", "hacap")
    unknown = dovetail("--no-plugin", "recurent-dropout", "grids")
    assert (unknown.status, unknown.out) == (2, "")
    assert "--no-plugin: there is no plugin `recurent-dropout`; did you mean `recurrent-dropout`?" in unknown.err
    assert dovetail(*own, "systems").out.splitlines() == ["drawn", "misfit", "rows    Digits, row by row"]
    assert dovetail(*own, "grids").out == "rates  One rate that works and one that cannot\n"


def test_a_workspace_without_grids_says_so(dovetail, workspace):
    (workspace / "registry.toml").write_text("")
    found = dovetail("--no-plugin", "recurrent-dropout", "--no-plugin", "text-gan", "--no-plugin", "hacap", "grids")
    assert (found.status, found.out) == (0, "")
    assert found.err == f"there are no grids; {workspace}/registry.toml has none\n"


def test_every_system_and_grid_that_a_plugin_ships_says_what_it_is():
    found = dovetail.registry()
    silent = [
        name for table in (found.systems, found.grids) for name, entry in table.items() if not entry.at("summary")
    ]
    assert len(found.systems) > 20
    assert [name for name in silent if "/" in name] == []
