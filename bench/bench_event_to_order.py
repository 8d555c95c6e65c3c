"""From an event to its work order on disk, while a thousand cases are open and wait for people: on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from bench.acting import Counter, alarm, works
from bench.row import Row, less_is_better
from lineshaft.maintain import OrderChanged
from tests.counterparts import postgresql

NAME = "event-to-order"
OPEN, EVENTS, PAUSE = 1_000, 200, 0.1
PROMISE_MS = 1_000.0
PROCESS = """\
process: bench
version: 1
start: [{event: alarm}]
one_open_case_per: "{asset}"
tasks:
  - {id: triage, does: triage.rule, gives: triage}
  - {id: open_work_order, does: work-order.create, gives: order}
  - {id: repair, does: work-order.repair, physical: true, role: technician, due: 8h}
"""


def run() -> list[Row]:
    rows = _figures("SQLite", "")
    with contextlib.suppress(postgresql.Absent), _server() as url:
        return rows + _figures("PostgreSQL", url)
    print("no PostgreSQL here", file=sys.stderr)
    return rows


@contextlib.contextmanager
def _server() -> Iterator[str]:
    postgresql.QUICK.update({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})
    with postgresql.running() as server:
        yield server.fresh()


def _figures(name: str, url: str) -> list[Row]:
    with works(url, PROCESS) as made:
        there = Counter()
        made.bus.on(OrderChanged, lambda event: there.note(event.asset, time.perf_counter()) if event.what == "create" else None)
        for number in range(OPEN):
            made.act.on_alarm(alarm(number, "bench"))
        there.wait(OPEN, 280)
        made.act.settle(280)
        took: list[float] = []
        for number in range(OPEN, OPEN + EVENTS):
            began = time.perf_counter()
            made.act.on_alarm(alarm(number, "bench"))
            there.wait(number + 1, 30)
            took.append((there.seen[f"Site/M{number}"] - began) * 1000)
            time.sleep(PAUSE)
    took.sort()
    label = f"event-to-order on {name}, {OPEN} open cases"
    return [
        Row(f"{label}, p50", took[len(took) // 2], "ms"),
        less_is_better(f"{label}, p99", took[int(len(took) * 0.99)], "ms", "promise", PROMISE_MS),
    ]
