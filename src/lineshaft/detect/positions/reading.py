"""What the streams of a position said: one reading a step of time, and whether the machine ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.detect.detector import Bools, Floats, Ints
from lineshaft.detect.positions.arriving import SETTLE


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
    """One step: its end, vibration and temperature (None where nothing came), and whether the machine ran all through it.

    `late` is set where its time had gone by before its values came.
    """

    at: int
    vibration: float | None
    temperature: float | None
    running: bool
    late: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of time in columns: their ends, whether the machine ran; of each stream the mean in its unit (NaN) and how many."""

    every: int
    times: Ints
    runs: Bools
    means: dict[str, Floats]
    n: dict[str, Ints]

    def upto(self, size: int) -> Steps:
        """Return the first steps."""
        means = {name: column[:size] for name, column in self.means.items()}
        n = {name: column[:size] for name, column in self.n.items()}
        return Steps(self.every, self.times[:size], self.runs[:size], means, n)


def settled(row: dict[str, Any], until: int) -> int:
    """Return the end of the last step whose values have had the time to arrive."""
    every = int(row["every"])
    return (until - SETTLE) // every * every


def steps(store: Store, row: dict[str, Any], first: int, last: int) -> Steps:
    """Return what was said in the steps of (first, last]; both lie between steps."""
    every, settings = int(row["every"]), row["settings"]
    times = np.arange(first // every + 1, last // every + 1, dtype=np.int64) * every
    shakes, many = _means(store, row["vibration"], every, first, last)
    warms, more = _means(store, row["temperature"], every, first, last)
    factor, offset = settings["warmth"]
    means = {"vibration": shakes * settings["factor"], "temperature": warms * factor + offset}
    return Steps(every, times, running(store, row["running"], first, times), means, {"vibration": many, "temperature": more})


def _means(store: Store, stream: str, every: int, first: int, last: int) -> tuple[Floats, Ints]:
    """Return the mean of a stream's good values in each step, missing where none came, and how many there were."""
    column: Floats = np.full((last - first) // every, np.nan)
    many = np.zeros(len(column), np.int64)
    found = store.aggregates(stream, every, first, last, ("avg",)) if stream else None
    if found is not None and found.num_rows:
        places = (found["ts"].cast(pa.int64()).to_numpy() - first) // every - 1
        inside = (places >= 0) & (places < len(column))
        column[places[inside]] = found["avg"].to_numpy().astype(np.float64)[inside]
        many[places[inside]] = found["n"].to_numpy()[inside]
        many[np.isnan(column)] = 0
    return column, many


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
