import os
import sqlite3
import time

import pytest

from dovetail.bench.index import FILE, Index


def test_the_index_holds_what_the_folders_say_and_follows_them(workplace):
    assert Index(workplace.store.path).about() == {}
    run = workplace.train()
    about = Index(workplace.store.path).about()
    assert about[run.folder.name] == {key: run.folder.about()[key] for key in ("name", "seed", "key", "identity")}
    other = workplace.train(seed=1).folder
    assert Index(workplace.store.path).names() == [run.folder.name, other.name]
    other.path.rename(workplace.folder / "elsewhere")
    assert Index(workplace.store.path).names() == [run.folder.name]


@pytest.mark.parametrize("damage", ["deleted", "rubbish", "empty", "other-table"])
def test_an_index_that_is_damaged_is_made_anew(workplace, damage):
    run = workplace.train()
    index, file = Index(workplace.store.path), workplace.store.path / FILE
    before = index.about()
    if damage == "deleted":
        file.unlink()
    elif damage == "other-table":
        file.unlink()
        with sqlite3.connect(file) as database:
            database.execute("CREATE TABLE runs (moon TEXT)")
        database.close()
    else:
        file.write_bytes(b"rubbish" * 1000 if damage == "rubbish" else b"")
    assert index.about() == before == Index(workplace.store.path).about()
    assert list(before) == [run.folder.name]


def test_a_run_that_changed_is_read_again_and_a_damaged_one_hides_no_other(workplace):
    one, two = workplace.train().folder, workplace.train(seed=1).folder
    index = Index(workplace.store.path)
    index.about()
    one.file("run.json").write_text("{", encoding="utf-8")
    os.utime(one.file("run.json"), ns=(time.time_ns(), time.time_ns() + 10**9))
    about = index.about()
    assert about[one.name] == {"name": None, "seed": None, "key": None, "identity": None}
    assert about[two.name]["seed"] == 1
    assert [folder.name for folder in workplace.store.runs()] == [one.name, two.name]


def test_a_known_run_is_not_opened_again(workplace):
    folder = workplace.train().folder
    index = Index(workplace.store.path)
    before = index.about()
    changed = folder.file("run.json").stat()
    folder.file("run.json").write_text("{", encoding="utf-8")
    os.utime(folder.file("run.json"), ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert index.about() == before


def test_a_store_where_no_index_can_be_written_is_read_all_the_same(workplace, monkeypatch):
    run = workplace.train()
    connect = sqlite3.connect

    def refuse(place, **options):
        if place != ":memory:":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return connect(place, **options)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert Index(workplace.store.path).names() == [run.folder.name]
