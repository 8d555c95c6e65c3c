"""A model's table from the store: one row a step of time, means of measured values, the last of what is no number.

Many sources send a value only when it has changed. A property that has values in few steps holds its last one, for as long as
its values usually lie apart (texts and switches: until the next); a bad value ends that at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.core import NS, Quality
from lineshaft.detect.detector import Bools
from lineshaft.store import Tag

SPARSE = 0.9
"""A property with values in a smaller share of the steps holds its last value."""

USUAL, TIMES = 0.95, 3
"""A value holds so many times as long as this share of the property's gaps is at most, and ten minutes at least."""

LEAST = 600 * NS
FEW = 20
"""With fewer values than that nobody can say what is usual: the last one holds until the next."""

ALWAYS = 2**62
MOST_BAD = 200_000

A_WEEK = 7 * 86_400 * NS
"""So much of a text's or a switch's past is asked for at once."""


class Last(Protocol):
    """A value and its time."""

    @property
    def ts(self) -> int:
        """Return its time."""
        ...

    @property
    def value(self) -> Any:
        """Return the value."""
        ...


class Store(Protocol):
    """What models ask the store."""

    def aggregates(
        self, ref: str, window_ns: int, start: int, end: int, functions: Sequence[str], *, partial: bool = False
    ) -> pa.Table:
        """Return a row a window."""
        ...

    def before(self, ref: str | Tag, at: int) -> Last | None:
        """Return the last good value."""
        ...

    def sid(self, source: str, tag: str) -> int | None:
        """Return a series' number, None if nothing of it ever came."""
        ...

    def history(self, ref: str | Tag, start: int, end: int, *, limit: int | None = None) -> pa.Table:
        """Return (ts, value, q)."""
        ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """A table, and for how long (nanoseconds) which of its properties hold a value."""

    table: dict[str, Any]
    holds: dict[str, int] = field(default_factory=dict[str, int])
    seen: dict[str, float] = field(default_factory=dict[str, float])
    """The share of steps with a value of their own, of the properties that hold theirs."""


def gather(
    store: Store,
    paths: Sequence[str],
    texts: frozenset[str],
    every: int,
    start: int,
    end: int,
    holds: Mapping[str, int] | None = None,
) -> Gathered:
    """Return `time` and a column a property over (start, end]; a step without a value is NaN (None for texts).

    `holds` says how long values hold; None finds it out from these rows.
    """
    first, last = start // every + 1, end // every
    size = max(last - first + 1, 0)
    table: dict[str, Any] = {"time": np.arange(first, last + 1, dtype=np.int64) * every}
    made = Gathered(table)
    for path in paths:
        column, has = _steps(store, path, path in texts, (every, start, end, first, size))
        table[path] = column
        if not size:
            continue
        hold = _hold(has, every, path in texts) if holds is None else int(holds.get(path, 0))
        if hold:
            made.holds[path], made.seen[path] = hold, float(has.mean())
            if not has.all():
                table[path] = _held(store, path, column, has, (every, start, end, first, hold))
    return made


def _steps(store: Store, path: str, text: bool, span: tuple[int, int, int, int, int]) -> tuple[Any, Bools]:
    if text:
        return _switched(store, path, span)
    every, start, end, first, size = span
    column = np.full(size, np.nan)
    has = np.zeros(size, np.bool_)
    found = store.aggregates(path, every, start, end, ("avg",)) if size else None
    if found is not None and found.num_rows:
        place = found["ts"].cast(pa.int64()).to_numpy() // every - first
        inside = (place >= 0) & (place < size)
        values = found["avg"].to_numpy()[inside]
        column[place[inside]] = values
        has[place[inside]] = ~np.isnan(values.astype(np.float64))
    return column, has


def _switched(store: Store, path: str, span: tuple[int, int, int, int, int]) -> tuple[Any, Bools]:
    """Return the last good text or switch of each step: the store has aggregates of numbers alone."""
    every, start, end, first, size = span
    column = np.full(size, None, object)
    for begin in range(start, end, A_WEEK) if size else ():
        rows = store.history(path, begin, min(begin + A_WEEK, end))
        if not rows.num_rows:
            continue
        place = -(-rows["ts"].cast(pa.int64()).to_numpy() // every) - first
        inside = (place >= 0) & (place < size) & (rows["q"].to_numpy() == int(Quality.GOOD))
        values = np.array([*rows["value"].to_pylist(), None], object)[:-1]
        column[place[inside]] = values[inside]  # of several in a step the last one stays
    return column, np.array([one is not None for one in column.tolist()], np.bool_)


def _hold(has: Bools, every: int, text: bool) -> int:
    """Return how long a property's value holds; 0 for one that has a value in nearly every step."""
    if text:
        return ALWAYS
    places = np.flatnonzero(has)
    if not len(places) or len(places) >= SPARSE * len(has):
        return 0
    if len(places) < FEW:
        return ALWAYS
    return max(LEAST, int(TIMES * float(np.quantile(np.diff(places), USUAL)) * every))


def _held(store: Store, path: str, column: Any, has: Bools, span: tuple[int, int, int, int, int]) -> Any:
    """Return a column whose steps without a value have the last one, where it still holds."""
    every, start, end, first, hold = span
    earlier = store.before(path, start)
    since = start - every if earlier is None else -(-earlier.ts // every) * every  # the end of its step, as of all others
    steps = np.arange(len(column))
    last = np.maximum.accumulate(np.where(has, steps, -1))
    ended = _bad(store, path, since, end, every, first, has)
    age = (steps - last) * every
    if earlier is not None:
        age = np.where(last < 0, (steps + first) * every - since, age)
    take = ~has & (age <= hold) & ((last >= 0) | (earlier is not None)) & (ended <= last)
    out = column.copy()
    out[take & (last >= 0)] = column[last[take & (last >= 0)]]
    if earlier is not None:
        out[take & (last < 0)] = earlier.value
    return out


def _bad(store: Store, path: str, since: int, end: int, every: int, first: int, has: Bools) -> Any:
    """Return for each step the last step with nothing but bad values, -1 for none; before the first step counts as step 0."""
    rows = store.history(path, since, end, limit=MOST_BAD)
    out = np.full(len(has), -1)
    if rows.num_rows:
        bad = rows["q"].to_numpy() == int(Quality.BAD)
        place = -(-rows["ts"].cast(pa.int64()).to_numpy()[bad] // every) - first
        place = np.maximum(place[place < len(has)], 0)
        place = place[~has[place]]
        out[place] = place
    return np.maximum.accumulate(out) if len(out) else out
