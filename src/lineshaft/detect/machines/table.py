"""A model's table from the store: one row a step of time, means of measured values, the last of what is no number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa


class Store(Protocol):
    """What models ask the store."""

    def aggregates(
        self, ref: str, window_ns: int, start: int, end: int, functions: Sequence[str], *, partial: bool = False
    ) -> pa.Table:
        """Return a row a window."""
        ...


def gather(store: Store, paths: Sequence[str], texts: frozenset[str], every: int, start: int, end: int) -> dict[str, Any]:
    """Return `time` and a column a property over (start, end]; a step without a value is NaN (None for texts)."""
    first, last = start // every + 1, end // every
    size = max(last - first + 1, 0)
    table: dict[str, Any] = {"time": np.arange(first, last + 1, dtype=np.int64) * every}
    for path in paths:
        function = "last" if path in texts else "avg"
        found = store.aggregates(path, every, start, end, (function,)) if size else None
        column: Any = np.full(size, None, object) if path in texts else np.full(size, np.nan)
        if found is not None and found.num_rows:
            place = found["ts"].cast(pa.int64()).to_numpy() // every - first
            inside = (place >= 0) & (place < size)
            column[place[inside]] = found[function].to_numpy()[inside]
        table[path] = column
    return table
