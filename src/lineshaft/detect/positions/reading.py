"""What the streams of a position said since the last look: one reading a step of time, and whether the machine ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.detect.detector import Bools, Floats, Ints

SETTLE = 3 * 10**9
"""Values of a step may arrive so much later than its end."""
MOST = 2_000
"""After a long rest so many steps are made up for, the newest."""


class Store(Protocol):
    """What positions ask the store."""

    def aggregates(
        self, ref: str, window_ns: int, start: int, end: int, functions: Sequence[str], *, partial: bool = False
    ) -> pa.Table:
        """Return a row a window."""
        ...

    def history(self, ref: str, start: int, end: int, *, good_only: bool = False) -> pa.Table:
        """Return (ts, value, q) over (start, end]."""
        ...

    def before(self, ref: str, at: int) -> Any:
        """Return the last good value at or before a time."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """One step: its end, vibration and temperature (None where nothing came), and whether the machine ran all through it."""

    at: int
    vibration: float | None
    temperature: float | None
    running: bool


def readings(store: Store, row: dict[str, Any], until: int) -> list[Reading]:
    """Return the steps that are whole and have settled since `through`."""
    every = int(row["every"])
    last = (until - SETTLE) // every * every
    first = max(-(-int(row["through"]) // every) * every, last - MOST * every)
    if last <= first or not (row["vibration"] or row["temperature"]):
        return []
    times = np.arange(first // every + 1, last // every + 1, dtype=np.int64) * every
    runs = running(store, row["running"], first, times)
    settings = row["settings"]
    shakes = _means(store, row["vibration"], every, first, last) * settings["factor"]
    factor, offset = settings["warmth"]
    warms = _means(store, row["temperature"], every, first, last) * factor + offset
    known = [[None if np.isnan(value) else float(value) for value in column] for column in (shakes, warms)]
    return [Reading(int(at), shake, warm, bool(on)) for at, shake, warm, on in zip(times, *known, runs, strict=True)]


def _means(store: Store, stream: str, every: int, first: int, last: int) -> Floats:
    """Return the mean of a stream's good values in each step, missing where none came."""
    column: Floats = np.full((last - first) // every, np.nan)
    found = store.aggregates(stream, every, first, last, ("avg",)) if stream else None
    if found is not None and found.num_rows:
        places = (found["ts"].cast(pa.int64()).to_numpy() - first) // every - 1
        inside = (places >= 0) & (places < len(column))
        column[places[inside]] = found["avg"].to_numpy().astype(np.float64)[inside]
    return column


def running(store: Store, stream: str, start: int, ends: Ints) -> Bools:
    """Return for each step whether the machine ran all through it; a machine without such a signal always does.

    What was said last holds until something else is said: such signals often come on change only.
    """
    if not stream or not len(ends):
        return np.ones(len(ends), np.bool_)
    before = store.before(stream, start)
    said = store.history(stream, start, int(ends[-1]), good_only=True)
    times = said["ts"].cast(pa.int64()).to_numpy()
    values = np.array([bool(value) for value in said["value"].to_pylist()], np.bool_)
    state = bool(before.value) if before is not None else bool(values[0]) if len(values) else True
    places = np.searchsorted(times, ends, side="right")
    found = np.empty(len(ends), np.bool_)
    begin = 0
    for step, end in enumerate(places.tolist()):
        inside = values[begin:end]
        found[step] = state and bool(inside.all())
        if end > begin:
            state = bool(inside[-1])
        begin = end
    return found
