"""Bytes a raw point takes in the lake after compaction, and how fast an older historian's Parquet comes in."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.plantset import write
from bench.row import Row, less_is_better, more_is_better
from lineshaft.core import Bus, Database
from lineshaft.store import Aim, Reading, Store, StoreSettings, files_of

NAME = "bytes"
TAGS, SECONDS = 200, 30_000
PROMISED_BYTES, PROMISED_ROWS = 3.2, 1_000_000


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = write(folder / "old.parquet", range(TAGS), SECONDS)
        store = Store(folder, None, Database(f"sqlite:///{folder / 'l.db'}"), StoreSettings(), Bus())
        begin, used = time.perf_counter(), time.process_time()
        taken = store.imports.take(folder / "old.parquet", Reading(), Aim())
        elapsed, cpu = time.perf_counter() - begin, time.process_time() - used
        store.compact()
        size, minutes, hours = (
            sum(Path(path).stat().st_size for path in files_of(store.lake.root, table)) for table in ("samples", "minute", "hour")
        )
        store.close()
    if taken.stored != rows:
        raise AssertionError(f"{taken.stored} rows stored of {rows}")
    cores = len(os.sched_getaffinity(0))
    return [
        less_is_better(f"{NAME}/per point", size / rows, "B", "promised", PROMISED_BYTES),
        Row(f"{NAME}/roll-ups by the minute, per raw point", minutes / rows, "B"),
        Row(f"{NAME}/roll-ups by the hour, per raw point", hours / rows, "B"),
        more_is_better(f"{NAME}/import from Parquet", rows / elapsed, f"rows/s on {cores} cores", "promised", PROMISED_ROWS),
        Row(f"{NAME}/import cpu", cpu / rows * 1e6, "s per million rows"),
    ]
