"""The questions of `bench_queries` to PostgreSQL, VictoriaMetrics and InfluxDB: same values and writer, whole answers."""

from __future__ import annotations

import contextlib
import json
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np

from bench.peers import Server, influx, victoria
from bench.plantset import START, tag_times, tag_values
from lineshaft.core import NS
from tests.counterparts import postgresql

DAYS, MANY, SHORT = 30, range(5_000), 120
DAY = 86_400 * NS
LATE = START + DAYS * DAY
Timed = Callable[[Callable[[], object]], tuple[float, float]]
Writing = Callable[[Callable[[], object]], contextlib.AbstractContextManager[None]]
Took = dict[str, tuple[float, float]]


def ask_all(long: range, timed: Timed, writing: Writing) -> dict[str, Took]:
    """Ask every peer that is here."""
    found: dict[str, Took] = {}
    try:
        found["PostgreSQL"] = postgres(long, timed, writing)
    except postgresql.Absent as error:
        print(f"no peer PostgreSQL here: {error}")
    for name, start, ask in (("VictoriaMetrics", victoria, _victoria), ("InfluxDB 1.6", influx, _influx)):
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as server:
            if server is not None:
                found[name] = ask(server, long, timed, writing)
    return found


def _pieces(long: range) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Return (tag, times, values) of everything, in pieces of at most half a million."""
    for tags, n, start in ((long, DAYS * 86_400, START), (MANY, SHORT, LATE)):
        for sid in tags:
            ts, values = tag_times(sid, n, start), tag_values(sid, n)
            for at in range(0, n, 500_000):
                yield sid, ts[at : at + 500_000], values[at : at + 500_000]


def postgres(long: range, timed: Timed, writing: Writing) -> Took:
    """Ask PostgreSQL, with the same key; its newest values are a table of their own, as one would keep them."""
    hundred = min(100, len(long))
    asked = {
        "latest of 5,000": "select sid, ts, v, q from newest",
        "one tag, one day raw": f"select ts, v, q from sample where sid = 0 and ts > {START + 9 * DAY} "
        f"and ts <= {START + 10 * DAY} order by ts",
        "one tag, 30 days by minute": "select (ts - 1) / 60000000000, avg(v), min(v), max(v) from sample "
        f"where sid = 0 and ts <= {LATE} group by 1 order by 1",
        "100 tags, 30 days by hour": "select sid, (ts - 1) / 3600000000000, avg(v) from sample "
        f"where sid < {hundred} and ts <= {LATE} group by 1, 2 order by 1, 2",
        "as-of of 1,000": "select sid, l.* from generate_series(0, 999) sid, lateral (select ts, v, q from sample s "
        f"where s.sid = sid and ts <= {LATE + 60 * NS} order by ts desc limit 1) l",
    }
    postgresql.QUICK.update({"shared_buffers": "512MB"})
    with postgresql.running() as server, server.connect() as connection, server.connect() as other:
        connection.execute("create table sample(sid int4, ts int8, v float8, q int2)")
        with connection.cursor() as cursor, cursor.copy("copy sample from stdin (format binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
            for sid, ts, values in _pieces(long):
                copy.write(_binary(sid, ts, values))
            copy.write(struct.pack(">h", -1))
        connection.execute("alter table sample add primary key (sid, ts, q)")
        connection.execute("create table newest as select distinct on (sid) * from sample order by sid, ts desc")
        connection.commit()
        connection.autocommit = other.autocommit = True
        connection.execute("vacuum analyze")

        def give() -> None:
            other.execute("insert into sample select n, %s, 1.5, 0 from generate_series(0, 4999) n", [time.time_ns()])

        with writing(give):
            return {name: timed(lambda sql=sql: connection.execute(sql).fetchall()) for name, sql in asked.items()}


def _binary(sid: int, ts: np.ndarray, v: np.ndarray) -> bytes:
    """Return values of one tag as rows of PostgreSQL's binary COPY."""
    names = (
        ("n", ">i2"),
        ("a", ">i4"),
        ("sid", ">i4"),
        ("b", ">i4"),
        ("ts", ">i8"),
        ("c", ">i4"),
        ("v", ">f8"),
        ("d", ">i4"),
        ("q", ">i2"),
    )
    rows = np.zeros(len(ts), list(names))
    rows["n"], rows["a"], rows["b"], rows["c"], rows["d"] = 4, 4, 8, 8, 2
    rows["sid"], rows["ts"], rows["v"] = sid, ts, v
    return rows.tobytes()


def _victoria(server: Server, long: range, timed: Timed, writing: Writing) -> Took:
    for sid, ts, values in _pieces(long):
        line = {"metric": {"__name__": "v", "sid": str(sid)}, "values": values.tolist(), "timestamps": (ts // 1_000_000).tolist()}
        server.post("/api/v1/import", json.dumps(line))
    server.get("/internal/force_flush")
    tags = "|".join(str(sid) for sid in long[:100])

    def at(query: str, ts: int) -> None:
        server.get(f"/api/v1/query?{urlencode({'query': query, 'time': ts // NS})}")

    def windows(query: str, step: int) -> None:
        server.get(
            "/api/v1/query_range?"
            + urlencode({"query": query, "start": START // NS + step, "end": LATE // NS, "step": step, "nocache": 1})
        )

    def minutes() -> None:
        for function in ("avg", "min", "max"):
            windows(f'{function}_over_time(v{{sid="0"}}[1m])', 60)

    day = urlencode({"match[]": 'v{sid="0"}', "start": (START + 9 * DAY) // NS, "end": (START + 10 * DAY) // NS})
    asked: dict[str, Callable[[], object]] = {
        "latest of 5,000": lambda: at("v", LATE + 119 * NS),
        "one tag, one day raw": lambda: server.get(f"/api/v1/export?{day}"),
        "one tag, 30 days by minute": minutes,
        "100 tags, 30 days by hour": lambda: windows(f'avg_over_time(v{{sid=~"{tags}"}}[1h])', 3600),
        "as-of of 1,000": lambda: at('v{sid=~"[0-9]{1,3}"}', LATE + 60 * NS),
    }

    def give() -> None:
        now = time.time_ns() // 1_000_000
        server.post("/api/v1/import/prometheus", "\n".join(f'v{{sid="{sid}"}} 1.5 {now}' for sid in MANY))

    with writing(give):
        return {name: timed(ask) for name, ask in asked.items()}


def _influx(server: Server, long: range, timed: Timed, writing: Writing) -> Took:
    waiting: list[str] = []
    for sid, ts, values in _pieces(long):
        waiting += [f"v,sid={sid} v={v},q=0i {at}" for v, at in zip(values.tolist(), ts.tolist(), strict=True)]
        if len(waiting) >= 200_000:
            for at in range(0, len(waiting), 100_000):
                server.post("/write?db=bench&precision=ns", "\n".join(waiting[at : at + 100_000]))
            waiting.clear()
    if waiting:
        server.post("/write?db=bench&precision=ns", "\n".join(waiting))
    tags = "|".join(str(sid) for sid in long[:100])
    within = f"time > {START} and time <= {LATE}"
    asked = {
        "latest of 5,000": "select last(v) from v group by sid",
        "one tag, one day raw": f"select v, q from v where sid='0' and time > {START + 9 * DAY} and time <= {START + 10 * DAY}",
        "one tag, 30 days by minute": f"select mean(v), min(v), max(v) from v where sid='0' and {within} group by time(1m)",
        "100 tags, 30 days by hour": f"select mean(v) from v where sid =~ /^({tags})$/ and {within} group by time(1h), sid",
        "as-of of 1,000": "select last(v) from v where sid =~ /^[0-9]{1,3}$/ "
        f"and time > {LATE} and time <= {LATE + 60 * NS} group by sid",
    }

    def give() -> None:
        now = time.time_ns()
        server.post("/write?db=bench&precision=ns", "\n".join(f"v,sid={sid} v=1.5,q=0i {now}" for sid in MANY))

    def ask(query: str) -> bytes:
        return server.get(f"/query?db=bench&epoch=ns&q={quote(query)}")

    with writing(give):
        return {name: timed(lambda q=query: ask(q)) for name, query in asked.items()}
