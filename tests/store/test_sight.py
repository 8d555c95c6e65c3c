"""Columns taken away from dropped files, which lie in the engine itself; nested and broken JSON stops no other file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineshaft.core import Forbidden
from lineshaft.guard import Role, Sight, Subject, Veil
from lineshaft.guard.veil import Taken
from lineshaft.store import SqlError, Store

ME = Subject("x", "x", "person", frozenset({Role.PLANNER}))
VEILED = replace(ME, veil=Veil(("drop.secret",), (Taken("drop.*", "cost", Sight.HIDDEN), Taken("*", "who", Sight.MASKED))))


@pytest.fixture
def dropped(store: Store) -> Store:
    folder = store.sql.drop.folder
    folder.mkdir(parents=True)
    (folder / "energy.csv").write_text("who,cost,kwh\nAnna,987.5,1\nBo,987.5,2\n")
    (folder / "secret.csv").write_text("a\n1\n")
    (folder / "nested.json").write_text('[{"a": {"b": [1, 2]}, "who": "Anna"}, {"a": {"b": []}, "who": null}]')
    (folder / "broken.json").write_text('[{"a": 1}, {"a": ')
    return store


def rows(store: Store, sql: str) -> list[dict[str, object]]:
    return store.sql.ask(sql, VEILED).run().table.to_pylist()


@pytest.mark.parametrize("name", ["drop.energy", "drop.energy energy", "(SELECT * FROM drop.energy)", "DROP.ENERGY e"])
def test_a_dropped_file_shows_what_may_be_seen(dropped: Store, name: str):
    assert rows(dropped, f"SELECT * FROM {name} ORDER BY kwh") == [{"who": "•••", "kwh": 1}, {"who": "•••", "kwh": 2}]


def test_what_is_taken_cannot_be_asked_for(dropped: Store):
    with pytest.raises(SqlError):
        rows(dropped, "SELECT cost FROM drop.energy")
    with pytest.raises(SqlError):
        rows(dropped, "SELECT kwh FROM drop.energy WHERE cost > 1")
    with pytest.raises(Forbidden):
        rows(dropped, "SELECT * FROM drop.secret")
    assert rows(dropped, "SELECT kwh FROM drop.energy WHERE who = 'Anna'") == []
    assert "drop.secret" not in {one.name for one in dropped.catalog.list(VEILED)}
    assert [one.name for one in dropped.catalog.get("drop.energy", VEILED).columns] == ["who", "kwh"]


def test_nested_json_is_read_and_a_broken_file_is_told(dropped: Store):
    assert rows(dropped, "SELECT a.b AS b, who FROM drop.nested LIMIT 1") == [{"b": [1, 2], "who": "•••"}]
    assert [one.file for one in dropped.catalog.problems(ME)] == ["broken.json"]
