"""Cases a second and from start to finish, on SQLite and PostgreSQL, beside plain DBOS with as many steps and the same database.

A case of ours writes, beside DBOS's own rows, its tasks, its line in the tower and its audit row, each move in one transaction
that is synced; a plain DBOS workflow writes DBOS's rows.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from bench.acting import Counter, Works, alarm, works
from bench.row import Row, less_is_better, more_is_better
from lineshaft.act import CaseChanged
from lineshaft.act.engine import sqlite_engine
from tests.counterparts import postgresql

NAME = "cases"
SINGLE, MANY = 60, 200
PROCESS = """\
process: bench
version: 1
start: [{event: alarm}]
one_open_case_per: "{asset}"
tasks:
  - {id: one, does: triage.rule, gives: one}
  - {id: two, does: idle.cost, gives: two}
  - {id: three, does: triage.rule, gives: three}
"""
Figures = tuple[float, float, float]
"""Things a second with four threads; p50 and p95 of one alone, in ms."""


@DBOS.step(name="bench.step")
def _step(number: int) -> int:
    return number + 1


@DBOS.workflow(name="bench.flow")
def _flow(number: int) -> int:
    return _step(_step(_step(number)))


def run() -> list[Row]:
    rows = [*_pair("SQLite", "")]
    try:
        with _server() as fresh:
            rows += _pair("PostgreSQL", fresh())
    except postgresql.Absent as error:
        print(f"no PostgreSQL here: {error}", file=sys.stderr)
    return rows


@contextlib.contextmanager
def _server() -> Iterator[Callable[[], str]]:
    """Yield what makes an empty database of a PostgreSQL that syncs every commit."""
    postgresql.QUICK.update({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})
    with postgresql.running() as server:
        yield server.fresh


def _pair(name: str, url: str) -> list[Row]:
    plain = _plain(url)
    with works(url, PROCESS) as made:
        ours = _ours(made)
    return [
        more_is_better(f"cases on {name}, 4 threads", ours[0], "1/s", "plain DBOS", plain[0]),
        less_is_better(f"cases on {name}, start to finish, p50", ours[1], "ms", "plain DBOS", plain[1]),
        less_is_better(f"cases on {name}, start to finish, p95", ours[2], "ms", "plain DBOS", plain[2]),
    ]


def _ours(made: Works) -> Figures:
    done = Counter()
    made.bus.on(CaseChanged, lambda event: done.note(event.asset, time.perf_counter()) if event.state == "done" else None)
    took: list[float] = []
    for number in range(SINGLE):
        began = time.perf_counter()
        made.act.on_alarm(alarm(number, "bench"))
        done.wait(number + 1, 30)
        took.append(done.seen[f"Site/M{number}"] - began)
    began = time.perf_counter()
    for number in range(SINGLE, SINGLE + MANY):
        made.act.on_alarm(alarm(number, "bench"))
    done.wait(SINGLE + MANY, 240)
    return MANY / (time.perf_counter() - began), *_quantiles(took[10:])


def _plain(url: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        path = f"sqlite:///{Path(folder) / 'plain.db'}"
        config: DBOSConfig = {
            "name": "bench",
            "application_version": "bench",
            "system_database_url": url.replace("postgresql+psycopg://", "postgresql://") or path,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "max_executor_threads": 4,
        }
        if not url:
            config["system_database_engine"] = sqlite_engine(path)
        DBOS(config=config)
        DBOS.launch()
        try:
            return _flows()
        finally:
            DBOS.destroy()


def _flows() -> Figures:
    took: list[float] = []
    for number in range(SINGLE):
        began = time.perf_counter()
        _flow(number)
        took.append(time.perf_counter() - began)
    began, left = time.perf_counter(), list(range(MANY))

    def work() -> None:
        with contextlib.suppress(IndexError):
            while True:
                _flow(left.pop())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return MANY / (time.perf_counter() - began), *_quantiles(took[10:])


def _quantiles(took: list[float]) -> tuple[float, float]:
    ordered = sorted(took)
    return statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.95)] * 1000
