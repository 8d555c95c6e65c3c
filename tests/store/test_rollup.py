from __future__ import annotations

import itertools
import math
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.core import InvalidInput
from lineshaft.store import Store, Tag
from lineshaft.store.flush import Keeper
from lineshaft.store.index import ROLL_UPS, File
from lineshaft.store.lake import Lake
from lineshaft.store.reader import Reader
from lineshaft.store.samples import collect
from lineshaft.store.stored import Sids
from lineshaft.store.windows import plan, touched
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain
from tests.store.test_crash import Cut, cut_at
from tests.store.test_sql import ME

A, B = Tag("m", "a"), Tag("m", "b")
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
ALL = ("avg", "min", "max", "sum", "stdev", "first", "last")


@contextmanager
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answer from the rows only."""
    with monkeypatch.context() as patch:
        patch.setattr("lineshaft.store.aggregate.table_for", lambda _: None)
        yield


def near(mine: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> None:
    assert [row[:2] for row in mine] == [row[:2] for row in other]
    for one, two in zip(mine, other, strict=True):
        for a, b in zip(one[2:], two[2:], strict=True):
            assert a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7), (one, two)  # type: ignore[arg-type]


def listened(patch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return a list that stretches of time are added to whose rows are read."""
    asked: list[tuple[int, int]] = []
    whole = Reader.rows

    def rows(reader: Reader, sids: Sids, start: int, end: int) -> str:
        asked.append((start, end))
        return whole(reader, sids, start, end)

    patch.setattr(Reader, "rows", rows)
    return asked


def rolled(store: Store) -> list[File]:
    return [file for file in store._keeper.files() if file.kind in ROLL_UPS]


def two_days(n: int = 400) -> list[tuple[object, ...]]:
    step = 2 * DAY // n
    return [("a", T0 + i * step, float(i % 17) - 3.0) for i in range(n)] + [("b", T0 + i * step + 1, i) for i in range(n)]


VALUE = st.one_of(
    st.floats(-1e6, 1e6), st.integers(-1000, 1000), st.booleans(), st.text(max_size=2), st.just(math.nan), st.none()
)
GRID = [T0 + d * DAY + s * SECOND + ns for d in (0, 1, 2) for s in (-61, -60, 0, 1, 59, 60, 61, 3600) for ns in (-1, 0, 1)]
TIME = st.one_of(st.sampled_from(GRID), st.integers(T0 - HOUR, T0 + 2 * DAY + 2 * HOUR))
ROW = st.tuples(st.sampled_from(["a", "b"]), TIME, VALUE, st.sampled_from([0, 0, 0, 1, 2]))
STEP = st.one_of(st.lists(ROW, min_size=1, max_size=40), st.sampled_from(["flush", "compact", "compact"]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEP, min_size=3, max_size=9),
    window=st.sampled_from([MINUTE, 5 * MINUTE, HOUR, 7 * HOUR, DAY, 7 * DAY, 90 * SECOND]),
    offsets=st.tuples(TIME, TIME),
    partial=st.booleans(),
)
def test_roll_ups_and_rows_give_the_same(tmp_path_factory, monkeypatch, steps, window, offsets, partial):
    one = Home(tmp_path_factory.mktemp("home"))
    try:
        store = one.store()
        for seq, step in enumerate(steps, 1):
            if step == "flush":
                store.flush()
            elif step == "compact":
                store.flush()
                store.compact()
            else:
                give(store, seq, step)
        for start, end in ((min(offsets), max(offsets)), (0, 2**62)):
            for ref in (A, B):
                mine = plain(store.aggregates(ref, window, start, end, ALL, partial=partial))
                with raw(monkeypatch):
                    near(mine, plain(store.aggregates(ref, window, start, end, ALL, partial=partial)))
            both = plain(store.aggregates_of([A, B, A], window, start, end, ("min", "last"), partial=partial))
            alone = [
                (n, *row)
                for n, ref in enumerate((A, B, A))
                for row in plain(store.aggregates(ref, window, start, end, ("min", "last"), partial=partial))
            ]
            assert both == alone
    finally:
        one.close()
        one.db.close()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=7), view=st.sampled_from(["minute", "hour"]))
def test_sql_says_the_same_with_and_without_roll_ups(tmp_path_factory, monkeypatch, steps, view):
    one = Home(tmp_path_factory.mktemp("home"))
    try:
        store = one.store()
        for seq, step in enumerate([*steps, "compact", *steps[:1]], 1):
            if step == "flush":
                store.flush()
            elif step == "compact":
                store.flush()
                store.compact()
            else:
                give(store, seq, step)
        columns = "tag || epoch_ns(ts) as ts_, n, average, minimum, maximum, total, first, last"
        sql = f"select {columns} from {view} order by tag, ts"
        mine = [tuple(row.values()) for row in store.sql.ask(sql, ME).run().table.to_pylist()]
        with monkeypatch.context() as patch:
            patch.setattr("lineshaft.store.samples._from_roll_ups", lambda _, __, span, *___: ([span], ""))
            near(mine, [tuple(row.values()) for row in store.sql.ask(sql, ME).run().table.to_pylist()])
    finally:
        one.close()
        one.db.close()


def test_a_compacted_day_is_answered_from_roll_ups_alone(store: Store, monkeypatch):
    give(store, 1, two_days())
    store.flush()
    store.compact()
    assert sorted({file.kind for file in rolled(store)}) == ["hour", "minute"]
    monkeypatch.setattr(Reader, "rows", lambda *_: pytest.fail("the rows were read"))
    hours = plain(store.aggregates(A, HOUR, T0, T0 + DAY, ("avg", "last")))
    assert len(hours) == 24
    assert (
        len(plain(store.aggregates_of([A, B], DAY, T0 - DAY, T0 + 2 * DAY))) == 5
    )  # one of them is the midnight that began the first day


def test_a_late_row_is_seen_at_once_and_only_its_windows_are_computed_anew(store: Store, monkeypatch):
    give(store, 1, two_days())
    store.flush()
    store.compact()
    late = T0 + 5 * HOUR + 1234
    for place in ("memory", "late", "compacted"):
        if place == "memory":
            give(store, 2, [("a", late, 1000.0), ("a", T0, -1000.0)])
        elif place == "late":
            store.flush()
        else:
            store.compact()
        with monkeypatch.context() as patch:
            asked = listened(patch)
            found = {row[0]: row[1:] for row in plain(store.aggregates(A, HOUR, T0 - HOUR, T0 + 2 * DAY, ("min", "max")))}
        assert found[T0] == (1, -1000.0, -1000.0)
        assert found[T0 + 6 * HOUR][2] == 1000.0
        seconds = sum(b - a for a, b in asked)
        assert seconds == (0 if place == "compacted" else 2 * HOUR), place


def test_files_without_roll_ups_get_them_without_being_rewritten(home: Home):
    store = home.store()
    give(store, 1, two_days())
    store.flush()
    before = [file.name for file in store._keeper.files() if file.kind == "samples"]
    assert store.compact() == 0
    assert [file.name for file in store._keeper.files() if file.kind == "samples"] == before
    assert sorted(file.of for file in rolled(store)) == sorted(2 * before)
    assert store.compact() == 0
    assert store._compactor.due(T0 + 400 * DAY) == []


def test_roll_ups_of_replaced_files_go_with_them_and_are_swept_up(home: Home):
    store = home.store()
    give(store, 1, two_days())
    store.flush()
    store.compact()
    give(store, 2, [("a", T0 + 1, 5.0)])
    store.flush()
    store.compact()
    names = {file.name for file in store._keeper.files() if file.kind == "samples"}
    assert {file.of for file in rolled(store)} == names
    assert store.sweep(2**62) > 0
    paths = {path.name for kind in ROLL_UPS for path in (store.lake.root / kind).glob("**/*.parquet")}
    assert paths == {file.name.rpartition("/")[2] for file in rolled(store)}


def test_values_that_have_no_standard_deviation_do_not_stop_a_compaction(store: Store):
    give(store, 1, [("a", T0 + 1, math.inf), ("a", T0 + 2, 1.0), ("a", T0 + 3, -1e308), ("b", T0 + 1, 1e308)])
    store.flush()
    store.compact()
    assert plain(store.aggregates(A, MINUTE, T0, T0 + MINUTE, ("min", "max", "first"))) == [
        (T0 + MINUTE, 3, -1e308, math.inf, math.inf)
    ]
    assert [row[1] for row in plain(store.history(A, T0, T0 + MINUTE))] == [math.inf, 1.0, -1e308]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [(Lake, "file", n) for n in (1, 2, 3)] + [(Lake, "commit", n) for n in (1, 2, 3, 4)] + [(Keeper, "_note", 1)],
)
def test_a_stop_anywhere_in_a_compaction_leaves_roll_ups_right_or_unused(
    home: Home, monkeypatch, owner: type, name: str, call: int, after: bool
):
    store = home.store()
    give(store, 1, two_days())
    store.flush()
    store.compact()
    give(store, 2, [("a", T0 + 7, 1000.0), ("a", T0 + 9 * HOUR, -1000.0)])
    store.flush()
    with raw(monkeypatch):
        wanted = plain(store.aggregates(A, HOUR, T0 - HOUR, T0 + 2 * DAY, ALL))
    with monkeypatch.context() as patch:
        if name == "file":
            patch.setattr(Lake, "file", _cutting(call, after=after))
        else:
            cut_at(patch, owner, name, call, after=after)
        with pytest.raises(Cut):
            store.compact(T0 // DAY)
    again = home.crash().store()
    near(plain(again.aggregates(A, HOUR, T0 - HOUR, T0 + 2 * DAY, ALL)), wanted)
    again.compact()
    near(plain(again.aggregates(A, HOUR, T0 - HOUR, T0 + 2 * DAY, ALL)), wanted)
    names = {file.name for file in again._keeper.files() if file.kind == "samples"}
    assert sorted(file.of for file in rolled(again)) == sorted([*names, *names])
    assert not [event for event in home.events if event.active]
    on_disk = {
        p.relative_to(again.lake.root / kind).as_posix() for kind in ROLL_UPS for p in (again.lake.root / kind).glob("day*/*")
    }
    again.sweep(2**62)
    assert {file.name for file in rolled(again)} <= on_disk


def _cutting(call: int, *, after: bool) -> staticmethod:
    whole, calls = Lake.file, 0

    def file(kind: str, sheet: object) -> File:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Cut
        found = whole(kind, sheet)  # type: ignore[arg-type]
        if calls == call:
            raise Cut
        return found

    return staticmethod(file)


def test_the_process_that_rewrites_gives_the_same_as_the_node(home: Home, monkeypatch):
    store = home.store()
    give(store, 1, two_days())
    store.flush()
    give(store, 2, [("a", T0 + 7, 1000.0)])
    store.flush()
    with raw(monkeypatch):
        wanted = plain(store.aggregates(A, HOUR, T0, T0 + 2 * DAY, ALL))
    store._compactor.in_node = 0
    assert store.compact() > 0
    near(plain(store.aggregates(A, HOUR, T0, T0 + 2 * DAY, ALL)), wanted)
    assert not [file for file in store._keeper.files() if file.kind == "late"]
    assert store.rewriting is None
    assert "is being rewritten: " in home.events[0].message
    assert [(event.key, event.severity) for event in home.events] == [("store:rewriting", "info")] * len(home.events)
    assert not home.events[-1].active


def test_killing_the_process_that_rewrites_loses_nothing_and_it_is_tried_again(home: Home, monkeypatch):
    store = home.store()
    give(store, 1, two_days())
    store.flush()
    give(store, 2, [("a", T0 + 7, 1000.0)])
    store.flush()
    wanted = plain(store.history(A, 0, 2**62))
    compactor = store._compactor
    compactor.in_node = 0
    whole = type(compactor.worker)._start

    def killed(worker: object) -> object:
        child = whole(worker)  # type: ignore[arg-type]
        os.kill(child.pid, signal.SIGKILL)
        return child

    with monkeypatch.context() as patch:
        patch.setattr(type(compactor.worker), "_start", killed)
        assert store.compact() == 0
    assert {event.key for event in home.events if event.active and event.severity != "info"} == {"store:compaction"}
    assert plain(store.history(A, 0, 2**62)) == wanted
    known = {file.path for file in store._keeper.files() if file.kind != "series"}
    assert {str(path) for path in store.lake.root.glob("*/day=*/*.parquet")} == known
    assert store.compact() > 0
    assert plain(store.history(A, 0, 2**62)) == wanted
    assert [event.active for event in home.events if event.key == "store:compaction"][-1] is False


def test_the_keeper_goes_on_while_a_large_day_is_rewritten_and_closing_stops_that(home: Home, monkeypatch):
    store = home.store(compact_interval="0s")
    give(store, 1, two_days())
    store.flush()
    compactor = store._compactor
    compactor.in_node = 0
    begun, go = threading.Event(), threading.Event()
    whole = type(compactor.worker).run

    def slow(worker: object, job: object, told: object) -> object:
        begun.set()
        assert go.wait(60)
        return whole(worker, job, told)  # type: ignore[arg-type]

    monkeypatch.setattr(type(compactor.worker), "run", slow)
    compactor.tend(T0 + 400 * DAY)
    assert begun.wait(60)
    assert store.rewriting is not None
    assert store.rewriting.rows > 0
    give(store, 2, [("a", T0 + 3 * DAY, 1.0)])
    assert store.flush() == 1
    compactor.tend(T0 + 400 * DAY)
    compactor.worker.close()
    go.set()
    home.close()
    assert len(plain(home.store().history(A, 0, 2**62))) == 401


def test_sql_and_aggregates_agree_and_use_the_roll_ups(store: Store):
    give(store, 1, [*two_days(), ("c", T0 + 5, True), ("c", T0 + 6, False)])
    store.flush()
    store.compact()
    give(store, 2, [("a", T0 + 5 * HOUR + 1, 77.0), ("a", T0 + 2 * DAY + 5, 1.0)])
    sql = "select epoch_ns(ts)::bigint ts, n, average, minimum, maximum, total, first, last from hour where tag = 'a' order by ts"
    columns = ("avg", "min", "max", "sum", "first", "last")
    answer = [tuple(row.values()) for row in store.sql.ask(sql, ME).run().table.to_pylist()]
    near(answer, plain(store.aggregates(A, HOUR, 0, 2**62, columns, partial=True)))
    sids = store.sids("m", ["a"])
    assert collect(store._hot, store._index, sids, -(2**62), 2**62, HOUR).rolled
    flags = store.sql.ask("select n, average, maximum from minute where tag = 'c'", ME).run().table.to_pylist()
    assert flags == [{"n": 2, "average": 0.5, "maximum": 1.0}]


def test_another_program_reads_the_roll_ups(store: Store):
    give(store, 1, two_days())
    store.flush()
    store.compact()
    paths = [file.path for file in rolled(store) if file.kind == "hour"]
    with duckdb.connect() as db:
        found = db.execute(f"select sum(n)::int from read_parquet({paths})").fetchall()
    assert found == [(800,)]
    assert pq.ParquetFile(paths[0]).schema_arrow.names[:5] == ["sid", "ts", "kind", "part", "n"]


def test_planning_takes_time_apart_without_overlap():
    chance = random.Random(7)
    for _ in range(200):
        dirty = [
            (a, a + chance.randint(0, 3 * MINUTE)) for a in (chance.randint(T0, T0 + HOUR) for _ in range(chance.randint(0, 50)))
        ]
        span = (T0 + chance.randint(0, MINUTE), T0 + HOUR - chance.randint(0, MINUTE))
        found = plan("minute", span, (T0 + MINUTE, T0 + HOUR - MINUTE), [], dirty)
        pieces = sorted([*found.rolled, *found.raw])
        assert pieces[0][0] == span[0]
        assert pieces[-1][1] == span[1]
        assert all(one[1] == two[0] for one, two in itertools.pairwise(pieces))
        assert all(not (a < end and b > start) for a, b in dirty for start, end in found.rolled)
    assert touched(np.zeros(0, np.int64)) == []


def test_an_aggregate_of_many_that_nobody_knows_is_named(store: Store):
    with pytest.raises(InvalidInput, match="there is no aggregate"):
        store.aggregates_of([A], MINUTE, 0, 1, ["median"])
