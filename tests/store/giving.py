"""Batches in few words."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from lineshaft.core import Batch, samples
from lineshaft.store import Store, Stored

T0 = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z in nanoseconds."""
SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def batch(seq: int, rows: Sequence[tuple[object, ...]], source: str = "m") -> Batch:
    """A batch of (tag, ts, value[, quality])."""
    dicts = [{"tag": r[0], "ts": r[1], "value": r[2], "q": r[3] if len(r) > 3 else 0} for r in rows]
    return Batch(source, seq, T0, samples(dicts))


def give(store: Store, seq: int, rows: Sequence[tuple[object, ...]], source: str = "m") -> Stored:
    """Append one batch and show it."""
    stored = store.append([batch(seq, rows, source)])
    store.show(stored)
    return stored[0]


def plain(table: pa.Table) -> list[tuple[object, ...]]:
    """Rows of a table as tuples, times as nanoseconds."""
    place = table.schema.get_field_index("ts")
    whole = table.set_column(place, "ts", table["ts"].cast(pa.int64())) if place >= 0 else table
    return list(zip(*(column.to_pylist() for column in whole.columns), strict=True))
