"""Hot: rows not in the lake yet, in an in-memory DuckDB table, and the last value of every series in arrays.

Rows are shown as Arrow batches and enter DuckDB many batches at once: when enough wait, or when somebody asks. A flush
turns to a fresh table (a generation) and frees the old one when its last reader is gone.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.store.judge import kinds_of
from lineshaft.store.last import Last, ascending, newest, usable
from lineshaft.store.settings import StoreSettings
from lineshaft.store.stored import STORED, Ints, ints, sids_of

_FOLD = 200_000
_COLUMNS = "sid integer, ts bigint, v double, vi bigint, vs varchar, vb boolean, q smallint, code integer"
_RARE = {"vi": "bigint", "vs": "varchar", "vb": "boolean", "code": "integer"}


class Generation:
    """One table of hot rows and the range of time it covers.

    It is orderly while every row was newer than all its series had anywhere: then no key can be there twice, here or below.
    """

    def __init__(self, number: int) -> None:
        self.table = f"hot_{number}"
        self.arrival = f"{number << 40} + rowid"
        self.rows = 0
        self.min_ts = np.iinfo(np.int64).max
        self.max_ts = np.iinfo(np.int64).min
        self.used: set[str] = set()
        self.orderly = True

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether any row may lie in (start, end]."""
        return self.rows > 0 and self.min_ts <= end and self.max_ts > start

    def columns(self, names: str) -> str:
        """Return columns as SQL, those without any value as typed nulls (to fetch stored nulls costs like values)."""
        words = names.split(", ")
        return ", ".join(f"null::{_RARE[w]} as {w}" if w in _RARE and w not in self.used else w for w in words)


class Hot:
    """The rows shown and not flushed. One thread shows; any thread reads."""

    def __init__(self, settings: StoreSettings, scratch: Path) -> None:
        self.any = Last()
        self.good = Last()
        self.lock = threading.RLock()
        self._engine = duckdb.connect()
        self._engine.execute(f"set threads={settings.query_threads}")
        self._engine.execute(f"set memory_limit='{settings.query_memory}'")
        self._engine.execute(f"set temp_directory='{str(scratch).replace(chr(39), chr(39) * 2)}'")
        self._engine.execute("set timezone='UTC'; set parquet_metadata_cache=true")
        self._writer = self._engine.cursor()
        self._staged: list[pa.RecordBatch] = []
        self._waiting = 0
        self._orderly = True
        self._number = 1 << 22  # arrival numbers of memory lie above those of late files
        self._free: list[str] = []
        self.generations: tuple[Generation, ...] = (self._generation(),)

    def _generation(self) -> Generation:
        self._number += 1
        generation = Generation(self._number)
        self._writer.execute(f"create table {generation.table}({_COLUMNS})")
        weakref.finalize(generation, self._free.append, generation.table)
        return generation

    @property
    def rows(self) -> int:
        """How many rows are in memory."""
        return sum(g.rows for g in self.generations) + self._waiting

    def show(self, batches: Sequence[pa.RecordBatch]) -> None:
        """Make rows visible to every read from now on: either all of them, or none if it fails."""
        with self.lock:
            orderly = [self.remember(rows) for rows in batches]
            self._orderly = self._orderly and all(orderly)
            self._staged += [rows for rows in batches if rows.num_rows]
            self._waiting += sum(rows.num_rows for rows in batches)
            if self._waiting >= _FOLD:
                with contextlib.suppress(duckdb.Error):  # they are shown: the next read, or the flush, tries again and tells
                    self._fold()

    def distrust(self) -> None:
        """Look for double keys in what is in memory and comes next: the lake may have taken in some of it."""
        with self.lock:
            self._orderly = False
            for generation in self.generations:
                generation.orderly = False

    def remember(self, rows: pa.RecordBatch) -> bool:
        """Take rows into the last values only; return whether each was newer than all its series had."""
        if not rows.num_rows:
            return True
        sids, ts, kinds = sids_of(rows), ints(rows.column(1)), kinds_of(rows)
        places = newest(sids, ts)
        orderly = bool((ts > self.any.arrays(sids)[0]).all()) and (len(places) == len(ts) or ascending(sids, ts))
        self.any.take(rows, sids, ts, kinds, places)
        good = usable(rows, kinds)
        if good.all():
            self.good.take(rows, sids, ts, kinds, places)
        elif good.any():
            fit = np.flatnonzero(good)
            self.good.take(rows, sids, ts, kinds, fit[newest(sids[fit], ts[fit])])
        spoiled = ~good & (rows.column(6).to_numpy(zero_copy_only=False) == 0)
        if spoiled.any():
            self.good.doubt(sids[spoiled], ts[spoiled])
        return orderly

    def remember_below(self, batches: Sequence[pa.RecordBatch], ts: Ints) -> None:
        """Take the newest of rows that go to the lake at the times `ts` into the last values.

        Where rows in memory may have one of their keys, both are looked for from now on; call it before readers see the file.
        """
        with self.lock:
            for rows in batches:
                self.remember(rows)
            if self.overlaps(ts):
                self.distrust()

    def overlaps(self, ts: Ints) -> bool:
        """Return whether a row in memory may lie between the first and the last of some times."""
        if not len(ts):
            return False
        low, high = int(ts.min()), int(ts.max())
        with self.lock:
            waiting = ((int(at.min()), int(at.max())) for at in (ints(rows.column(1)) for rows in self._staged))
            return any(g.overlaps(low - 1, high) for g in self.generations) or any(a <= high and b >= low for a, b in waiting)

    def _fold(self) -> None:
        if not self._staged:
            return
        current = self.generations[-1]
        current.orderly, self._orderly = current.orderly and self._orderly, True
        table = pa.Table.from_batches(self._staged, STORED)
        times = [ints(batch.column(1)) for batch in self._staged]
        current.min_ts = min(current.min_ts, *(int(ts.min()) for ts in times))
        current.max_ts = max(current.max_ts, *(int(ts.max()) for ts in times))
        current.used.update(name for name in _RARE if table.column(name).null_count < len(table))
        columns = [table.column(0), pa.chunked_array([pa.array(ts) for ts in times]), *table.columns[2:]]
        self._writer.register("staged", pa.table(columns, names=STORED.names))
        self._writer.execute(f"insert into {current.table} select * from staged")
        self._writer.unregister("staged")
        current.rows += len(table)
        self._staged, self._waiting = [], 0

    def read(self) -> tuple[Generation, ...]:
        """Return the generations with everything shown so far in them; hold them as long as you read."""
        with self.lock:
            self._fold()
            return self.generations

    def turn(self) -> tuple[Generation, ...]:
        """Begin a fresh generation and return the closed ones: the rows a flush has to write."""
        with self.lock:
            self._fold()
            self._sweep()
            closed = tuple(g for g in self.generations if g.rows)
            self.generations = (*closed, self._generation())
            return closed

    def drop(self, closed: Sequence[Generation]) -> None:
        """Let go of generations whose rows are in the lake; their memory is freed when the last reader is gone."""
        with self.lock:
            self.generations = tuple(g for g in self.generations if g not in closed)

    def _sweep(self) -> None:
        while self._free:
            self._writer.execute(f"drop table {self._free.pop()}")

    def sweep(self) -> None:
        """Free the tables nobody reads any more."""
        with self.lock:
            self._sweep()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for one read."""
        return self._engine.cursor()

    def content(self, closed: Sequence[Generation]) -> pa.Table:
        """Return the rows of generations in the order of their arrival, `ts` as nanoseconds."""
        reader = self.cursor()
        names = ", ".join(STORED.names)
        parts = [reader.sql(f"select {g.columns(names)} from {g.table}").to_arrow_table() for g in closed]
        return pa.concat_tables(parts)

    def close(self) -> None:
        """Free the memory; everything is in the journal or the lake."""
        with self.lock:
            self._writer.close()
            self._engine.close()
