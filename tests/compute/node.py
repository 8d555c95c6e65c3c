"""A small node for tests: real assets, production and store joined with compute the way the plant joins them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import pyarrow as pa

from lineshaft import assets, compute, production, store
from lineshaft.core import Batch, Bus, Database, SystemEvent
from tests.schema import migrate


class Node:
    """The rooms up to compute in one folder; opened again, it goes on where it stopped."""

    def __init__(self, home: Path, config: Path, settings: compute.ComputeSettings | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.told: list[SystemEvent] = []
        self.bus = Bus()
        self.bus.on(SystemEvent, self.told.append)
        self.db = Database(f"sqlite:///{home / 'lineshaft.db'}")
        rooms = {r.__name__: r.MIGRATIONS for r in (assets, production, store, compute)}
        migrate(self.db, rooms)
        self.assets = assets.Assets(self.db, self.bus)
        self.loaded = self.assets.load(config)
        self.production = production.Production(self.db, self.assets)
        self.production.load(config)
        self.store = store.Store(home, self.assets, self.db, bus=self.bus)
        self.compute = compute.Compute(
            self.assets, self.production, self.store, self.db, settings or compute.ComputeSettings(), self.bus
        )
        for stored in self.store.unprocessed():
            self._derive(stored)
        self._seq = 0

    def _derive(self, stored: store.Stored) -> None:
        self.store.show(self.store.append_derived(self.compute.on_rows(stored), stored.seq))

    def arrive(self, source: str, rows: pa.RecordBatch) -> store.Stored:
        """One batch of a source arrives."""
        self._seq += 1
        (stored,) = self.store.append([Batch(source, self._seq, 0, rows)])
        self.store.show(stored)
        self._derive(stored)
        return stored

    def close_windows(self, now: int | None = None) -> int:
        rows = self.compute.close(now)
        if rows.num_rows:
            self.store.show(self.store.append_derived(rows, 0))
        return rows.num_rows

    def values(self, path: str, start: int = 0, end: int = 2**62) -> dict[int, object]:
        """The good values of a property by time."""
        table = self.store.history(path, start, end, good_only=True)
        times = table.column("ts").cast(pa.int64()).to_pylist()
        values = table.column("value").to_pylist()
        return {ts: value for ts, value in zip(times, values, strict=True) if value is not None}

    def close(self) -> None:
        self.store.close()
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def chunks(rows: list, size: int) -> Iterable[list]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
