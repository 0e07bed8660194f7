import pytest


def test_a_component_shows_its_hyperparameters(dovetail):
    text = dovetail("show", "standard/exponential").out
    assert text.startswith("schedule standard/exponential, version 1\n")
    assert "start   required   a number. " in text
    assert 'by      = "epoch"  "step" or "epoch". What is counted.' in text


def test_a_component_without_any_says_so(dovetail):
    assert dovetail("show", "accuracy").out.endswith("It takes no parameters.\n")


def test_a_name_of_several_kinds_asks_which(dovetail):
    found = dovetail("show", "standard/dcgan")
    assert found.status == 2
    assert "`dovetail show generator standard/dcgan` or `dovetail show discriminator standard/dcgan`" in found.err
    assert dovetail("show", "generator", "standard/dcgan").out.startswith("generator standard/dcgan")


def test_an_alias_says_which_of_a_kind(dovetail):
    assert dovetail("show", "gru").out.startswith("cell standard/gru")


def test_a_kind_points_to_its_list(dovetail):
    assert "`dovetail list cell` lists its components" in dovetail("show", "cell").out


def test_a_system_is_filled_in(dovetail):
    lines = dovetail("show", "rows").out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["encoder", "standard/sequence"],
        ["cell", "recurrent-dropout/lstm"],
        ["hidden", "5"],
        ["dropout", "core/none"],
    ]
    assert ["lr", "0.01"] in [line.split() for line in lines]


def test_a_system_whose_data_are_not_given_is_shown_and_says_what_to_give(dovetail):
    found = dovetail("show", "text-gan/lm-small", "generator.cell.hidden=7")
    assert found.status == 0
    rows = [line.split() for line in found.out.splitlines()]
    assert ["path", "required"] in rows
    assert ["hidden", "7"] in rows
    wanted = "dataset.path must be given, as `dataset.path=…` behind the command: Folder that holds the corpus's JSON"
    assert found.out.splitlines()[-1].startswith(wanted)
    wrong = dovetail("show", "text-gan/lm-small", "generator.cell.hiden=7")
    assert wrong.status == 2
    assert "generator.cell.hiden: unknown key; did you mean `hidden`?" in wrong.err
    assert "dataset.path: is missing; it must be a path\n    write `dataset.path=…` behind the command" in wrong.err


def test_a_system_is_shown_with_changes(dovetail):
    text = dovetail("show", "rows", "encoder.cell=gru").out
    assert "standard/gru" in text
    assert "recurrent-dropout/lstm" not in text
    found = dovetail("show", "rates", "encoder.cell=gru")
    assert (found.status, found.err) == (2, "only a system can be shown with changes, and there is no system `rates`\n")


def test_a_grid_shows_its_axes_and_arms(dovetail):
    text = dovetail("show", "rates").out
    assert "axis lr  objective.optimizer.lr" in text
    assert "2 arms × 2 seeds = 4 runs:\n  lr=0.01  (base)\n  lr=1e+38\n" in text


def test_an_axis_over_whole_systems_shows_their_names(dovetail, workspace):
    with (workspace / "registry.toml").open("a") as file:
        file.write('[grids.models]\nbase = "rows"\naxes.model = { systems = { rows = "rows", misfit = "misfit" } }\n')
    text = dovetail("show", "models").out
    assert "axis model  whole systems\n  rows      rows\n  misfit    misfit\n" in text
    assert "  model=rows  (base)\n  model=misfit\n" in text
    found = dovetail("check", "models")
    assert found.status == 2
    assert "1 of 2 arms cannot be assembled\nmodel=misfit: " in found.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("standard/lsm", "did you mean `standard/lstm`?"),
        ("rowz", "did you mean `rows`?"),
        ("frechet", "did you mean standard/frechet-distance?"),
        ("xyzzy", "see `dovetail list`, `dovetail systems` and `dovetail grids`"),
    ],
)
def test_an_unknown_name_is_a_mistake_with_a_hint(dovetail, name, hint):
    found = dovetail("show", name)
    assert found.status == 2
    assert found.err == f"there is no component, system or grid `{name}`; {hint}\n"
