from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest

from lineshaft.assets import Assets
from lineshaft.core import InvalidInput, NotFound
from lineshaft.store import NEVER, Store, Tag
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain

A = Tag("m", "a")
MINUTE = 60 * SECOND
PLACES = ["hot", "lake", "both", "late", "compacted"]


def spread(store: Store, rows: list[tuple[object, ...]], place: str) -> None:
    """Give rows so that they lie in memory, in the lake, in both, partly late, or compacted."""
    first, rest = (rows, []) if place in ("hot", "lake") else (rows[::2], rows[1::2])
    give(store, 1, first)
    if place != "hot":
        store.flush()
    if rest:
        give(store, 2, rest)
    if place in ("late", "compacted"):
        store.flush()
    if place == "compacted":
        store.compact()


@pytest.mark.parametrize("place", PLACES)
def test_a_range_is_open_at_its_start_and_closed_at_its_end_to_the_nanosecond(store: Store, place: str):
    spread(store, [("a", T0 + n, float(n)) for n in (0, 1, 2, 999, 1000, 1001, 2000)], place)
    assert [row[1] for row in plain(store.history(A, T0 + 1, T0 + 1000))] == [2.0, 999.0, 1000.0]
    assert [row[1] for row in plain(store.history(A, T0 + 999, T0 + 1001, descending=True))] == [1001.0, 1000.0]
    assert plain(store.history(A, T0 + 5, T0 + 5)) == []
    assert plain(store.history(A, T0 + 9, T0 + 5)) == []


@pytest.mark.parametrize("place", PLACES)
def test_aggregates_are_over_windows_stamped_at_their_end(store: Store, place: str):
    values = {T0: 1.0, T0 + 1: 2.0, T0 + 30 * SECOND: 4.0, T0 + MINUTE: 6.0, T0 + MINUTE + 1: 8.0, T0 + 3 * MINUTE: -1.0}
    spread(store, [("a", ts, value) for ts, value in values.items()], place)
    table = store.aggregates(A, MINUTE, T0 - MINUTE, T0 + 3 * MINUTE)
    assert table.schema.names == ["ts", "n", "avg", "min", "max", "sum", "stdev", "first", "last"]
    assert plain(table) == [
        (T0, 1, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0),
        (T0 + MINUTE, 3, 4.0, 2.0, 6.0, 12.0, pytest.approx(statistics.pstdev([2, 4, 6])), 2.0, 6.0),
        (T0 + 2 * MINUTE, 1, 8.0, 8.0, 8.0, 8.0, 0.0, 8.0, 8.0),
        (T0 + 3 * MINUTE, 1, -1.0, -1.0, -1.0, -1.0, 0.0, -1.0, -1.0),
    ]


def test_a_window_that_is_not_wholly_asked_for_is_left_out_unless_partial(store: Store):
    give(store, 1, [("a", T0 + n * 10 * SECOND, float(n)) for n in range(1, 19)])
    asked = (A, MINUTE, T0 + 30 * SECOND, T0 + 150 * SECOND, ["sum"])
    assert plain(store.aggregates(*asked)) == [(T0 + 2 * MINUTE, 6, 57.0)]
    assert [row[:2] for row in plain(store.aggregates(*asked, partial=True))] == [
        (T0 + MINUTE, 3),
        (T0 + 2 * MINUTE, 6),
        (T0 + 3 * MINUTE, 3),
    ]


def test_weeks_end_on_monday_and_text_is_only_counted(store: Store):
    monday = T0 + 4 * DAY  # 2026-01-05
    give(store, 1, [("a", monday, 1.0), ("a", monday + 1, 2.0), ("s", monday, "x"), ("s", monday - 1, "y"), ("b", monday, True)])
    week = 7 * DAY
    assert [row[0] for row in plain(store.aggregates(A, week, monday - week, monday + week))] == [monday, monday + week]
    assert plain(store.aggregates(Tag("m", "s"), week, monday - week, monday, ["avg", "last"])) == [(monday, 2, None, None)]
    assert plain(store.aggregates(Tag("m", "b"), week, monday - week, monday, [])) == [(monday, 1)]


def test_an_aggregate_nobody_knows_is_named(store: Store):
    with pytest.raises(InvalidInput, match=r"there is no aggregate 'median'.*known are: avg"):
        store.aggregates(A, MINUTE, T0, T0 + MINUTE, ["median"])
    with pytest.raises(InvalidInput, match="longer than nothing"):
        store.aggregates(A, 0, T0, T0 + MINUTE)


@pytest.mark.parametrize("place", PLACES)
def test_span_carries_the_last_good_row_before_its_start(store: Store, place: str):
    rows = [
        ("a", T0, 1.0),
        ("a", T0 + 1, 2.0),
        ("a", T0 + 2, 3.0, 2),
        ("a", T0 + 10, 4.0),
        ("b", T0 + 3, 7),
        ("c", T0 + 20, True),
    ]
    spread(store, [*rows, ("a", T0 + 40 * DAY, 9.0), ("b", T0 + 40 * DAY, 9)], place)
    sids = store.sids("m", ["a", "b", "c", "d"])
    table = store.span(sids, T0 + 5, T0 + 20, carry=True)
    assert table.schema.names == ["sid", "ts", "v", "vi", "vs", "vb", "q"]
    assert plain(table) == [
        (0, T0 + 1, 2.0, None, None, None, 0),
        (0, T0 + 10, 4.0, None, None, None, 0),
        (1, T0 + 3, None, 7, None, None, 0),
        (2, T0 + 20, None, None, None, True, 0),
    ]
    assert [row[0] for row in plain(store.span(sids, T0 + 5, T0 + 20))] == [0, 2]
    assert len(store.span([], T0, T0 + 1, carry=True)) == 0


@pytest.mark.parametrize("place", ["hot", "lake"])
def test_many_series_at_once(store: Store, place: str):
    tags = [f"t{n}" for n in range(300)]
    spread(store, [(tag, T0 + n, float(n)) for n, tag in enumerate(tags)], place)
    sids = store.sids("m", tags)
    assert len(store.span(sids[::3], T0 - 1, T0 + 300)) == 100
    ts, values, quality = store.latest_sids(np.append(sids, 9999))
    assert values[:300].tolist() == [float(n) for n in range(300)]
    assert (int(ts[300]), int(quality[300])) == (NEVER, 2)
    assert np.isnan(values[300])


def test_pages_do_not_shift_when_older_rows_arrive_between_them(store: Store):
    give(store, 1, [("a", T0 + n * 10, float(n)) for n in range(10)])
    one = store.history(A, 0, 2**62, limit=4)
    give(store, 2, [("a", T0 + 5, 99.0), ("a", T0 + 30, 3.0, 1)])
    two = store.history(A, 0, 2**62, limit=100, after=store.page(one))
    assert [row[1] for row in plain(one)] == [0.0, 1.0, 2.0, 3.0]
    assert [(row[1], row[2]) for row in plain(two)] == [(3.0, 1)] + [(float(n), 0) for n in range(4, 10)]
    with pytest.raises(InvalidInput, match="is not a page"):
        store.history(A, 0, 1, after="nonsense")


def test_the_same_time_with_another_quality_is_another_row_and_the_latest_arrival_is_the_latest(store: Store):
    give(store, 1, [("a", T0, 1.0, 0), ("a", T0, 2.0, 2), ("a", T0, 3.0, 0)])
    assert plain(store.history(A, 0, 2**62)) == [(T0, 3.0, 0), (T0, 2.0, 2)]
    latest = store.latest([A])[0]
    assert latest is not None
    assert (latest.value, latest.quality) == (3.0, 0)


MODEL = "model: Pump\nversion: 1\nproperties:\n  - {name: Flow, kind: measurement, type: double, unit: l/min}\n"
PLANT = "assets:\n  - {name: P1, model: Pump, source: m, tags: {Flow: a}}\n"


@pytest.fixture
def assets(home: Home, tmp_path: Path) -> Assets:
    folder = tmp_path / "plant"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "pump.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    assets = Assets(home.db, home.bus)
    assets.load(folder)
    return assets


def test_a_property_follows_its_binding_through_time(home: Home, assets: Assets):
    store = home.store(assets)
    give(store, 1, [(tag, T0 + n * SECOND, n * 10 + offset) for n in range(6) for tag, offset in (("a", 0), ("b", 1))])
    with home.db.begin() as tx:
        assets.bind(tx, "P1/Flow", "m", "b", T0 + 3 * SECOND)
    store.meaning_changed()
    for place in ("hot", "lake"):
        values = [row[1] for row in plain(store.history("P1/Flow", 0, 2**62))]
        assert values == [0.0, 10.0, 20.0, 31.0, 41.0, 51.0], place
        before = store.before("P1/Flow", T0 + 2 * SECOND + 5)
        assert before is not None
        assert (before.value, before.unit) == (20.0, "l/min")
        latest = store.latest(["P1/Flow", assets.property("P1/Flow")])
        assert [row.value for row in latest if row] == [51.0, 51.0]
        store.flush()
    named = {row["tag"]: row["property"] for row in store.series().to_pylist()}
    assert named == {"a": None, "b": "P1/Flow"}


def test_a_path_that_is_not_there_is_named_with_the_nearest(home: Home, assets: Assets):
    store = home.store(assets)
    with pytest.raises(NotFound, match="did you mean 'P1/Flow'"):
        store.latest(["P1/Flaw"])
    assert store.latest(["P1/Flow", Tag("m", "nothing")]) == [None, None]
    assert plain(store.history("P1/Flow", 0, 2**62)) == []


def test_a_store_without_a_model_reads_by_source_and_tag_only(store: Store):
    with pytest.raises(NotFound, match="load a plant model"):
        store.history("P1/Flow", 0, 1)
