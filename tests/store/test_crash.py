"""Whatever stops the node: everything acknowledged is there, once, with its last value."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lineshaft.core import Bus, ConfigError, Database
from lineshaft.store import Store, StoreSettings, Tag
from lineshaft.store.flush import Keeper
from lineshaft.store.lake import Lake
from tests.store import appender
from tests.store.conftest import Home
from tests.store.giving import SECOND, T0, batch, give, plain

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_ten_kills_lose_nothing_and_double_nothing(tmp_path: Path):
    (tmp_path / "home").mkdir()
    acknowledged, highest = 0, 0
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    for _ in range(10):
        command = [sys.executable, "-m", "tests.store.appender", str(tmp_path / "home"), str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as child:
            assert child.stdout is not None
            wanted = acknowledged + random.randint(15, 120)
            while acknowledged < wanted:
                acknowledged = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            for line in child.stdout:
                acknowledged = int(line) if line.endswith(b"\n") else acknowledged
        highest = check(tmp_path / "home", acknowledged, highest)


def check(home: Path, acknowledged: int, highest: int) -> int:
    """Open the home as the next start would and compare every row; return the journal's number."""
    store = Store(home, None, Database(f"sqlite:///{home / 'l.db'}"), StoreSettings(), Bus())
    for stored in store.unprocessed():
        store.show(store.append_derived(stored.rows.slice(0, 0), stored.seq))
    sids = store.sids("m", [f"t{n}" for n in range(appender.TAGS)])
    table = store.span(sids, 0, T0 + acknowledged * SECOND)
    by_second: dict[int, list[float]] = {}
    for _, ts, value, *_ in plain(table):
        by_second.setdefault((ts - T0) // SECOND, []).append(value)  # type: ignore[operator,arg-type]
    assert sorted(by_second) == list(range(1, acknowledged + 1))
    for second, values in by_second.items():
        assert len(values) == appender.TAGS, second
        assert set(values) <= appender.expected(second, acknowledged), second
        assert len(set(values)) == 1, second
    stored = {row.tag: row.stored for row in store.ledger() if row.source == "m"}
    assert len(set(stored.values())) == 1
    corrections = sum(1 for i in range(5, acknowledged + 1, 5))
    assert stored["t0"] - acknowledged - corrections in (0, 1, 2)  # the batch that was on its way may be there
    seq = store._journal.seq
    assert seq > highest
    store.close()
    return seq


class Cut(BaseException):
    """The moment the node stops."""


def cut_at(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, call: int, *, after: bool) -> None:
    """Stop at the call-th call of a method, before or after it ran."""
    whole: Callable[..., object] = getattr(owner, name)
    calls = 0

    def cutting(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Cut
        result = whole(*args, **kwargs)
        if calls == call:
            raise Cut
        return result

    monkeypatch.setattr(owner, name, cutting)


def two_days(store: Store) -> None:
    give(store, 1, [("a", T0 + 1, 1.0), ("b", T0 + 1, 5), ("a", T0 + 2 * SECOND, 2.0)])
    store.flush()
    give(store, 2, [("a", T0 + 1, 1.5), ("a", T0 + 3 * SECOND, 3.0), ("a", T0 + 90_000 * SECOND, 4.0)])


WANTED = [(T0 + 1, 1.5, 0), (T0 + 2 * SECOND, 2.0, 0), (T0 + 3 * SECOND, 3.0, 0), (T0 + 90_000 * SECOND, 4.0, 0)]


def is_whole(store: Store) -> None:
    assert plain(store.history(Tag("m", "a"), 0, 2**62)) == WANTED
    assert [row.ts for row in store.latest([Tag("m", "a")]) if row] == [T0 + 90_000 * SECOND]
    keys = [(sid, ts, ns) for file in main_files(store) for sid, ts, ns in file]
    assert len(keys) == len(set(keys)), "samples must be unique by key at all times"
    assert {row.tag: row.stored for row in store.ledger()} == {"a": 5, "b": 1}


def main_files(store: Store) -> list[list[tuple[object, ...]]]:
    cursor = store._hot.cursor()
    files = [f.path for f in store._keeper.files() if f.kind == "samples"]
    return [cursor.execute("select sid, epoch_us(ts), ns from read_parquet(?)", [path]).fetchall() for path in files]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (Lake, "write", 1),
        (Lake, "write", 2),
        (Lake, "write", 3),
        (Lake, "commit", 1),
        (Lake, "commit", 2),
        (Keeper, "_trim", 1),
        (Keeper, "_note", 1),
    ],
)
def test_a_stop_anywhere_in_a_flush(home: Home, monkeypatch, owner: type, name: str, call: int, after: bool):
    store = home.store()
    two_days(store)
    with monkeypatch.context() as patch:
        cut_at(patch, owner, name, call, after=after)
        with pytest.raises(Cut):
            store.flush()
    again = home.crash().store()
    is_whole(again)
    again.flush()
    is_whole(again)
    again.compact()
    is_whole(again)
    assert not home.events


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name", "call"), [(Lake, "commit", 1), (Lake, "commit", 2), (Keeper, "_note", 1)])
def test_a_stop_anywhere_in_a_compaction(home: Home, monkeypatch, owner: type, name: str, call: int, after: bool):
    store = home.store()
    two_days(store)
    store.flush()
    with monkeypatch.context() as patch:
        cut_at(patch, owner, name, call, after=after)
        with pytest.raises(Cut):
            store.compact(T0 // (86_400 * SECOND))
    again = home.crash().store()
    is_whole(again)
    again.compact()
    is_whole(again)
    assert [f.kind for f in again._keeper.files()].count("late") == 0


@pytest.mark.parametrize("table", ["samples", "late"])
@pytest.mark.parametrize("how", ["empty commit", "half a commit", "empty data"])
def test_a_torn_commit_is_removed_and_its_rows_come_from_the_journal(home: Home, monkeypatch, table: str, how: str):
    store = home.store()
    two_days(store)
    with monkeypatch.context() as patch:
        cut_at(patch, Keeper, "_trim", 1, after=False)
        with pytest.raises(Cut):
            store.flush()
    commit = max((home.path / "lake" / table / "_delta_log").glob("*.json"))
    if how == "empty data":
        adds = [json.loads(line)["add"] for line in commit.read_text().splitlines() if '"add"' in line]
        (home.path / "lake" / table / adds[0]["path"]).write_bytes(b"")
    else:
        commit.write_bytes(commit.read_bytes()[:150] if how == "half a commit" else b"")
    again = home.crash().store()
    is_whole(again)
    again.flush()
    is_whole(again)


def test_what_a_stop_left_without_a_commit_is_swept_up(home: Home, monkeypatch):
    store = home.store()
    two_days(store)
    with monkeypatch.context() as patch:
        cut_at(patch, Lake, "commit", 1, after=False)
        with pytest.raises(Cut):
            store.flush()
    lake = home.path / "lake"
    before = set(lake.glob("*/day=*/*.parquet"))
    again = home.crash().store()
    left = set(lake.glob("*/day=*/*.parquet"))
    assert len(before) == 2
    assert left == {Path(file.path) for file in again._keeper.files() if file.kind == "samples"}


def test_threads_that_append_get_numbers_of_their_own(home: Home):
    store = home.store()
    numbers: list[int] = []

    def run(source: str) -> None:
        for seq in range(1, 60):
            stored = store.append([batch(seq, [("a", T0 + seq, float(seq))], source)])
            numbers.append(stored[0].seq)
            store.show(stored)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.flush()
    for thread in threads:
        thread.join()
    assert len(numbers) == len(set(numbers)) == 3 * 59
    for name in ("one", "two", "three"):
        assert len(store.history(Tag(name, "a"), 0, 2**62)) == 59
    home.close()
    assert len(home.store().history(Tag("two", "a"), 0, 2**62)) == 59


def computed(rows: pa.RecordBatch, sid: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([sid] * rows.num_rows, pa.int32()), *rows.columns[1:]], schema=rows.schema)


def test_derived_rows_that_were_not_durable_are_computed_again(home: Home):
    store = home.store()
    stored = store.append([batch(1, [("a", T0 + 1, 1.0)]), batch(2, [("a", T0 + 2, 2.0)])])
    sid = store.derived_sid("p")
    derived = store.append_derived(computed(stored[0].rows, sid), stored[0].seq)
    store.show([*stored, derived])
    again = home.crash().store()  # its derived row was not committed
    assert [one.seq for one in again.unprocessed()] == [stored[0].seq, stored[1].seq]
    assert plain(again.history(Tag("derived", "p"), 0, 2**62)) == []
    for one in again.unprocessed():
        again.show(again.append_derived(computed(one.rows, sid), one.seq))
    again.commit()
    assert [row[1] for row in plain(again.history(Tag("derived", "p"), 0, 2**62))] == [1.0, 2.0]
    third = home.crash().store()
    assert list(third.unprocessed()) == []
    assert [row[1] for row in plain(third.history(Tag("derived", "p"), 0, 2**62))] == [1.0, 2.0]


def test_a_flush_keeps_raw_rows_that_nothing_was_derived_from_yet(home: Home):
    store = home.store()
    first = give(store, 1, [("a", T0 + 1, 1.0)])
    store.append_derived(first.rows.slice(0, 0), first.seq)
    second = give(store, 2, [("a", T0 + 2, 2.0)])
    store.flush()
    again = home.crash().store()
    assert [one.seq for one in again.unprocessed()] == [second.seq]
    assert [row[1] for row in plain(again.history(Tag("m", "a"), 0, 2**62))] == [1.0, 2.0]
    assert again.hot_rows == 0


def test_what_was_appended_but_not_shown_survives_a_flush(home: Home):
    store = home.store()
    give(store, 1, [("a", T0 + 1, 1.0)])
    store.append([batch(2, [("a", T0 + 2, 2.0)])])
    store.flush()
    assert [row[1] for row in plain(home.crash().store().history(Tag("m", "a"), 0, 2**62))] == [1.0, 2.0]


def test_the_journal_is_written_through_to_the_disk(store: Store):
    assert store._journal.db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert store._journal.db.execute("pragma synchronous").fetchone() == (2,)


def test_a_second_node_on_the_same_home_is_refused(home: Home):
    home.store()
    with pytest.raises(ConfigError, match="another Lineshaft is running on this home"):
        home.store()


def test_a_home_of_a_newer_version_is_refused(home: Home):
    home.store()
    home.close()
    with sqlite3.connect(home.path / "journal.db") as db:
        db.execute("pragma user_version=99")
    db.close()
    with pytest.raises(ConfigError, match="newer Lineshaft"):
        home.store()
