from pathlib import Path

import attrs
from attrs import Factory, field, frozen

import dovetail
from dovetail import CellSpec, FrozenDict, ScheduleSpec, within
from dovetail.report.describe import FieldDoc, describe, describe_fields, in_toml


@frozen(kw_only=True)
class Inner(CellSpec):
    size: int = 3
    """Units."""

    def build(self, *, input): ...


@frozen(kw_only=True)
class Outer(Inner):
    rate: float | ScheduleSpec = field(default=0.5, validator=within("[0, 1)"))
    """The share that is dropped,
    in two lines."""
    many: tuple[int, ...] = field(validator=[attrs.validators.instance_of(tuple), within("[1, inf)")])
    cell: CellSpec = Factory(lambda: Inner(size=7))
    empty: CellSpec | None = None
    """Nothing."""


def test_each_field_has_its_type_default_range_and_docstring_also_inherited_ones():
    assert describe_fields(Outer) == [
        FieldDoc("size", "an integer", "3", "", "Units."),
        FieldDoc("rate", "a number or a schedule", "0.5", "[0, 1)", "The share that is dropped, in two lines."),
        FieldDoc("many", "a list, each an integer", "", "[1, inf)", ""),
        FieldDoc("cell", "a cell", '{ use = "Inner", size = 7 }', "", ""),
        FieldDoc("empty", "a cell or core/none", '"core/none"', "", "Nothing."),
    ]


def test_a_class_without_source_has_no_docstrings():
    made = attrs.make_class("Made", {"size": attrs.field(default=1, type=int)})
    assert [item.doc for item in describe_fields(made)] == [""]


def test_defaults_of_slots_have_their_components_names():
    registry = dovetail.registry()
    found = {item.name: item for item in describe(registry.find("objective", "standard/adversarial"), registry)}
    assert found["generator_optimizer"].default == '{ use = "standard/adam", lr = 0.0002, beta1 = 0.5 }'


def test_values_are_written_as_toml_has_them():
    assert in_toml(True) == "true"
    assert in_toml(Path("a/b")) == '"a/b"'
    assert in_toml((1, 0.5)) == "[1, 0.5]"
    assert in_toml(FrozenDict({"kl": 0.1})) == "{ kl = 0.1 }"
    assert in_toml(FrozenDict()) == "{}"
    assert in_toml(Inner()) == '"Inner"'


def test_every_field_of_every_component_has_a_docstring():
    registry = dovetail.registry()
    ours = {plugin.name for plugin in registry.plugins if plugin.distribution == "dovetail"}
    components = [component for component in registry.components.values() if component.plugin in ours]
    missing = [f"{each}.{item.name}" for each in components for item in describe(each) if not item.doc]
    assert not missing
