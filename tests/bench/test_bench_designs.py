import pytest

from dovetail.bench.axes import Axis
from dovetail.bench.designs import combinations
from dovetail.config import Loader
from dovetail.errors import Where
from dovetail.registries import Registry
from dovetail.tables import given

AXES = {
    name: Axis(name, f"path.{name}", {str(value): given(value, Where("axis")) for value in values})
    for name, values in {"a": (1, 2), "b": (3, 4), "c": (5, 6, 7)}.items()
}


def designs(*tables):
    """The combinations as words like `a1 b3`, and the faults."""
    loader = Loader(Registry([]), "grid g")
    written = given(list(tables), Where("file", 1)) if tables else None
    found = combinations(loader, written, AXES)
    return [" ".join(f"{k}{v}" for k, v in labels.items()) for labels in found], [str(fault) for fault in loader.faults]


def fault(*tables):
    _, (one,) = designs(*tables)
    return one


def test_without_designs_it_is_the_product_of_all_axes():
    found, _ = designs()
    assert len(found) == len(set(found)) == 12
    assert found[0] == "a1 b3 c5"
    assert found[-1] == "a2 b4 c7"


def test_a_product_is_over_the_axes_that_it_names():
    assert designs({"kind": "product", "axes": ["b", "a"]}) == (["b3 a1", "b3 a2", "b4 a1", "b4 a2"], [])


def test_a_zip_goes_along_its_axes_together():
    assert designs({"kind": "zip", "axes": ["a", "b"]}) == (["a1 b3", "a2 b4"], [])
    assert "a zip needs axes with as many options each, but a has 2, c has 3" in fault(
        {"kind": "zip", "axes": ["a", "c"]}
    )


def test_a_list_is_what_it_lists():
    assert designs({"kind": "list", "arms": [{"a": 2, "c": "5"}, {"b": 3}]}) == (["a2 c5", "b3"], [])


def test_the_designs_are_united_without_repeats():
    found, _ = designs(
        {"kind": "list", "arms": [{"a": 1, "b": 3}, {"c": 7}]},
        {"kind": "zip", "axes": ["a", "b"]},
        {"kind": "list", "arms": [{"b": 3, "a": 1}]},
    )
    assert found == ["a1 b3", "c7", "a2 b4"]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"kind": "produkt"}, "must be product, zip, list, search, but is 'produkt'\n    did you mean `product`?"),
        ({"axes": ["a"]}, "designs.0.kind: must be product, zip, list, search, but is None"),
        ({"kind": 3}, "designs.0.kind: must be product, zip, list, search, but is 3"),
        ({"kind": ["zip"]}, "designs.0.kind: must be product, zip, list, search, but is ['zip']"),
        ("product", "designs.0.kind: must be product, zip, list, search, but is None"),
        ({"kind": "zip", "axis": ["a"]}, "designs.0.axis: unknown key; did you mean `axes`?"),
        ({"kind": "product", "axes": ["a", "d"]}, "designs.0.axes: there is no axis `d`; the axes are a, b, c"),
        ({"kind": "product", "axes": "a"}, "designs.0.axes: must be a list"),
        ({"kind": "product", "axes": [["a"]]}, "designs.0.axes.0: must be a string"),
        ({"kind": "list"}, 'designs.0.arms: must be a list of tables like { axis = "label" }'),
        ({"kind": "list", "arms": [{"d": 1}]}, "designs.0.arms.0.d: there is no axis `d`; the axes are a, b, c"),
        ({"kind": "list", "arms": [{"a": 5}]}, "designs.0.arms.0.a: there is no option `5`; the options are 1, 2"),
        ({"kind": "list", "arms": [1]}, "designs.0.arms.0: must be a table, but is 1"),
    ],
)  # fmt: skip
def test_a_design_that_is_wrong_is_a_fault(design, message):
    assert message in designs(design)[1][0]


def test_designs_that_are_no_list_are_a_fault():
    loader = Loader(Registry([]), "grid g")
    assert combinations(loader, given({"kind": "product"}, Where("file", 1)), AXES) == []
    assert "designs: must be a list, but is {'kind': 'product'}" in str(loader.faults[0])
