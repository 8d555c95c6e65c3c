"""Questions to a month of values: the newest of all, a day raw, a month by minutes, the state at a time; beside PostgreSQL."""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.plantset import START, tag_times, tag_values, write
from bench.row import Row, less_is_better
from lineshaft.core import NS, Bus, Database
from lineshaft.store import Aim, Reading, Store, StoreSettings, Tag
from tests.counterparts import postgresql

NAME = "queries"
LONG, DAYS, MANY, SHORT, TIMES = range(2), 30, range(5_000), 120, 20
DAY = 86_400 * NS
LATE = START + DAYS * DAY
QUESTIONS = (
    "latest of 5,000",
    "latest of 5,000 as arrays",
    "one tag, one day raw",
    "one tag, 30 days by minute",
    "as-of of 1,000",
)
NEWEST = "select distinct on (sid) sid, ts, v, q from newest order by sid, ts desc"
RAW = f"select ts, v, q from sample where sid = 0 and ts > {START + 9 * DAY} and ts <= {START + 10 * DAY} order by ts"
PEER = {
    QUESTIONS[0]: NEWEST,
    QUESTIONS[1]: NEWEST,
    QUESTIONS[2]: RAW,
    QUESTIONS[3]: "select ts / 60000000000, avg(v), min(v), max(v) from sample where sid = 0 group by 1 order by 1",
    QUESTIONS[4]: "select sid, l.* from generate_series(0, 999) sid, lateral (select ts, v, q from sample s "
    f"where s.sid = sid and ts <= {LATE + 60 * NS} order by ts desc limit 1) l",
}


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Return p50 and p95 in ms of asking again and again, the first time not counted."""
    ask()
    took = np.zeros(TIMES)
    for n in range(TIMES):
        begin = time.perf_counter()
        ask()
        took[n] = (time.perf_counter() - begin) * 1000
    return float(np.percentile(took, 50)), float(np.percentile(took, 95))


def ours(folder: Path) -> dict[str, tuple[float, float]]:
    """Take the values in as files of an older historian, compact, and ask."""
    store = Store(folder, None, Database(f"sqlite:///{folder / 'l.db'}"), StoreSettings(), Bus())
    for name, tags, n, start in (("long", LONG, DAYS * 86_400, START), ("short", MANY, SHORT, LATE)):
        write(folder / f"{name}.parquet", tags, n, start)
        store.imports.take(folder / f"{name}.parquet", Reading(), Aim())
    store.compact()
    refs = [Tag("import", f"t{n}") for n in MANY]
    sids = store.sids("import", [f"t{n}" for n in range(1000)])
    minutes = ("avg", "min", "max")
    asked: dict[str, Callable[[], object]] = {
        QUESTIONS[0]: lambda: store.latest(refs),
        QUESTIONS[1]: lambda: store.latest_sids(store.sids("import", [ref.tag for ref in refs])),
        QUESTIONS[2]: lambda: store.history(refs[0], START + 9 * DAY, START + 10 * DAY),
        QUESTIONS[3]: lambda: store.aggregates(refs[0], 60 * NS, START, LATE, minutes),
        QUESTIONS[4]: lambda: store.span(sids, LATE + 60 * NS, LATE + 60 * NS, carry=True),
    }
    found = {name: timed(ask) for name, ask in asked.items()}
    store.close()
    return found


def binary(sid: int, ts: np.ndarray, v: np.ndarray) -> bytes:
    """Return values of one tag as rows of PostgreSQL's binary COPY."""
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
    rows = np.zeros(len(ts), layout)
    rows["n"], rows["a"], rows["b"], rows["c"], rows["d"] = 4, 4, 8, 8, 2
    rows["sid"], rows["ts"], rows["v"] = sid, ts, v
    return b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + rows.tobytes() + struct.pack(">h", -1)


def postgres() -> dict[str, tuple[float, float]]:
    """Ask PostgreSQL the same, with the same key; its newest values are a table of their own, as one would keep them."""
    postgresql.QUICK.update({"shared_buffers": "512MB"})
    with postgresql.running() as server, server.connect() as connection:
        connection.execute("create table sample(sid int4, ts int8, v float8, q int2)")
        with connection.cursor() as cursor:
            for tags, n, start in ((LONG, DAYS * 86_400, START), (MANY, SHORT, LATE)):
                for sid in tags:
                    with cursor.copy("copy sample from stdin (format binary)") as copy:
                        copy.write(binary(sid, tag_times(sid, n, start), tag_values(sid, n)))
        connection.execute("alter table sample add primary key (sid, ts, q)")
        connection.execute("create table newest as select distinct on (sid) * from sample order by sid, ts desc")
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze")
        return {name: timed(lambda sql=sql: connection.execute(sql).fetchall()) for name, sql in PEER.items()}


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        mine = ours(Path(name))
    try:
        other = postgres()
    except postgresql.Absent as error:
        print(f"no peer PostgreSQL here: {error}")
        other = {}
    rows: list[Row] = []
    for name, (p50, p95) in mine.items():
        peer = other.get(name)
        rows.append(
            less_is_better(f"{NAME}/{name} p50", p50, "ms", "PostgreSQL", peer[0])
            if peer
            else Row(f"{NAME}/{name} p50", p50, "ms")
        )
        rows.append(
            less_is_better(f"{NAME}/{name} p95", p95, "ms", "PostgreSQL", peer[1])
            if peer
            else Row(f"{NAME}/{name} p95", p95, "ms")
        )
    return rows
