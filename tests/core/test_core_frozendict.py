import pytest

from dovetail.frozendict import FrozenDict


def test_it_is_a_mapping_that_is_hashable_and_comparable():
    one, two = FrozenDict({"a": 1, "b": 2}), FrozenDict({"b": 2, "a": 1})
    assert one == two == {"a": 1, "b": 2}
    assert hash(one) == hash(two)
    assert one != FrozenDict({"a": 1})
    assert (one["a"], list(one), len(one), repr(one)) == (1, ["a", "b"], 2, "{'a': 1, 'b': 2}")
    assert FrozenDict() == {}


def test_it_does_not_change_with_what_it_was_made_of():
    source = {"a": 1}
    made = FrozenDict(source)
    source["a"] = 2
    assert made["a"] == 1
    with pytest.raises(TypeError):
        made["a"] = 2
