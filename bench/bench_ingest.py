"""Values that are durable when acknowledged and found by the next question, on one core, beside PostgreSQL with the same key."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

from bench.peers import influx, victoria
from bench.row import Row, less_is_better, more_is_better
from lineshaft.core import NS, SAMPLES, Batch, Bus, Database
from lineshaft.store import Store, StoreSettings
from tests.counterparts import postgresql

NAME = "ingest"
TAGS = 5_000
OURS = 1_200
PEERS = 60
SERVERS = 300
RATED = 50_000
START = 1_767_225_600 * NS
PROMISE = 1_000_000


@dataclass(frozen=True)
class Run:
    """Values a second, CPU seconds a million values, and the time of an acknowledgement (p95, ms)."""

    rate: float
    cpu: float
    ack: float


def values(n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (time in ns with jitter, value) of 5,000 tags, once a second: walks, noise, set points and counters."""
    chance = np.random.default_rng(7)
    kinds = np.arange(TAGS) % 10
    walk = chance.normal(50, 10, TAGS)
    for second in range(n):
        walk += chance.normal(0, 0.05, TAGS)
        noise = chance.integers(0, 65_536, TAGS) / 65_536
        value = np.select([kinds < 5, kinds < 7, kinds < 8], [walk.round(2), noise, 42.0], float(second))
        yield START + second * NS + chance.integers(0, 20_000, TAGS) * 1000, value


def batches(n: int) -> list[Batch]:
    """Return gateway batches of 5,000 values."""
    tags = pa.array([f"ns=2;s=Machine {n // 20}/Tag {n % 20}" for n in range(TAGS)])
    tag = pa.DictionaryArray.from_arrays(pa.array(np.arange(TAGS, dtype=np.int32)), tags)
    empty = {name: pa.nulls(TAGS, SAMPLES.field(name).type) for name in ("vi", "vs", "vb", "code")}
    quality = pa.array(np.zeros(TAGS, np.int16))
    made = []
    for seq, (ts, value) in enumerate(values(n), start=1):
        columns = {**empty, "tag": tag, "ts": pa.array(ts).cast(SAMPLES.field("ts").type), "v": pa.array(value), "q": quality}
        rows = pa.RecordBatch.from_arrays([columns[name] for name in SAMPLES.names], schema=SAMPLES)
        made.append(Batch("bench", seq, START, rows))
    return made


def measure(give: Callable[[int], None], n: int, cpu: Callable[[], float], finish: Callable[[], None]) -> Run:
    """Give n batches one after the other and take the time and CPU until all is finished."""
    acks = np.zeros(n)
    used, begin = cpu(), time.perf_counter()
    for number in range(n):
        start = time.perf_counter()
        give(number)
        acks[number] = time.perf_counter() - start
    elapsed = time.perf_counter() - begin
    finish()
    return Run(n * TAGS / elapsed, (cpu() - used) / (n * TAGS) * 1e6, float(np.percentile(acks, 95)) * 1000)


def ours(folder: Path, made: list[Batch]) -> tuple[Run, float]:
    """Append, show and flush to the lake, all on this core; then the share of the core at a rated load."""
    store = Store(folder, None, Database(f"sqlite:///{folder / 'l.db'}"), StoreSettings(query_threads=1), Bus())
    store.start()

    def give(number: int) -> None:
        store.show(store.append([made[number]]))

    def check() -> None:
        store.flush()
        sids = store.sids("bench", made[0].rows.column(0).dictionary.to_pylist())
        found = store.span(sids[:10], 0, START + OURS * NS).num_rows
        if found != OURS * 10:
            raise AssertionError(f"{found} rows found of {OURS * 10}")

    run = measure(give, OURS, time.process_time, check)
    share = rated(store, made[OURS:])
    store.close()
    return run, share


def rated(store: Store, made: list[Batch]) -> float:
    """Return the percentage of a core that 50,000 values a second cost, with the flush of what came."""
    begin, used = time.perf_counter(), time.process_time()
    for number, batch in enumerate(made):
        time.sleep(max(0.0, begin + number * TAGS / RATED - time.perf_counter()))
        store.show(store.append([batch]))
    store.flush()
    return 100 * (time.process_time() - used) / (len(made) * TAGS / RATED)


def copy_rows(n: int) -> list[bytes]:
    """Return the same values as PostgreSQL's binary COPY wants them, made before the clock starts."""
    layout = [
        ("n", ">i2"),
        ("a", ">i4"),
        ("sid", ">i4"),
        ("b", ">i4"),
        ("ts", ">i8"),
        ("c", ">i4"),
        ("v", ">f8"),
        ("d", ">i4"),
        ("q", ">i2"),
    ]
    made = []
    for ts, value in values(n):
        rows = np.zeros(TAGS, layout)
        rows["n"], rows["a"], rows["b"], rows["c"], rows["d"] = 4, 4, 8, 8, 2
        rows["sid"], rows["ts"], rows["v"] = np.arange(TAGS), ts // 1000 - 946_684_800_000_000, value
        made.append(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + rows.tobytes() + struct.pack(">h", -1))
    return made


def postgres() -> Run:
    """COPY each batch into a table with the same key, committed durably, client and server on this core."""
    postgresql.QUICK.update({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "512MB"})
    made = copy_rows(PEERS)
    with postgresql.running() as server, server.connect() as connection:
        connection.execute("create table sample(sid int4, ts timestamptz, v float8, q int2, primary key (sid, ts, q))")
        pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])

        def give(number: int) -> None:
            with connection.cursor() as cursor, cursor.copy("copy sample from stdin (format binary)") as copy:
                copy.write(made[number])

        def cpu() -> float:
            tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            return time.process_time() + sum(sum(one.cpu_times()[:2]) for one in tree)

        return measure(give, PEERS, cpu, lambda: None)


def sqlite(folder: Path) -> Run:
    """Insert each batch as rows into a table with the same key: the peer where no PostgreSQL can be started."""
    db = sqlite3.connect(folder / "peer.db", isolation_level=None)
    db.executescript("pragma journal_mode=wal; pragma synchronous=full;")
    db.execute("create table sample(sid int, ts int, v real, q int, primary key (sid, ts, q)) without rowid")
    made = [list(zip(range(TAGS), ts.tolist(), value.tolist(), [0] * TAGS, strict=True)) for ts, value in values(PEERS)]

    def give(number: int) -> None:
        db.execute("begin immediate")
        db.executemany("insert or replace into sample values(?,?,?,?)", made[number])
        db.execute("commit")

    run = measure(give, PEERS, time.process_time, lambda: None)
    db.close()
    return run


def servers(folder: Path) -> dict[str, Run]:
    """Give the same batches to VictoriaMetrics and InfluxDB, where they are installed; both are asked with HTTP, as text."""
    found: dict[str, Run] = {}
    made = [(ts, value.tolist()) for ts, value in values(SERVERS)]
    for name, start, path, line, unit in (
        ("VictoriaMetrics (acknowledges before its disk)", victoria, "/api/v1/import/prometheus", 'v{{sid="{}"}} {} ', 1_000_000),
        ("InfluxDB 1.6", influx, "/write?db=bench&precision=u", "v,sid={} v={},q=0i ", 1_000),
    ):
        bodies = []
        for ts, value in made:
            rows = zip(range(TAGS), value, (ts // unit).tolist(), strict=True)
            bodies.append("\n".join(line.format(sid, v) + str(at) for sid, v, at in rows))
        (folder / name[:6]).mkdir()
        with start(folder / name[:6]) as server:
            if server is not None:
                server.post(path, bodies[0])  # the series are known to it before the clock starts
                found[name] = measure(
                    lambda n, s=server, p=path, b=bodies: s.post(p, b[n]) and None,
                    SERVERS,
                    lambda s=server: time.process_time() + s.cpu(),
                    lambda: None,
                )
    return found


def run() -> list[Row]:
    """Measure both sides one after the other on the same core."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mine, share = ours(folder, batches(OURS + 100))
        try:
            peer, other = "PostgreSQL COPY, same key", postgres()
        except postgresql.Absent:
            peer, other = "SQLite rows, same key", sqlite(folder)
        others = servers(folder)
    return [
        more_is_better(f"{NAME}/values", mine.rate, "1/s", peer, other.rate),
        more_is_better(f"{NAME}/values promised", mine.rate, "1/s", "promised", PROMISE),
        *(more_is_better(f"{NAME}/values", mine.rate, "1/s", name, one.rate) for name, one in others.items()),
        less_is_better(f"{NAME}/cpu", mine.cpu, "s per million", peer, other.cpu),
        less_is_better(f"{NAME}/acknowledged p95", mine.ack, "ms", peer, other.ack),
        less_is_better(f"{NAME}/core at 50,000 a second", share, "%", "promised", 8),
    ]
