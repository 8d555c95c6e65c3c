"""Questions to a month of values, with a writer beside them: now, a day raw, a month by minutes and hours, the state at a time.

`--points 100000000` asks at the promised size (39 tags a month long), `--points 260000000` has the hourly question's 100 tags.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from bench import query_peers
from bench.plantset import START, write
from bench.row import Row, less_is_better
from lineshaft.core import NS, Batch, Bus, Database, now_ns, samples
from lineshaft.store import Aim, Reading, Store, StoreSettings, Tag, files_of

NAME = "queries"
DAYS, MANY, SHORT, TIMES = 30, range(5_000), 120, 20
DAY = 86_400 * NS
LATE = START + DAYS * DAY
PROMISED = {
    "latest of 5,000": 10,
    "latest of 5,000 as arrays": 10,
    "one tag, one day raw": 15,
    "one tag, 30 days by minute": 60,
    "100 tags, 30 days by hour": 120,
    "as-of of 1,000": 100,
}
Took = Mapping[str, tuple[float, float]]


def long_tags() -> range:
    """Return the tags that are a month long: as many as the points asked for give, two at least."""
    points = int(os.environ.get("LINESHAFT_BENCH_POINTS", "0"))
    return range(max(2, round(points / (DAYS * 86_400))))


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Return p50 and p95 in ms of asking again and again, the first time not counted."""
    ask()
    took = np.zeros(TIMES)
    for n in range(TIMES):
        begin = time.perf_counter()
        ask()
        took[n] = (time.perf_counter() - begin) * 1000
    return float(np.percentile(took, 50)), float(np.percentile(took, 95))


@contextlib.contextmanager
def writing(give: Callable[[], object]) -> Iterator[None]:
    """Write 5,000 values every second beside what is measured."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1):
            give()

    give()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def filled(folder: Path) -> Store:
    """Return a store with the values taken in as files of an older historian, compacted."""
    begin = time.perf_counter()
    store = Store(folder, None, Database(f"sqlite:///{folder / 'l.db'}"), StoreSettings(), Bus())
    for name, tags, n, start in (("long", long_tags(), DAYS * 86_400, START), ("short", MANY, SHORT, LATE)):
        path = folder / f"{name}.parquet"
        write(path, tags, n, start)
        store.imports.take(path, Reading(), Aim())
        path.unlink()
    store.compact()
    rows = len(long_tags()) * DAYS * 86_400 + len(MANY) * SHORT
    print(f"{rows:,} values generated, taken in and compacted in {time.perf_counter() - begin:.0f} s")
    return store


def ours(folder: Path) -> Took:
    """Ask our own store."""
    store = filled(folder)
    store.start()
    refs = [Tag("import", f"t{n}") for n in MANY]
    sids = store.sids("import", [f"t{n}" for n in range(1000)])
    hundred = refs[: min(100, len(long_tags()))]
    asked: dict[str, Callable[[], object]] = {
        "latest of 5,000": lambda: store.latest(refs),
        "latest of 5,000 as arrays": lambda: store.latest_sids(store.sids("import", [ref.tag for ref in refs])),
        "one tag, one day raw": lambda: store.history(refs[0], START + 9 * DAY, START + 10 * DAY),
        "one tag, 30 days by minute": lambda: store.aggregates(refs[0], 60 * NS, START, LATE, ("avg", "min", "max")),
        "100 tags, 30 days by hour": lambda: store.aggregates_of(hundred, 3600 * NS, START, LATE, ("avg",)),
        "as-of of 1,000": lambda: store.span(sids, LATE + 60 * NS, LATE + 60 * NS, carry=True),
    }
    seq = iter(range(1, 1_000_000))

    def give() -> None:
        at, n = now_ns(), next(seq)
        rows = samples([{"tag": f"t{sid}", "ts": at, "value": float(n)} for sid in MANY])
        store.show(store.append([Batch("import", n, at, rows)]))

    with writing(give):
        found = {name: timed(ask) for name, ask in asked.items()}
    size = {
        kind: sum(Path(path).stat().st_size for path in files_of(store.lake.root, kind)) for kind in ("samples", "minute", "hour")
    }
    print(", ".join(f"{kind} {size[kind] / 1e6:,.1f} MB" for kind in size))
    store.close()
    return found


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        mine = ours(Path(name))
    others = query_peers.ask_all(long_tags(), timed, writing) if os.environ.get("LINESHAFT_BENCH_PEERS") != "no" else {}
    rows: list[Row] = []
    for name, (p50, p95) in mine.items():
        rows.append(less_is_better(f"{NAME}/{name} p50", p50, "ms", "promised", PROMISED[name]))
        rows.append(Row(f"{NAME}/{name} p95", p95, "ms"))
        for peer, took in others.items():
            if name in took:
                rows.append(less_is_better(f"{NAME}/{name} p50", p50, "ms", peer, took[name][0]))
    return rows
