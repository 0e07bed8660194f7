import hashlib
import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.bench.identity import arm_key, canonical, canonical_spec, identify, measured, run_key

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(plain)
def test_canonical_json_reads_back_and_is_the_same_for_any_order_of_keys(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert text.isascii()
    if isinstance(value, dict):
        assert canonical(dict(reversed(value.items()))) == text


def test_canonical_json_is_known_to_the_byte():
    text = canonical({"b": [1, 1.0, 0.1, 1e-7, True, None], "a": "é\n"})
    assert text == '{"a":"\\u00e9\\n","b":[1,1.0,0.1,1e-07,true,null]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


def key(system, seed=0):
    return run_key(system, seed, ["data"])


def test_the_key_is_the_digest_of_the_filled_in_spec_the_data_and_the_seed(workplace):
    system = workplace.system()
    text = canonical({"system": canonical_spec(system), "data": ["data"], "seed": 5})
    assert key(system, 5) == hashlib.sha256(text.encode()).hexdigest()
    assert canonical_spec(system)[0]["encoder" if "encoder" in canonical_spec(system)[0] else "parts"]
    assert key(system, 5) != key(system, 6)
    assert key(system) != run_key(system, 0, ["other data"])


@pytest.mark.parametrize(
    "change",
    [
        {"train__device": "cpu"}, {"train__workers": 2}, {"train__checkpoint": 1.0}, {"encoder__speed": 3},
        {"dataset__data": "b"}, {"dataset__place": "."}, {"objective__sleep": 0.5},
        {"metrics__more": "toys/mean"}, {"encoder__later": 0.0}, {"encoder__width": 4},
        {"objective__optimizer__lr": 5e-2},
    ],
)  # fmt: skip
def test_what_does_not_change_results_is_not_in_the_key(workplace, change):
    assert key(workplace.system(**change)) == key(workplace.system())


@pytest.mark.parametrize(
    "change",
    [
        {"encoder__width": 3}, {"train__epochs": 2}, {"train__threads": 2}, {"encoder__later": 0.5},
        {"dataset__count": 12}, {"objective__optimizer__lr": 0.051}, {"train__watch": "right"}, {"critic": "toys/net"},
    ],
)  # fmt: skip
def test_what_changes_results_is_in_the_key(workplace, change):
    assert key(workplace.system(**change)) != key(workplace.system())


def test_only_the_watched_metric_counts(workplace):
    watched = {"train__watch": "right", "metrics__more": "toys/mean"}
    keys = {name: key(workplace.system(**watched, **{f"metrics__{name}__values": [0.5]})) for name in ("right", "more")}
    assert keys["more"] == key(workplace.system(train__watch="right"))
    assert keys["right"] != keys["more"]
    table = {"train__watch": "t.share", "metrics__t": "toys/table"}
    assert key(workplace.system(**table)) != key(workplace.system(train__watch="right"))


def test_arms_with_data_from_two_places_are_two_before_the_data_are_opened(workplace):
    places = [arm_key(workplace.system(dataset__place=place)) for place in (".", "..", ".")]
    assert places[0] != places[1]
    assert places[0] == places[2]
    assert arm_key(workplace.system(encoder__width=3)) != arm_key(workplace.system())
    assert arm_key(workplace.system(train__workers=2)) == arm_key(workplace.system())


def test_a_components_version_is_in_the_identity_and_not_in_the_key(workplace):
    system = workplace.system(metrics__more="toys/table")
    before = identify(system, 0, ["one"])
    assert before.key == run_key(system, 0, ["one"])
    assert before.made_of["version of objective toys/fit"] == 3
    assert "version of optimizer standard/adam" in before.made_of
    assert not any("metric" in name for name in before.made_of)
    raise_version(system.registry, "objective", "toys/fit")
    newer = identify(system, 0, ["one"])
    assert newer.key == before.key
    assert newer.identity != before.identity
    assert newer.changes(before.made_of) == ["version of objective toys/fit: 3 → 4"]
    assert before.changes(before.made_of) == []


def test_a_watched_metrics_version_is_in_the_identity(workplace):
    made_of = identify(workplace.system(train__watch="right"), 0, ["one"]).made_of
    assert made_of["version of metric toys/mean"] == 1


def test_what_a_run_was_measured_by_says_the_metrics_and_their_versions_as_json_holds_them(workplace):
    system = workplace.system(metrics__right__values=[0.5, 1.0])
    found = measured(system)
    assert found == {
        "right": {"metric": {"use": "toys/mean", "values": [0.5, 1.0]}, "versions": {"metric toys/mean": 1}}
    }
    assert json.loads(json.dumps(found)) == found
    raise_version(system.registry, "metric", "toys/mean")
    assert measured(system)["right"]["versions"] == {"metric toys/mean": 2}


def test_stages_are_apart_in_the_key_and_in_the_identity(workplace):
    system = workplace.system("staged")
    assert [stage["name"] for stage in canonical_spec(system)] == ["first", "then", "last"]
    assert identify(system, 0, ["a", "b", "c"]).key != identify(system, 0, ["a", "c", "b"]).key


def raise_version(registry, kind, name):
    component = registry.components[kind, name]
    registry.components[kind, name] = attrs.evolve(component, version=component.version + 1)
