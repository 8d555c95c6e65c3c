"""A file of an older historian into a node that runs: today's values come first, and a stop loses and doubles nothing."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.core import Conflict, Retryable
from lineshaft.guard import Subject
from lineshaft.store import Aim, ImportJob, ImportJobs, Imports, Reading, Tag
from lineshaft.store import bulk as bulk_module
from lineshaft.store.flush import Keeper
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain
from tests.store.test_bulk import table, values

ME = Subject.system("test")


def old(path: Path, tags: int = 2, rows: int = 500, step: int = 60 * SECOND) -> Path:
    pq.write_table(table(tags, rows, step=step), path)
    return path


def handed(home: Home, jobs: ImportJobs, file: Path, part: int = 1 << 20, aim: Aim | None = None) -> ImportJob:
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    with home.db.begin() as tx:
        job = jobs.open(tx, (file.name, len(content), sha256), Reading(), aim or Aim(), ME)
    while (here := jobs.received(job.id)) < len(content) and job.state == "uploading":
        jobs.put(job.id, here, content[here : here + part])
    with home.db.begin() as tx:
        return jobs.arrived(tx, job.id)


def test_a_file_comes_in_parts_and_is_taken_in_once(home: Home, tmp_path: Path):
    store = home.store()
    give(store, 1, [("t0", T0 + 300 * DAY, 7.0)], source="import")
    file, jobs = old(tmp_path / "old.parquet"), store.import_jobs
    job = handed(home, jobs, file, part=1000)
    assert job.state == "waiting"
    assert jobs.tend() == 1
    done = jobs.get(job.id)
    assert (done.state, done.total, done.done, done.stored, done.rejected, done.again) == ("done", 1000, 1000, 1000, {}, False)
    assert len(values(store, "t0")) == 501
    assert [(row.tag, row.stored, row.balance) for row in store.ledger()] == [("t0", 501, 0), ("t1", 500, 0)]
    assert handed(home, jobs, file).id == job.id  # the same file again is the same import
    assert not list(jobs.folder.glob("*.data"))
    assert [one.id for one in jobs.list()] == [job.id]


def test_a_cut_upload_goes_on_where_it_was_and_a_wrong_place_is_refused(home: Home, tmp_path: Path):
    file, jobs = old(tmp_path / "old.parquet"), home.store().import_jobs
    content = file.read_bytes()
    named = (file.name, len(content), hashlib.sha256(content).hexdigest())
    with home.db.begin() as tx:
        job = jobs.open(tx, named, Reading(), Aim(), ME)
    jobs.put(job.id, 0, content[:100])
    for offset in (0, 99, 101):
        with pytest.raises(Conflict, match="100 bytes are here"):
            jobs.put(job.id, offset, b"x")
    again = home.crash().store().import_jobs
    again.resume()  # a node that starts keeps what is on its way
    assert again.received(job.id) == 100
    assert handed(home, again, file).id == job.id


def test_a_node_that_is_killed_goes_on_at_its_piece(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_module, "SMALL_PIECE", 100)
    store = home.store()
    job = handed(home, store.import_jobs, old(tmp_path / "old.parquet"))
    pieces: list[int] = []
    real = Keeper.take_in

    def kill(keeper: Keeper, *given: object) -> bool:
        pieces.append(1)
        if len(pieces) == 4:
            raise SystemExit
        return real(keeper, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Keeper, "take_in", kill)
        store.import_jobs.tend()
    store = home.crash().store()
    assert store.import_jobs.get(job.id).state == "running"
    store.import_jobs.resume()
    assert store.import_jobs.tend() == 1
    assert not store.import_jobs.get(job.id).again
    done = store.import_jobs.get(job.id)
    assert (done.state, done.stored) == ("done", 1000)
    assert len(values(store, "t0")) == len(values(store, "t1")) == 500
    assert [(row.stored, row.balance) for row in store.ledger()] == [(500, 0)] * 2


def test_a_cancelled_import_keeps_what_it_took_and_goes_on_when_asked(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk_module, "SMALL_PIECE", 100)
    store, file = home.store(), old(tmp_path / "old.parquet")
    jobs = store.import_jobs
    job = handed(home, jobs, file)
    real = Keeper.take_in

    def ask(keeper: Keeper, *given: object) -> bool:
        with home.db.begin() as tx:
            jobs.cancel(tx, job.id)
        return real(keeper, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "take_in", ask)
        jobs.tend()
    stopped = jobs.get(job.id)
    assert (stopped.state, 0 < stopped.stored < 1000) == ("cancelled", True)
    assert len(values(store, "t0")) == stopped.stored // 2
    again = handed(home, jobs, file)
    assert again.id != job.id
    jobs.tend()
    assert jobs.get(again.id).stored == 1000
    assert [(row.stored, row.balance) for row in store.ledger()] == [(500, 0)] * 2
    with home.db.begin() as tx, pytest.raises(Conflict, match="has ended"):
        jobs.cancel(tx, job.id)


def test_a_file_that_was_damaged_or_cannot_be_read_says_why(home: Home, tmp_path: Path):
    jobs = home.store().import_jobs
    file = tmp_path / "x.csv"
    file.write_text("when,what\n1,2\n")
    job = handed(home, jobs, file)
    with home.db.begin() as tx:
        other = jobs.open(tx, ("y.csv", 3, "0" * 64), Reading(), Aim(), ME)
    jobs.put(other.id, 0, b"abc")
    with home.db.begin() as tx:
        jobs.arrived(tx, other.id)
    assert jobs.tend() == 2
    assert jobs.get(job.id).state == jobs.get(other.id).state == "failed"
    assert "no column looks like the" in jobs.get(job.id).error
    assert "changed on its way" in jobs.get(other.id).error
    with home.db.begin() as tx, pytest.raises(Conflict, match="no room"):
        jobs.open(tx, ("huge", 1 << 60, ""), Reading(), Aim(), ME)


def test_a_lake_that_cannot_be_written_is_tried_again(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    jobs = home.store().import_jobs
    job = handed(home, jobs, old(tmp_path / "old.parquet"))

    def full(*_: object, **__: object) -> None:
        raise Retryable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Imports, "take", full)
        assert jobs.tend() == 0
    assert jobs.get(job.id).state == "waiting"
    assert jobs.tend() == 1
    assert jobs.get(job.id).stored == 1000


def test_values_of_today_and_of_the_file_meet_while_both_arrive(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The file's rows and live ones share series and times; flushes and a rewrite go on. Each key is there once."""
    monkeypatch.setattr(bulk_module, "SMALL_PIECE", 200)
    monkeypatch.setattr(bulk_module, "_REST", 0.0)
    store = home.store()
    job = handed(home, store.import_jobs, old(tmp_path / "old.parquet", rows=2000, step=SECOND))
    ended = threading.Event()

    def run() -> None:
        store.import_jobs.tend()
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    seq = 0
    while not ended.is_set() or seq < 60:
        at = T0 + (seq * 37 % 4000) * SECOND // 2  # half of them on a key of the file
        give(store, seq, [("t0", at, -1.0 - seq)], source="import")
        seq += 1
        if seq % 20 == 0:
            store.flush()
        if seq % 50 == 0:
            store.compact()
    thread.join()
    assert store.import_jobs.get(job.id).state == "done"
    mine = values(store, "t0")
    assert len({row[0] for row in mine}) == len(mine)
    keys = {T0 + n * SECOND for n in range(2000)} | {T0 + (n * 37 % 4000) * SECOND // 2 for n in range(seq)}
    assert {row[0] for row in mine} == keys
    store.flush()
    store.compact()
    assert values(store, "t0") == mine
    assert [(row.tag, row.balance) for row in store.ledger({("import", "t0"): seq})] == [("t0", 0), ("t1", 0)]
    assert values(home.crash().store(), "t0") == mine


def test_a_live_value_in_memory_before_the_file_gives_way_and_after_it_wins(home: Home, tmp_path: Path):
    store = home.store()
    give(store, 1, [("t0", T0, 50.0), ("t0", T0 + 60 * SECOND, 51.0)], source="import")
    handed(home, store.import_jobs, old(tmp_path / "old.parquet", tags=1, rows=3))
    store.import_jobs.tend()
    assert [value for _, value, _ in values(store, "t0")] == [0.0, 1.0, 2.0]
    give(store, 2, [("t0", T0 + 60 * SECOND, 52.0)], source="import")
    expected = [0.0, 52.0, 2.0]
    assert [value for _, value, _ in values(store, "t0")] == expected
    store = home.crash().store()
    assert [value for _, value, _ in values(store, "t0")] == expected
    store.flush()
    store.compact()
    assert [value for _, value, _ in values(store, "t0")] == expected


def test_a_cut_between_commit_and_note_counts_nothing_twice(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = home.store()
    give(store, 1, [("live", T0, 1.0)])
    job = handed(home, store.import_jobs, old(tmp_path / "old.parquet"))

    def cut(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Keeper, "_trim", cut)
        store.import_jobs.tend()
    store = home.crash().store()
    assert plain(store.history(Tag("m", "live"), 0, T0 + DAY)) == [(T0, 1.0, 0)]  # acknowledged, and not taken for flushed
    store.import_jobs.resume()
    store.import_jobs.tend()
    assert store.import_jobs.get(job.id).stored == 1000
    assert len(values(store, "t0")) == 500
    assert [(row.tag, row.stored) for row in store.ledger() if row.source == "import"] == [("t0", 500), ("t1", 500)]


def test_a_day_that_fits_becomes_one_file(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_module, "PIECE", 2000)
    file = old(tmp_path / "old.parquet", tags=1, rows=7 * 1440)  # 1,440 rows a day for a week: no two days fit a piece
    store = home.store()
    pieces: list[int] = []
    store.imports.take(file, Reading(), Aim(), progress=lambda n, _of: pieces.append(n))
    assert pieces == [1440 * n for n in range(1, 8)]
    assert [len(list(day.glob("*.parquet"))) for day in sorted((store.lake.root / "samples").glob("day=*"))] == [1] * 7
    dense = pa.table({"time": pa.array(T0 + 40 * DAY + np.arange(5000) * 20 * SECOND).cast(pa.timestamp("ns", "UTC"))})
    dense = dense.append_column("tag", pa.array(["d"] * 5000)).append_column("value", pa.array(np.arange(5000.0)))
    pq.write_table(dense, tmp_path / "dense.parquet")
    store.imports.take(tmp_path / "dense.parquet", Reading(), Aim())
    days = {name.name: len(list(name.glob("*.parquet"))) for name in (store.lake.root / "samples").glob("day=2026-02-1*")}
    assert days == {"day=2026-02-10": 3, "day=2026-02-11": 1}
