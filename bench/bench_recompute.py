"""One shift computed again for a hundred metrics: preview and apply, from the lake, until the new values are durable."""

from __future__ import annotations

import time

from bench.plant import METRICS, MINUTE, close, minute_of, plant, take
from bench.row import Row, less_is_better
from lineshaft.app import Plant
from lineshaft.compute import Request
from lineshaft.core import NS, Batch, now_ns, samples

NAME = "recompute"
MACHINES, HOURS = 10, 8
PROMISE_S = 5.0


def late(made: Plant, start: int) -> None:
    """Correct the load of every machine once a minute: each window of the shift has a new figure to give."""
    rows = [
        {"tag": f"M{n}/Load", "ts": start + minute * MINUTE + 30 * NS, "value": 99.0}
        for n in range(MACHINES)
        for minute in range(HOURS * 60)
    ]
    stored = made.store.append([Batch("bench", 10_000_000, now_ns(), samples(rows))])
    made.store.show(stored)


def run() -> list[Row]:
    """Feed a shift at 1 Hz, flush it, correct it without telling compute, and recompute."""
    start = now_ns() // MINUTE * MINUTE - (HOURS * 60 + 10) * MINUTE
    with plant(MACHINES) as made:
        for minute in range(HOURS * 60 + 1):
            take(made, minute_of(MACHINES, start + minute * MINUTE, 1 + 100 * minute))
            if minute % 20 == 0:
                close(made)
        while close(made)[0]:
            pass
        made.store.flush()
        late(made, start)
        made.compute.recompute.start()
        request = Request(("Site",), start, start + HOURS * 60 * MINUTE, "correction")
        begin = time.perf_counter()
        seen = made.compute.recompute.preview(request)
        if not made.compute.recompute.wait(seen.id, 120):
            raise RuntimeError("the preview did not end")
        previewed = time.perf_counter() - begin
        job = made.compute.recompute.prepare(request)
        begin = time.perf_counter()
        with made.db.begin() as tx:
            made.compute.recompute.ask(tx, job)
        if not made.compute.recompute.wait(job.id, 120):
            raise RuntimeError("the recompute did not end")
        applied = time.perf_counter() - begin
        told = made.compute.recompute.one(job.id)
    windows = MACHINES * len(METRICS) * HOURS * 60
    if told["state"] != "done" or told["changed"] < windows / 4 or seen.changed != told["changed"]:
        raise RuntimeError(f"{told['state']}: {told['changed']} of {windows} windows changed, {seen.changed} in the preview")
    said = f"recompute: {MACHINES * len(METRICS)} metrics, {HOURS} h of minutes"
    return [
        less_is_better(f"{said}, previewed", previewed, "s", "promise", PROMISE_S),
        less_is_better(f"{said}, applied and durable", applied, "s", "promise", PROMISE_S),
    ]
