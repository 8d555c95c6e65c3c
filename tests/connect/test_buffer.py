"""The edge buffer: durable, counted, bounded, and honest when the disk refuses."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineshaft.connect import BufferRefused, EdgeBuffer
from lineshaft.core import SAMPLES, now_ns, samples

T0 = 1_700_000_000_000_000_000
SOURCE = str(Path(__file__).parents[2] / "src")


def rows(*tags: str, start: int = T0):
    return samples([{"tag": tag, "ts": start + i, "value": float(i)} for i, tag in enumerate(tags)])


def test_a_batch_comes_back_as_it_was_put(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    put = buffer.put("line", rows("a", "b", "a"), arrived=T0)
    (back,) = buffer.head()
    assert (back.source, back.seq, back.arrived) == ("line", put.seq, T0)
    assert back.rows.schema == SAMPLES
    assert back.rows.column("tag").to_pylist() == ["a", "b", "a"]
    assert back.rows.column("v").to_pylist() == [0.0, 1.0, 2.0]
    buffer.close()


def test_order_and_sequence_go_on_after_a_restart(tmp_path: Path):
    path = tmp_path / "edge.db"
    buffer = EdgeBuffer(path)
    first = [buffer.put("line", rows("a")).seq for _ in range(3)]
    other = buffer.put("press", rows("p")).seq
    buffer.delivered(buffer.head())
    buffer.close()
    buffer = EdgeBuffer(path)
    assert buffer.head() == []
    after = buffer.put("line", rows("a")).seq
    assert [*first, after] == list(range(first[0], first[0] + 4))
    assert buffer.put("press", rows("p")).seq == other + 1
    assert buffer.received() == {("line", "a"): 4, ("press", "p"): 2}
    buffer.close()


def test_a_lost_file_does_not_begin_at_a_number_used_before(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    before = buffer.put("line", rows("a")).seq
    buffer.close()
    time.sleep(0.002)  # the number is the clock's millisecond
    buffer = EdgeBuffer(tmp_path / "new.db")
    assert buffer.put("line", rows("a")).seq > before
    buffer.close()


def test_pending_is_what_waits_and_received_is_what_ever_came(tmp_path: Path):
    path = tmp_path / "edge.db"
    buffer = EdgeBuffer(path)
    buffer.put_all([("line", rows("a", "b", "a")), ("press", rows("a"))])
    buffer.put("line", rows("b"))
    assert buffer.pending() == {("line", "a"): 2, ("line", "b"): 2, ("press", "a"): 1}
    (first,) = buffer.head(batches=1)
    assert buffer.pending() == {("line", "a"): 2, ("line", "b"): 2, ("press", "a"): 1}
    buffer.delivered([first])
    assert buffer.pending() == {("line", "b"): 1, ("press", "a"): 1}
    assert buffer.received() == {("line", "a"): 2, ("line", "b"): 2, ("press", "a"): 1}
    buffer.close()
    again = EdgeBuffer(path)
    assert again.pending() == {("line", "b"): 1, ("press", "a"): 1}
    assert again.received() == {("line", "a"): 2, ("line", "b"): 2, ("press", "a"): 1}
    assert again.depth().rows == 2
    again.close()


def test_counters_of_thousands_of_tags(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    tags = [f"t{i}" for i in range(3_000)]
    buffer.put("line", rows(*tags))
    buffer.put("line", rows(*tags[::7], "t0"))
    buffer.close()
    again = EdgeBuffer(tmp_path / "edge.db")
    assert again.received() == {("line", tag): 1 + (i % 7 == 0) + (i == 0) for i, tag in enumerate(tags)}
    again.close()


def test_a_batch_holds_only_the_tags_it_has(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    many = rows(*[f"t{i}" for i in range(100)])
    put = buffer.put("line", many.slice(40, 2))
    assert put.rows.column("tag").dictionary.to_pylist() == ["t40", "t41"]
    assert put.rows.column("tag").to_pylist() == ["t40", "t41"]
    buffer.close()


def test_a_full_buffer_drops_its_oldest_and_counts_them(tmp_path: Path):
    dropped: list[tuple[int, int]] = []
    path = tmp_path / "edge.db"
    buffer = EdgeBuffer(path, max_bytes=30_000, on_drop=lambda batches, n: dropped.append((batches, n)))
    seqs = [buffer.put("line", rows(*["a"] * 100, start=T0 + i * 1000)).seq for i in range(60)]
    kept = [batch.seq for batch in buffer.head()]
    assert kept == seqs[-len(kept) :]
    assert 0 < len(kept) < 60
    assert sum(n for _, n in dropped) == (60 - len(kept)) * 100
    assert buffer.lost() == {("line", "a"): (60 - len(kept)) * 100}
    assert buffer.received() == {("line", "a"): 6_000}
    buffer.close()
    again = EdgeBuffer(path)
    assert again.lost() == {("line", "a"): (60 - len(kept)) * 100}
    again.close()


def test_a_full_buffer_that_shall_wait_refuses_and_keeps_all(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db", max_bytes=30_000, drop_oldest=False)
    with pytest.raises(BufferRefused, match="full"):
        for _ in range(60):
            buffer.put("line", rows(*["a"] * 100))
    assert buffer.received() == buffer.pending()
    assert buffer.received()[("line", "a")] == 100 * buffer.depth().batches > 0
    buffer.delivered(buffer.head())
    buffer.put("line", rows("a"))
    buffer.close()


def test_batches_too_old_to_keep_are_dropped(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db", max_age=1_000)
    buffer.put("line", rows("a"), arrived=T0)
    buffer.put("line", rows("a"), arrived=T0 + 500)
    buffer.put("line", rows("a"), arrived=T0 + 1_200)
    assert [batch.arrived for batch in buffer.head()] == [T0 + 500, T0 + 1_200]
    buffer.close()


def test_a_disk_that_is_full_refuses_and_spoils_nothing(tmp_path: Path):
    path = tmp_path / "edge.db"
    buffer = EdgeBuffer(path)
    buffer.put("line", rows("a"))
    buffer._db.execute("PRAGMA max_page_count=1")  # what SQLite does when the disk has no page left
    seq = buffer._seq["line"]
    with pytest.raises(BufferRefused, match="full"):
        for _ in range(50):
            seq = buffer.put("line", rows(*["b"] * 200)).seq
    buffer._db.execute("PRAGMA max_page_count=1000000")
    assert buffer.put("line", rows("c")).seq == seq + 1
    received = buffer.received()
    buffer.close()
    again = EdgeBuffer(path)
    assert again.received() == received
    assert again.pending() == received
    again.close()


def test_a_disk_that_refuses_to_forget_keeps_the_batch_and_is_asked_again(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    buffer.put("line", rows("a"))
    buffer._db.execute("CREATE TEMP TRIGGER broken BEFORE DELETE ON batch BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END")
    for _ in range(2):
        batches = buffer.head()
        with pytest.raises(BufferRefused, match="disk I/O error"):
            buffer.delivered(batches)
        buffer.returned()
    buffer._db.execute("DROP TRIGGER broken")
    buffer.delivered(buffer.head())
    assert buffer.depth().batches == 0
    assert buffer.received() == {("line", "a"): 1}
    buffer.close()


def test_a_spoiled_batch_is_set_aside_and_the_rest_goes_on(tmp_path: Path):
    path = tmp_path / "edge.db"
    buffer = EdgeBuffer(path)
    buffer.put("line", rows("a", "a"))
    good = buffer.put("line", rows("b"))
    buffer.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE batch SET body = x'00ff' WHERE seq = ?", (good.seq - 1,))
    db.close()
    buffer = EdgeBuffer(path)
    assert [batch.seq for batch in buffer.head()] == [good.seq]
    assert buffer.lost() == {("line", "a"): 2}
    buffer.close()


NURSERY = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from lineshaft.connect import EdgeBuffer
from lineshaft.core import samples

def put_for_ever():
    buffer = EdgeBuffer(Path(sys.argv[1]))
    i = 0
    while True:
        i += 1
        n = i % 5 + 1
        batch = buffer.put("line", samples([{"tag": f"t{k}", "ts": i * 10 + k, "value": i} for k in range(n)]))
        print("put", batch.seq, n, flush=True)

for _ in sys.stdin:
    child = os.fork()
    if not child:
        put_for_ever()
    print("born", child, 0, flush=True)
    os.waitpid(child, 0)
    print("\\ndead", child, 0, flush=True)  # on a line of its own: the child may have died within its last one
"""
"""Bears a process that puts batches for each line it is told: what has to be loaded is loaded once."""


@pytest.mark.chaos
def test_kill_9_at_any_moment_keeps_every_acknowledged_batch(tmp_path: Path):
    path = tmp_path / "edge.db"
    acknowledged: dict[int, int] = {}
    command = [sys.executable, "-c", NURSERY, str(path), SOURCE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(12):
            child, before, killed = 0, len(acknowledged), False
            nursery.stdin.write("\n")
            nursery.stdin.flush()
            for line in nursery.stdout:
                if len(line.split()) != 3:  # a line its writer was killed in: nothing was acknowledged by it
                    continue
                word, number, n = line.split()
                if word == "dead":
                    break
                if word == "born":
                    child = int(number)
                else:
                    assert int(number) > max(acknowledged, default=0), "a sequence number was used twice"
                    acknowledged[int(number)] = int(n)
                if child and len(acknowledged) > before and not killed:
                    killed = True
                    time.sleep(random.uniform(0.005, 0.15))
                    os.kill(child, signal.SIGKILL)
        nursery.stdin.close()
    buffer = EdgeBuffer(path)
    kept = {batch.seq: batch.rows.num_rows for batch in buffer.head(rows=10**9, batches=10**9)}
    assert acknowledged.items() <= kept.items()
    assert len(kept) <= len(acknowledged) + 12  # at most one put per kill was durable, but its word did not get out
    assert sorted(kept) == list(range(min(kept), max(kept) + 1))
    assert sum(buffer.received().values()) == sum(kept.values())
    buffer.close()


def test_a_backlog_does_not_hold_up_live_values(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    now = now_ns()
    old = [buffer.put("line", rows("a"), arrived=now - 10**12 + i).seq for i in range(40)]
    live = [buffer.put("line", rows("a"), arrived=now + i).seq for i in range(3)]
    sent: list[list[int]] = []
    while batches := buffer.head(batches=8, behind=10**11):
        buffer.delivered(batches)
        sent.append([batch.seq for batch in batches])
        if len(sent) < 5:
            live.append(buffer.put("line", rows("a"), arrived=now_ns()).seq)
    assert sent[0] == [*old[:6], *live[:2]]
    assert sent[1][-2:] == live[2:4]
    together = [seq for message in sent for seq in message]
    assert sorted(together) == [*old, *live]
    assert [seq for seq in together if seq in old] == old
    assert [seq for seq in together if seq in live] == live
    buffer.close()


def test_a_short_outage_is_handed_over_in_order(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    seqs = [buffer.put("line", rows("a")).seq for _ in range(20)]
    assert [batch.seq for batch in buffer.head(batches=8, behind=10**11)] == seqs[:8]
    buffer.close()
