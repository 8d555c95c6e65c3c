from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable, QueryBuilder

from lineshaft.core import Retryable
from lineshaft.store import Tag
from lineshaft.store.flush import Keeper
from lineshaft.store.lake import Lake
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, batch, give, plain

ROOT = Path(__file__).resolve().parents[2]
A = Tag("m", "a")


def test_every_file_and_folder_of_a_commit_is_fsynced_before_the_journal_is_trimmed(home: Home, monkeypatch):
    synced: dict[str, int] = {}
    whole_fsync, whole_trim = os.fsync, Keeper._trim
    checked: list[int] = []

    def fsync(number: int) -> None:
        whole_fsync(number)
        path = Path(f"/proc/self/fd/{number}").readlink()
        synced[str(path)] = path.stat().st_mtime_ns

    def trim(keeper: Keeper, *args: object) -> None:
        named, old = keeper._publish()  # the series table is part of what the trim relies on
        lake = home.path / "lake"
        for path in [lake, *lake.rglob("*")]:
            assert synced.get(str(path)) == path.stat().st_mtime_ns, f"{path} was not fsynced after its last change"
        checked.append(sum(path.is_file() for path in lake.rglob("*")))
        monkeypatch.setattr(Keeper, "_publish", lambda _: (named, old))
        whole_trim(keeper, *args)  # type: ignore[arg-type]
        monkeypatch.undo()
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Keeper, "_trim", trim)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Keeper, "_trim", trim)
    store = home.store()
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 2 * DAY, 2.0)])
    store.flush()
    give(store, 2, [("a", T0, 1.5), ("b", T0, 3.0)])
    store.flush()
    assert checked == [7, 14]  # data of two days and of the names, and their commits; then late, samples and names again


def test_rows_are_in_the_lake_once_they_are_flushed(home: Home):
    store = home.store()
    give(store, 1, [("a", T0 + n, float(n)) for n in range(5)])
    assert store.flush() == 5
    assert store.hot_rows == 0
    assert store.flush() == 0
    assert store._journal.db.execute("select count(*) from log").fetchone() == (0,)
    home.close()
    assert home.store().recovered == 0


def test_a_redelivery_is_recognised_after_its_rows_were_flushed_and_after_a_restart(home: Home):
    store = home.store()
    rows = [("a", T0, 1.0), ("a", T0 + 1, 2.0)]
    give(store, 1, rows)
    give(store, 5, rows)
    give(store, 3, rows)  # a late one among the newest is new
    store.flush()
    home.close()
    store = home.store()
    assert [give(store, seq, rows).duplicate for seq in (1, 5, 3, 2, 6)] == [2, 2, 2, 0, 0]
    for seq in range(10, 700):
        store.append([batch(seq, rows[:1])])
    home.close()
    store = home.store()
    assert [give(store, seq, rows).duplicate for seq in (3, 12, 699, 700)] == [2, 2, 2, 0]
    assert [give(store, seq, rows).duplicate for seq in (4, 7, 4)] == [0, 0, 2], "what never came is taken however late"


def test_a_flush_by_another_thread_never_shows_a_row_twice_or_not_at_all(home: Home):
    store = home.store()
    stop = threading.Event()

    def keep() -> None:
        while not stop.is_set():
            store.flush()
            store.compact()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        for n in range(1, 60):
            give(store, n, [("a", T0 + n * SECOND, float(n)), ("a", T0 + (n // 2) * SECOND, float(n // 2))])
            seconds = [(row[0] - T0) // SECOND for row in plain(store.history(A, T0, 2**62))]  # type: ignore[operator]
            assert seconds == list(range(1, n + 1))
    finally:
        stop.set()
        thread.join()


def test_the_keeper_flushes_by_count_and_compacts(home: Home):
    store = home.store(flush_rows=1, compact_files=2, compact_interval="0s", keep_removed="0s")
    store.start()
    compacted = threading.Event()
    whole = Keeper.sweep

    def sweep(keeper: Keeper, before: int) -> int:
        result = whole(keeper, before)
        if not [f for f in keeper.files() if f.kind == "late"] and store.hot_rows == 0:
            compacted.set()
        return result

    Keeper.sweep = sweep  # type: ignore[method-assign]
    try:
        for n in range(1, 31):
            give(store, n, [("a", T0 + (n % 20) * SECOND, float(n))])
        assert compacted.wait(30)
    finally:
        Keeper.sweep = whole  # type: ignore[method-assign]
    assert len(store.history(A, 0, 2**62)) == 20


@pytest.mark.counterpart
def test_other_engines_read_the_lake_while_it_is_written_and_agree(home: Home):
    store = home.store()
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            give(store, n, [("a", T0 + n * 1000, float(n)), ("b", T0 + n * 1000 + 1, n), ("a", T0 + (n // 3) * 1000, -1.0)])
            if n % 5 == 0:
                store.flush()
            if n % 20 == 0:
                store.compact()

    give(store, 0, [("a", T0, 0.0), ("b", T0 + 1, 0)])
    store.flush()
    thread = threading.Thread(target=write)
    thread.start()
    lake = home.path / "lake"
    counts: list[int] = []
    try:
        for _ in range(12):
            table = DeltaTable(str(lake / "samples"))
            sql = "select count(*) as n, count(distinct (sid, ts, ns, q)) as k from samples"
            found = QueryBuilder().register("samples", table).execute(sql).read_all()
            n, k = (int(found.column(name)[0].as_py()) for name in ("n", "k"))
            assert n == k, "samples are unique by key at all times"
            counts.append(n)
    finally:
        stop.set()
        thread.join()
    assert counts == sorted(counts)
    store.flush()
    engine = duckdb.connect()
    for name in ("samples", "late"):
        engine.register(name, DeltaTable(str(lake / name)).to_pyarrow_table())
    sql = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/explanation/store.md").read_text(), re.DOTALL)[0]
    ours = len(store.span([0, 1], 0, 2**62))
    assert len(engine.execute(sql).fetchall()) == ours
    store.compact()
    assert len(store.span([0, 1], 0, 2**62)) == ours
    samples, late = DeltaTable(str(lake / "samples")), DeltaTable(str(lake / "late"))
    assert samples.to_pyarrow_table().num_rows == ours
    assert late.to_pyarrow_table().num_rows == 0
    files = samples.file_uris()
    assert engine.execute(
        "select count(*), count(distinct day) from read_parquet(?, hive_partitioning=true)", [files]
    ).fetchall() == [(ours, 1)]
    names = DeltaTable(str(lake / "series")).to_pyarrow_table().to_pylist()
    assert [(row["sid"], row["source"], row["tag"]) for row in names] == [(0, "m", "a"), (1, "m", "b")]
    engine.close()


def test_an_older_version_of_the_table_stays_readable_until_it_is_swept(home: Home):
    store = home.store()
    for n in range(1, 4):
        give(store, n, [("a", T0 + n * SECOND, float(n))])
        store.flush()
    path = str(home.path / "lake" / "samples")
    version = DeltaTable(path).version()
    assert store.compact() == 3
    assert DeltaTable(path, version=version).to_pyarrow_table().num_rows == 3
    assert store.sweep() == 0
    assert store.sweep(2**62) >= 3
    assert DeltaTable(path).to_pyarrow_table().num_rows == 3


def test_a_lake_that_cannot_be_written_is_a_system_event_and_loses_nothing(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    (home.path / "lake").symlink_to("/proc")
    assert store.flush() == 0
    assert [(e.key, e.severity, e.active) for e in home.events] == [("store:lake", "error", True)]
    assert "the lake cannot be written" in home.events[0].message
    give(store, 2, [("a", T0 + 1, 2.0)])
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]
    (home.path / "lake").unlink()
    assert store.flush() == 2
    assert [(e.key, e.active) for e in home.events[1:]] == [("store:lake", False)]
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]


def test_a_flush_that_failed_between_its_commits_is_taken_in_by_the_next(home: Home, monkeypatch):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "_trim", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        assert store.flush() == 0
    give(store, 2, [("a", T0 + 1, 2.0)])
    assert store.flush() == 2
    store.compact()
    assert DeltaTable(str(home.path / "lake" / "samples")).to_pyarrow_table().num_rows == 2
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]


def test_trying_again_and_again_does_not_fill_the_disk(home: Home, monkeypatch):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
        for _ in range(4):
            assert store.flush() == 0
    assert len(list((home.path / "lake").rglob("*.parquet"))) == 1
    assert store.flush() == 1
    assert len(list((home.path / "lake" / "samples").rglob("*.parquet"))) == 1
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0]


def test_a_full_disk_refuses_clearly_keeps_what_was_acknowledged_and_goes_on_when_there_is_room(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    pages = store._journal.db.execute("pragma page_count").fetchone()[0]
    store._journal.db.execute(f"pragma max_page_count={pages}")
    big = [batch(2, [(f"t{n}", T0, f"{n}" * 40) for n in range(3000)])]
    with pytest.raises(Retryable, match=r"the journal cannot be written.*full"):
        store.append(big)
    assert [(e.key, e.severity) for e in home.events] == [("store:journal", "error")]
    assert store.sid("m", "t1") is None
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0]
    store._journal.db.execute("pragma max_page_count=1000000")
    stored = store.append(big)
    store.show(stored)
    assert stored[0].duplicate == 0
    assert stored[0].rows.num_rows == 3000
    assert [(e.key, e.active) for e in home.events[1:]] == [("store:journal", False)]
    home.crash()
    again = home.store()
    assert again.recovered == 3001
    assert all(row.balance == 0 and row.stored == 1 for row in again.ledger())


def test_a_read_only_journal_refuses_clearly(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    store._journal.db.execute("pragma query_only=on")
    with pytest.raises(Retryable, match="readonly"):
        give(store, 2, [("a", T0 + 1, 2.0)])
    store._journal.db.execute("pragma query_only=off")
    give(store, 2, [("a", T0 + 1, 2.0)])
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]


def test_a_file_of_the_lake_that_is_gone_is_told_and_the_rest_answers(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 2 * DAY, 2.0)])
    store.flush()
    Path(next(f.path for f in store._keeper.files() if f.kind == "samples")).unlink()
    home.close()
    store = home.store()
    assert [e.key for e in home.events] == ["store:lake-missing"]
    assert len(store.history(A, 0, 2**62)) == 1


def test_rows_that_only_rise_need_no_sorting_out_until_one_does_not(home: Home):
    store = home.store()

    def orderly() -> list[bool]:
        return [generation.orderly for generation in store._hot.read()]

    give(store, 1, [("a", T0, 1.0), ("b", T0, 1.0), ("a", T0 + 1, 2.0)])
    assert orderly() == [True]
    give(store, 2, [("a", T0, 3.0)])
    assert orderly() == [False]
    store.flush()
    give(store, 3, [("a", T0 + 2, 4.0)])
    assert orderly() == [True]
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [3.0, 2.0, 4.0]
    give(store, 4, [("b", T0 + 2, 4.0), ("b", T0 + 1, 4.0)])
    assert orderly() == [False]


def test_rows_that_are_in_memory_and_in_the_lake_count_once(home: Home, monkeypatch):
    store = home.store()
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 2.0)])
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "_trim", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        for _ in range(2):  # the second attempt takes in what the first committed, and fails again
            assert store.flush() == 0
            assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]
    assert [f.kind for f in store._keeper.files()] == ["samples"]
    assert store.flush() == 2
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.0, 2.0]
