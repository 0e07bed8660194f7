import json
import os
from pathlib import Path

import attrs
import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_parts import LinearSpec, NumbersSpec, Strange
from toy_systems import SYSTEM, make_toys

from dovetail import EncoderSpec, Mistake
from dovetail.config import BAD, FromRun, Loader, Share
from dovetail.conversion import content, space_converter, spec_converter
from dovetail.errors import Where
from dovetail.registries import registry
from dovetail.spaces import (
    Fields,
    Frames,
    Gaussian,
    Image,
    Label,
    Labels,
    Regions,
    Sequence,
    Space,
    Tokens,
    Vector,
    Vocabulary,
)
from dovetail.systems import load_saved
from dovetail.tables import given as placed

SHIPPED = registry(Path(__file__).parents[2] / "registry.toml")
COMPONENTS = sorted(SHIPPED.components.values(), key=str)


def round_trip(made, spec):
    table = json.loads(json.dumps(spec_converter(made).unstructure(spec)))
    loader = Loader(made, "saved", files=False)
    loaded = loader.slot(placed(table, Where("file")), spec.kind, made.base(spec.kind))
    loader.finish()
    return table, loaded


def at_defaults(component):
    """A component's spec with nothing given but what must be, or None where a slot must be filled."""
    loader = Loader(SHIPPED, "defaults", files=False)
    needed = {
        a.name: "some/path"
        for a in attrs.fields(component.load())
        if a.default is attrs.NOTHING and "Path" in str(a.type)
    }
    table = placed({"use": component.name, **needed}, Where("here"))
    return loader.slot(table, component.kind, SHIPPED.base(component.kind))


@pytest.mark.parametrize("component", COMPONENTS, ids=str)
def test_every_component_at_its_defaults_is_read_back_as_it_was(component):
    spec = at_defaults(component)
    if spec is BAD:
        assert any(a.default is attrs.NOTHING for a in attrs.fields(component.load()))
        return
    table, loaded = round_trip(SHIPPED, spec)
    assert loaded == spec
    assert table["use"] == component.name


NAMES = st.text("abc", min_size=1, max_size=3)
LINEARS = st.builds(
    LinearSpec,
    width=st.integers(1, 64),
    rate=st.floats(0, 1, exclude_max=True),
    form=st.sampled_from(["round", "square"]),
    scales=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    corner=st.tuples(st.integers(), st.integers()),
    names=st.dictionaries(NAMES, st.integers(), max_size=2),
    deep=st.booleans(),
    title=st.text(max_size=5),
)


@given(LINEARS)
@settings(max_examples=100, deadline=None)
def test_any_values_are_read_back_as_they_were(spec):
    assert round_trip(make_toys(), spec)[1] == spec


def test_a_stage_is_read_back_as_it_was(bench):
    text = SYSTEM + 'other_encoder = { use = "toy/pair", second = { share = "encoder" } }\ntrain = { clip = 2.0 }'
    system = bench.load(text, "metrics.right=toy/right", "encoder={ use = 'toy/many', items = ['toy/linear'] }")
    written = [json.loads(json.dumps(spec_converter(bench.registry).unstructure(stage))) for stage in system.stages]
    assert load_saved(bench.registry, "s", written, Where("file")).stages == system.stages
    assert written[0]["dataset"] == {"use": "toy/numbers", "count": 6, "features": "core/none"}
    assert written[0]["parts"]["other_encoder"]["second"] == {"share": "encoder"}


def test_an_empty_part_and_a_part_from_a_run_are_written(toys):
    converter = spec_converter(toys)
    assert converter.unstructure(FromRun("r", "encoder", False, "abc")) == {
        "from_run": "r",
        "part": "encoder",
        "frozen": False,
    }
    assert converter.unstructure(Share("a.b")) == {"share": "a.b"}


# ------------------------------------------------------------------------------------------------------------ identity


@frozen(kw_only=True)
class ManySpec(EncoderSpec):
    """Fields of each sort of identity; stands in for the toy of its name."""

    width: int = 3
    threads: int = field(default=1, metadata={"identity": False})
    later: int = field(default=5, metadata={"added": True})
    weights: str = field(default="none", metadata={"identity": lambda spec: [spec.weights.upper(), spec.width]})

    def build(self, *, input):
        return None


def identity(toys, spec):
    return spec_converter(toys, identity=True).unstructure(spec)


@pytest.fixture
def sorts(toys):
    key = ("encoder", "toy/many")
    toys.components[key] = attrs.evolve(toys.components[key], spec=f"{__name__}:ManySpec")
    return toys


def test_what_changes_no_result_is_left_out_of_the_identity(sorts):
    assert identity(sorts, ManySpec()) == {"use": "toy/many", "width": 3, "weights": ["NONE", 3]}
    assert identity(sorts, ManySpec(threads=9)) == identity(sorts, ManySpec())
    assert identity(sorts, ManySpec(later=6, weights="x")) == {
        "use": "toy/many",
        "width": 3,
        "later": 6,
        "weights": ["X", 3],
    }
    assert spec_converter(sorts).unstructure(ManySpec()) == {
        "use": "toy/many",
        "width": 3,
        "threads": 1,
        "later": 5,
        "weights": "none",
    }


def test_a_file_counts_by_its_content(toys, tmp_path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    for file, text in ((one, "same"), (two, "same"), (other, "different")):
        file.write_text(text)
    found = [identity(toys, NumbersSpec(file=file))["file"] for file in (one, two, other)]
    assert found[0] == found[1] != found[2]
    assert found[0] == "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"  # sha256 of "same"
    assert "place" not in identity(toys, NumbersSpec(place=one))
    assert spec_converter(toys).unstructure(NumbersSpec(file=one))["file"] == str(one)


def test_paths_are_written_in_full(toys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert spec_converter(toys).unstructure(NumbersSpec(place=Path("a/b")))["place"] == str(tmp_path / "a" / "b")


def test_a_folder_counts_by_its_files_and_their_names(tmp_path):
    for folder, name, text in (("a", "x/y", "1"), ("b", "x/y", "1"), ("c", "x/z", "1"), ("d", "x/y", "2")):
        (tmp_path / folder / "x").mkdir(parents=True)
        (tmp_path / folder / name).write_text(text)
    found = [content(tmp_path / folder) for folder in "abcd"]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_file_that_changed_is_read_again(tmp_path):
    (tmp_path / "x").write_text("1")
    before = content(tmp_path / "x")
    (tmp_path / "x").write_text("2")
    os.utime(tmp_path / "x", ns=(1, 1))
    assert content(tmp_path / "x") != before


def test_a_file_that_is_gone_has_no_content(tmp_path):
    with pytest.raises(Mistake, match="gone: cannot be read: No such file or directory"):
        content(tmp_path / "gone")


def test_an_earlier_run_counts_by_its_identity_which_must_be_known(toys):
    assert identity(toys, FromRun("r", "encoder", True, "abc")) == {
        "identity": "abc",
        "part": "encoder",
        "frozen": True,
    }
    with pytest.raises(Mistake, match=r"the run `r`, .* is not known: read the system with `runs=`"):
        identity(toys, FromRun("r", "encoder"))


# -------------------------------------------------------------------------------------------------------------- spaces

WORDS = Vocabulary.of(["ab", "c"], joiner="")
SIZES = st.integers(1, 9)
LENGTHS = st.none() | SIZES
IMAGES = st.builds(Image, SIZES, SIZES, SIZES, low=st.sampled_from([-1.0, 0.0]))
PLAIN = st.one_of(
    st.builds(Vector, SIZES),
    st.builds(Gaussian, SIZES),
    st.builds(Label, SIZES, names=st.lists(NAMES, max_size=2)),
    st.builds(Labels, LENGTHS, SIZES),
    st.builds(Tokens, st.just(WORDS), LENGTHS),
    st.builds(Sequence, LENGTHS, SIZES),
    IMAGES,
    st.builds(Frames, LENGTHS, IMAGES),
    st.builds(Regions, SIZES, SIZES, st.none() | st.tuples(SIZES, SIZES)),
)
SPACES = PLAIN | st.dictionaries(NAMES, PLAIN, max_size=3).map(Fields)


@given(SPACES)
@settings(max_examples=150, deadline=None)
def test_every_space_is_read_back_as_it_was(space):
    converter = space_converter(SHIPPED)
    table = json.loads(json.dumps(converter.unstructure(space)))
    assert table["space"] == type(space).__name__
    assert converter.structure(table, Space) == space


def test_an_unknown_space_is_refused(toys):
    converter = space_converter(toys)
    with pytest.raises(Mistake, match="is no known space"):
        converter.unstructure(Strange())
    with pytest.raises(Mistake, match="there is no space `os:system`"):
        converter.structure({"space": "os:system"}, Space)
