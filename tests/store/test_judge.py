from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from lineshaft.assets import Assets
from lineshaft.core import SAMPLES, Batch, now_ns
from lineshaft.store import HINTS, STORED, Store, Tag
from tests.store.conftest import Home
from tests.store.giving import SECOND, T0, batch, give, plain

MODEL = """
model: Pump
version: 1
properties:
  - {name: Vibration, kind: measurement, type: double, unit: mm/s}
  - {name: State, kind: measurement, type: integer}
  - {name: Running, kind: measurement, type: boolean}
  - {name: Serial, kind: measurement, type: string}
  - {name: Recipe, kind: measurement, type: json}
"""
PLANT = """
assets:
  - {name: P1, model: Pump, source: m, tag_prefix: "P1/"}
"""


@pytest.fixture
def bound(home: Home, tmp_path: Path) -> Store:
    """A store whose tags P1/... are bound to properties of every type."""
    folder = tmp_path / "plant"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "pump.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    assets = Assets(home.db, home.bus)
    assets.load(folder)
    return home.store(assets)


def test_the_future_is_rejected_and_counted(store: Store):
    now = now_ns()
    stored = give(store, 1, [("a", now, 1.0), ("a", now + 601 * SECOND, 2.0), ("b", now + 590 * SECOND, 3.0)])
    assert stored.rejected == [("a", now + 601 * SECOND, "future")]
    assert stored.rejected_rows == (1,)
    assert stored.rows.schema == STORED
    assert stored.rows.num_rows == 2
    row = next(row for row in store.ledger() if row.tag == "a")
    assert (row.received, row.stored, row.rejected, row.balance) == (2, 1, {"future": 1}, 0)


def test_the_limit_is_a_setting(home: Home):
    store = home.store(future_limit="1h")
    assert give(store, 1, [("a", now_ns() + 3000 * SECOND, 1.0)]).rejected == []


def test_before_1970_and_strange_quality_are_rejected(store: Store):
    stored = give(store, 1, [("a", -1, 1.0), ("a", T0, 1.0, 7), ("a", T0, 1.0, -1), ("a", 0, 1.0)])
    assert [r.reason for r in stored.rejected] == ["past", "quality", "quality"]
    assert plain(store.history(Tag("m", "a"), -1, T0)) == [(0, 1.0, 0)]


def test_a_value_of_the_wrong_type_is_rejected_and_the_rest_kept(bound: Store):
    rows = [
        ("P1/Vibration", T0, 1.5),
        ("P1/Vibration", T0 + 1, 2),
        ("P1/Vibration", T0 + 2, "loud"),
        ("P1/Vibration", T0 + 3, True),
        ("P1/State", T0, 4),
        ("P1/State", T0 + 1, 4.5),
        ("P1/Running", T0, True),
        ("P1/Running", T0 + 1, 2),
        ("P1/Running", T0 + 2, 0),
        ("P1/Running", T0 + 3, 1),
        ("P1/Serial", T0, "x"),
        ("P1/Serial", T0 + 1, 1.0),
        ("P1/Recipe", T0, '{"sugar": 2}'),
        ("P1/Recipe", T0 + 1, "{sugar"),
        ("P1/State", T0 + 2, None),
    ]
    stored = give(bound, 1, rows)
    assert [(r.tag, r.reason) for r in stored.rejected] == [
        ("P1/Vibration", "type"),
        ("P1/Vibration", "type"),
        ("P1/State", "type"),
        ("P1/Running", "type"),
        ("P1/Serial", "type"),
        ("P1/Recipe", "json"),
    ]
    assert all(r.reason in HINTS for r in stored.rejected)
    vibration = plain(bound.history("P1/Vibration", 0, 2**62))
    assert vibration == [(T0, 1.5, 0), (T0 + 1, 2.0, 0)]
    assert type(vibration[1][1]) is float, "an integer of a PLC is a fine double"
    running = plain(bound.history("P1/Running", 0, 2**62))
    assert running == [(T0, True, 0), (T0 + 2, False, 0), (T0 + 3, True, 0)], "0 and 1 are a fine boolean"
    assert [row.value for row in bound.latest(["P1/State", "P1/Running", "P1/Serial", "P1/Recipe"]) if row] == [
        None,
        True,
        "x",
        '{"sugar": 2}',
    ]
    assert all(row.balance == 0 for row in bound.ledger())


def test_unbound_tags_are_kept_whatever_their_type(bound: Store):
    give(bound, 1, [("new", T0, 1.0), ("new", T0 + 1, "text"), ("new", T0 + 2, 3)])
    assert [row.stored for row in bound.ledger() if row.tag == "new"] == [3]


def test_a_batch_of_an_unknown_version_or_shape_is_rejected_whole_and_stops_nothing_else(store: Store):
    good, other = batch(1, [("a", T0, 1.0)]), batch(2, [("a", T0 + 1, 1.0), ("b", T0, 1.0)])
    newer = Batch("m", 2, T0, other.rows, version=99)
    odd = Batch("m", 3, T0, pa.RecordBatch.from_pydict({"tag": ["a"], "temperature": ["hot"]}))
    stored = store.append([newer, odd, good])
    store.show(stored)
    assert [[r.reason for r in s.rejected] for s in stored] == [["version", "version"], ["schema"], []]
    assert plain(store.history(Tag("m", "a"), 0, 2**62)) == [(T0, 1.0, 0)]
    assert {row.tag: dict(row.rejected) for row in store.ledger()} == {"a": {"version": 1, "schema": 1}, "b": {"version": 1}}


def test_a_row_without_a_tag_a_time_or_a_quality_is_rejected_alone(store: Store):
    whole = batch(1, [("a", T0 + n, float(n)) for n in range(5)]).rows
    columns = dict(zip(whole.schema.names, whole.columns, strict=True))
    columns["ts"] = pa.array([T0, None, T0 + 2, T0 + 3, T0 + 4], pa.timestamp("ns", "UTC"))
    columns["q"] = pa.array([0, 0, None, 9, 0], pa.int16())
    columns["tag"] = pa.array(["a", "a", "a", "a", None]).dictionary_encode()
    torn = Batch("m", 1, T0, pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))
    stored = store.append([torn, torn])
    store.show(stored)
    assert plain(store.history(Tag("m", "a"), 0, 2**62)) == [(T0, 0.0, 0)]
    assert [(r.tag, r.reason) for r in stored[0].rejected] == [("a", "schema"), ("a", "schema"), ("a", "quality"), ("", "schema")]
    assert stored[0].rejected_rows == (1, 2, 3, 4)
    assert stored[1].duplicate == 5
    received = {("m", "a"): 4, ("m", ""): 1}  # a redelivery is not received again
    assert [row.balance for row in store.ledger(received)] == [0, 0]


def test_plain_text_tags_are_as_good_as_a_dictionary(store: Store):
    rows = batch(1, [("a", T0, 1.0)]).rows
    schema = pa.schema([pa.field("tag", pa.string()), *list(SAMPLES)[1:]])
    store.show(store.append([Batch("m", 1, T0, rows.cast(schema))]))
    assert plain(store.history(Tag("m", "a"), 0, 2**62)) == [(T0, 1.0, 0)]


def test_nan_and_null_are_kept_and_never_computed_with(store: Store):
    give(
        store, 1, [("a", T0 + 1, 2.0), ("a", T0 + 2, math.nan), ("a", T0 + 3, None), ("a", T0 + 4, 9.0, 2), ("a", T0 + 5, 8.0, 1)]
    )
    assert len(store.history(Tag("m", "a"), 0, 2**62)) == 5
    table = store.aggregates(Tag("m", "a"), 60 * SECOND, T0, T0 + 60 * SECOND)
    assert plain(table) == [(T0 + 60 * SECOND, 1, 2.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0)]
    found = store.before(Tag("m", "a"), T0 + 10)
    assert found is not None
    assert (found.ts, found.value) == (T0 + 1, 2.0)
    latest = store.latest([Tag("m", "a")])[0]
    assert latest is not None
    assert (latest.ts, latest.quality) == (T0 + 5, 1)


def _half_a_text(count: int = 1) -> pa.Array:
    places = pa.py_buffer(b"".join((3 * n).to_bytes(4, "little") for n in range(count + 1)))
    return pa.Array.from_buffers(pa.string(), count, [None, places, pa.py_buffer(b"\xff\xfe\xfa" * count)])


@pytest.mark.parametrize("column", ["vs", "tag"])
def test_bytes_that_are_no_text_are_refused_and_stop_no_later_start(home: Home, column: str):
    rows = batch(1, [("a", T0, "x")]).rows
    bad = _half_a_text()
    new = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), bad) if column == "tag" else bad
    place = SAMPLES.get_field_index(column)
    damaged = rows.set_column(place, SAMPLES.field(place), new)
    store = home.store()
    stored = store.append([Batch("m", 1, T0, damaged)])
    store.show(stored)
    assert [one.reason for one in stored[0].rejected] == ["damaged"]
    assert HINTS["damaged"]
    give(store, 2, [("a", T0, "good")])
    store = home.crash().store()
    assert plain(store.history(Tag("m", "a"), T0 - 1, T0))[0][1] == "good"
    assert sum(row.rejected.get("damaged", 0) for row in store.ledger()) == 1
