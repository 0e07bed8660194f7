from pathlib import Path

import pytest

from dovetail.errors import Faults, Mistake, Where
from dovetail.tables import given, merge, overrides, put_all, read

HERE = Where("here")


def table(**values):
    return given(values, HERE)


def changed(base, **changes):
    where = Where("change")
    return put_all(given(base, HERE), {path.replace("__", "."): given(v, where) for path, v in changes.items()})


def test_a_file_remembers_the_line_of_every_value(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("[a]\nb = [\n  1,\n  { c = 2 },\n]\n", encoding="utf-8")
    tables = read(file)
    assert tables.plain() == {"a": {"b": [1, {"c": 2}]}}
    assert str(tables.at("a.b.1.c").where) == f"{file}:4"
    assert str(tables.at("a.b.0").where) == f"{file}:3"
    assert tables.at("a.b").folder == tmp_path


def test_lines_are_right_with_the_line_ends_of_windows(tmp_path):
    file = tmp_path / "a.toml"
    file.write_bytes(b"a = 1\r\n\r\nb = 2\r\n")
    assert read(file).at("b").where.line == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a = \xff", r"x\.toml: is not UTF-8: byte 4 is 0xff"), (b"a = ", r"x\.toml: is not TOML: Invalid value")],
)
def test_a_file_that_is_no_toml_is_named(tmp_path, content, message):
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(Mistake, match=message):
        read(tmp_path / "x.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Mistake, match=r"gone\.toml: cannot be read: No such file"):
        read(tmp_path / "gone.toml")


def test_nothing_stands_at_a_path_that_leads_nowhere():
    tables = table(a=[1, {"b": 2}], c=3)
    assert [tables.at(path) for path in ("x", "a.2", "a.b", "a.-1", "c.d", "a.1.b.c", "a.²")] == [None] * 7
    assert tables.entries("c") == tables.entries("x.y") == {}


def test_a_table_changes_only_the_values_that_it_names():
    assert changed({"t": {"a": 1, "b": 2}}, t={"b": 3}).plain() == {"t": {"a": 1, "b": 3}}
    assert changed({"t": {"a": 1}}, t__c__d=4).plain() == {"t": {"a": 1, "c": {"d": 4}}}


def test_a_name_replaces_and_remembers_what_stood_there():
    merged = changed({"cell": {"use": "p/a", "n": 1}}, cell="p/b")
    assert merged.plain() == {"cell": "p/b"}
    assert merged.at("cell").previous.plain() == {"use": "p/a", "n": 1}


@pytest.mark.parametrize("key", ["use", "share", "from_run"])
def test_a_table_with_a_reserved_key_replaces_and_remembers(key):
    merged = changed({"cell": "p/a"}, cell={key: "x", "n": 2})
    assert merged.plain() == {"cell": {key: "x", "n": 2}}
    assert merged.at("cell").previous.plain() == "p/a"


def test_a_value_inside_a_slot_that_was_a_name_makes_it_a_table():
    assert changed({"cell": "p/a"}, cell__n=3).plain() == {"cell": {"use": "p/a", "n": 3}}


def test_elements_of_a_list_are_changed_by_their_index():
    assert changed({"x": [{"a": 1, "b": 2}, 5]}, x__0__b=3, x__1=6).plain() == {"x": [{"a": 1, "b": 3}, 6]}


def test_a_table_whose_keys_are_no_indices_replaces_a_list():
    assert changed({"x": [1]}, x={"1": 6}).plain() == {"x": {"1": 6}}


def test_a_list_and_a_number_replace():
    assert changed({"x": [1, 2], "y": {"a": 1}}, x=[3], y=4).plain() == {"x": [3], "y": 4}


def test_slots_are_set_first_and_then_what_lies_inside_them():
    merged = changed({"e": "p/a"}, **{"e.cell.n": 3, "e": "p/b", "e.cell": "p/c"})
    assert merged.plain() == {"e": {"use": "p/b", "cell": {"use": "p/c", "n": 3}}}


def test_where_nothing_stood_the_new_stays_as_it_is():
    assert merge(None, table(a=1)).plain() == {"a": 1}


def test_overrides_are_toml_values_or_else_texts():
    texts = ["a=1", "b.c=0.5", "d=true", 'e="x=y"', "f=p/q", "g=../x y", "h=[1, 2]", "i={ use = 'p/q' }", "j=", "k=007"]
    found = {path: value.plain() for path, value in overrides(texts).items()}
    assert found == {
        "a": 1, "b.c": 0.5, "d": True, "e": "x=y", "f": "p/q", "g": "../x y", "h": [1, 2], "i": {"use": "p/q"},
        "j": "", "k": "007",
    }  # fmt: skip
    assert str(overrides(["a=1"])["a"].where) == "override `a=1`"
    assert overrides(["a=1"])["a"].folder == Path.cwd()


def test_an_override_that_is_given_twice_is_a_fault():
    with pytest.raises(Faults, match=r"override `a = 2`: a: is given twice"):
        overrides(["a=1", "b=2", "a = 2"])


def test_a_mark_of_byte_order_is_no_part_of_a_file(tmp_path):
    (tmp_path / "r.toml").write_bytes("\ufeffa = 1".encode())
    assert read(tmp_path / "r.toml").plain() == {"a": 1}


def test_every_override_that_is_none_is_named():
    with pytest.raises(Faults) as error:
        overrides(["a", "=1", "x=1", "a..b=2"])
    assert [str(fault.where) for fault in error.value.faults] == ["override `a`", "override `=1`", "override `a..b=2`"]
    assert "must be `path=value`, like `train.epochs=3`" in str(error.value)
