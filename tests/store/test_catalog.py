"""The catalog: what there is, how fresh, what people wrote; and files dropped into the lake."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.core import Conflict, InvalidInput, NotFound
from lineshaft.guard import Role, Subject
from lineshaft.store import Change, Field, Store, View
from tests.store.conftest import Home
from tests.store.giving import SECOND, T0, give

ME = Subject.system("test")
LIMITED = Subject("x", "x", "token", frozenset({Role.ENGINEER}), scope=("Plant/Oven",))


@pytest.fixture
def drop(home: Home) -> Path:
    folder = home.path / "lake" / "drop"
    folder.mkdir(parents=True)
    return folder


def asked(store: Store, sql: str) -> list[dict[str, object]]:
    return store.sql.ask(sql, ME).run().table.to_pylist()


def test_values_are_listed_with_their_count_and_newest_time(store: Store):
    give(store, 1, [("a", T0, 1.0), ("a", T0 + SECOND, 2.0), ("b", T0, 1.0)])
    listed = {one.name: one for one in store.catalog.list(ME)}
    assert (listed["samples"].rows, listed["samples"].newest) == (3, T0 + SECOND)
    assert (listed["latest"].rows, listed["series"].rows) == (2, 2)
    assert listed["minute"].made_of == ("samples",)
    assert store.catalog.get("samples", LIMITED).newest is None


def test_views_of_rooms_are_counted_unless_that_takes_its_time(store: Store):
    rows = [{"asset": "Plant/Oven", "at": T0}, {"asset": "Plant/Mixer", "at": T0 + SECOND}]
    fields = (Field("asset", "text"), Field("at", "time", "", "When."))
    store.sql.register(View("log", fields, lambda _: rows, "A log.", time="at", room="x"))
    store.sql.register(View("long", fields, lambda _: rows, time="at", counted=False))
    listed = {one.name: one for one in store.catalog.list(ME)}
    assert (listed["log"].rows, listed["log"].newest, listed["log"].columns) == (2, T0 + SECOND, fields)
    assert listed["long"].rows is None
    assert store.catalog.get("long", ME).rows == 2
    assert store.catalog.get("log", LIMITED).rows == 1


def test_units_meanings_and_lineage_are_written_where_the_node_does_not_know_them(home: Home, drop: Path):
    store = home.store()
    (drop / "meters.csv").write_text("shift,energy\nearly,12\n")
    store.sql.tablets.write("sums", Change(pa.table({"n": [1]})), {"made_of": ["samples"], "job": "sum"})
    change = {"columns": {"energy": {"unit": "kWh", "description": "Of the oven."}}, "made_of": ["samples"]}
    store.catalog.check(store.catalog.get("drop.meters", ME), change)
    with home.db.begin() as tx:
        store.catalog.edit(tx, "drop.meters", change)
    one = store.catalog.get("drop.meters", ME)
    assert (one.columns[1].unit, one.columns[1].description, one.made_of) == ("kWh", "Of the oven.", ("samples",))
    for name, wrong in (
        ("drop.meters", {"columns": {"enrgy": {"unit": "kWh"}}}),
        ("samples", {"columns": {"value": {"unit": "kWh"}}}),
        ("samples", {"made_of": ["lots"]}),
        ("sums", {"made_of": ["lots"]}),
    ):
        with pytest.raises(InvalidInput):
            store.catalog.check(store.catalog.get(name, ME), wrong)


def test_what_people_write_is_kept_in_versions(home: Home):
    store = home.store()
    with home.db.begin() as tx:
        assert store.catalog.edit(tx, "samples", {"owner": "Process", "tags": ["raw"]}) == 1
        assert store.catalog.edit(tx, "samples", {"description": "Ours."}, 1) == 2
    one = store.catalog.get("samples", ME)
    assert (one.owner, one.tags, one.description, one.version) == ("Process", ("raw",), "Ours.", 2)
    with pytest.raises(Conflict), home.db.begin() as tx:
        store.catalog.edit(tx, "samples", {"owner": "X"}, 1)
    with pytest.raises(InvalidInput), home.db.begin() as tx:
        store.catalog.edit(tx, "samples", {"rows": 5})
    with pytest.raises(NotFound) as told:
        store.catalog.get("smaples", ME)
    assert told.value.hint == "did you mean 'samples'?"


def test_dropped_files_become_tables(store: Store, drop: Path):
    pq.write_table(pa.table({"day": ["a", "b"], "kwh": [1.5, 2.5]}), drop / "Energy 2026.parquet")
    (drop / "lots.csv").write_text("lot;supplier\nL-1;Mill\nL-2;Müller\n")
    (drop / "notes.jsonl").write_text('{"at": "2026-01-01", "text": "x"}\n{"at": "2026-01-02", "text": "y"}\n')
    (drop / "lab").mkdir()
    (drop / "lab" / "2026.tsv").write_text("a\tb\n1\t2\n")
    listed = {one.name: one for one in store.catalog.list(ME) if one.kind == "file"}
    assert {name: one.rows for name, one in listed.items()} == {
        "drop.energy_2026": 2,
        "drop.lots": 2,
        "drop.notes": 2,
        "drop.lab_2026": 1,
    }
    assert [(c.name, c.type) for c in listed["drop.energy_2026"].columns] == [("day", "varchar"), ("kwh", "double")]
    assert asked(store, "SELECT supplier FROM drop.lots WHERE lot = 'L-2'") == [{"supplier": "Müller"}]
    assert asked(store, "SELECT sum(e.kwh) AS s FROM drop.energy_2026 e, drop.notes n WHERE n.text = 'x'") == [{"s": 4.0}]


def test_a_broken_file_is_named_and_stops_no_other(store: Store, drop: Path):
    (drop / "good.csv").write_text("a,b\n1,2\n")
    (drop / "bad.parquet").write_text("no parquet")
    (drop / "sheet.xlsx").write_text("x")
    (drop / "good.json").write_text('[{"a": 1}]')
    (drop / "coming.csv.part").write_text("a")
    (drop / "away.csv").symlink_to("/etc/hostname")
    assert [one.name for one in store.catalog.list(ME) if one.kind == "file"] == ["drop.good"]
    problems = {one.file: one.problem for one in store.catalog.problems(ME)}
    assert set(problems) == {"bad.parquet", "sheet.xlsx", "good.json", "away.csv"}
    assert "another file is already called drop.good" in problems["good.json"]
    assert "leads out of the folder" in problems["away.csv"]
    assert str(drop) not in " ".join(problems.values())
    assert asked(store, "SELECT * FROM drop.good") == [{"a": 1, "b": 2}]


def test_changed_and_removed_files_are_seen(store: Store, drop: Path):
    path = drop / "x.csv"
    path.write_text("a\n1\n")
    assert asked(store, "SELECT * FROM drop.x") == [{"a": 1}]
    path.write_text("b,c\n1,two\n")
    assert asked(store, "SELECT * FROM drop.x") == [{"b": 1, "c": "two"}]
    path.unlink()
    assert not [one for one in store.catalog.list(ME) if one.kind == "file"]


def test_files_belong_to_no_asset_so_a_limited_login_sees_none(store: Store, drop: Path):
    (drop / "x.csv").write_text("a\n1\n")
    assert [one.name for one in store.catalog.list(ME) if one.kind == "file"] == ["drop.x"]
    assert not [one for one in store.catalog.list(LIMITED) if one.kind == "file"]
    assert store.catalog.problems(LIMITED) == []
