import pytest

from dovetail.bench.axes import spell_value
from dovetail.errors import Where
from dovetail.tables import given


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0.25, "0.25"), (1e-7, "1e-07"), (3, "3"), (True, "true"), ("core/none", "core/none"),
        ({"use": "toys/net", "width": 3}, "toys/net"), ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_a_value_without_a_name_is_its_own_label(value, label):
    assert spell_value(given(value, Where("here"))) == label
