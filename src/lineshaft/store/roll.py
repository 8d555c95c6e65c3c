"""Roll-ups: what a minute and an hour of a series come to, made from sorted rows as they pass by.

A roll-up file belongs to one file of `samples`, is named after it and is used only while that one is current: so the two
cannot disagree, whatever stops the node between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.store.index import DAY, HOUR_TABLE, MINUTE_TABLE
from lineshaft.store.stored import Column, Ints

Floats = npt.NDArray[np.float64]
MINUTE, HOUR = 60_000_000_000, 3_600_000_000_000
UNITS: Mapping[str, int] = {MINUTE_TABLE: MINUTE, HOUR_TABLE: HOUR}
NUMBERS, BOOLEANS, TEXTS = 0, 1, 2
ROLLED = pa.schema(
    [
        pa.field("sid", pa.int32(), nullable=False),
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),
        pa.field("part", pa.int8(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        *(pa.field(name, pa.float64()) for name in ("minimum", "maximum", "total", "squares", "first", "last")),
    ]
)
"""Columns of a roll-up: `ts` is the window's end; `kind` 0 numbers, 1 booleans, 2 texts; `part` 1 is what lies exactly on the
midnight that ends the window (it is in the next day's file); `squares` is the sum of squared distances from the mean."""


class Windows(NamedTuple):
    """Windows in arrays, by series and time: what ROLLED has, `end` in nanoseconds."""

    sid: Ints
    end: Ints
    kind: Ints
    part: Ints
    n: Ints
    low: Floats
    high: Floats
    total: Floats
    squares: Floats
    first: Floats
    last: Floats

    def batch(self) -> pa.RecordBatch:
        """Return the windows as rows of the lake; what cannot be computed (squares of infinite values) is null."""
        texts, lost = self.kind == TEXTS, ~np.isfinite(self.squares)
        floats = [pa.array(column, mask=texts) for column in (self.low, self.high, self.total)]
        floats.append(pa.array(self.squares, mask=texts | lost))
        floats += [pa.array(column, mask=texts) for column in (self.first, self.last)]
        whole: list[Column] = [
            pa.array(self.sid.astype(np.int32)),
            pa.array(self.end // 1000).cast(ROLLED.field("ts").type),
            pa.array(self.kind.astype(np.int8)),
            pa.array(self.part.astype(np.int8)),
            pa.array(self.n),
        ]
        return pa.RecordBatch.from_arrays([*whole, *floats], schema=ROLLED)


class Values(NamedTuple):
    """Usable values in arrays, by series and time."""

    sid: Ints
    ts: Ints
    kind: Ints
    x: Floats


class Roller:
    """Makes the windows of one file; rows come in the file's order, piece by piece."""

    def __init__(self, day: int) -> None:
        self._midnight = day * DAY
        self._values: list[Values] = []
        self._minutes: list[Windows] = []

    def add(self, batch: pa.RecordBatch) -> tuple[list[Windows], list[Windows]]:
        """Take rows (columns of LAKE) in; return minutes and hours that are complete now."""
        return self._roll(_usable(batch), final=False)

    def finish(self) -> tuple[list[Windows], list[Windows]]:
        """Return the minutes and hours that were left."""
        return self._roll(None, final=True)

    def _roll(self, more: Values | None, *, final: bool) -> tuple[list[Windows], list[Windows]]:
        values = _joined(Values, [*self._values, *([more] if more is not None else [])])
        if values is None:
            return [], self._hours(final=final)
        ends = _ends(values.ts, MINUTE)
        whole = _whole(values.sid, ends, final=final)
        self._values = [Values._make(column[~whole] for column in values)]
        if not whole.any():
            return [], self._hours(final=final)
        minutes = _minutes(Values._make(column[whole] for column in values), ends[whole], self._midnight)
        self._minutes.append(minutes)
        return [minutes], self._hours(final=final)

    def _hours(self, *, final: bool) -> list[Windows]:
        minutes = _joined(Windows, self._minutes)
        if minutes is None:
            return []
        ends = _ends(minutes.end, HOUR)
        whole = _whole(minutes.sid, ends, final=final)
        self._minutes = [Windows._make(column[~whole] for column in minutes)]
        return [_hours(Windows._make(column[whole] for column in minutes), ends[whole])] if whole.any() else []


def _usable(batch: pa.RecordBatch) -> Values:
    """Return the values that count: good, not null, not NaN."""
    column = {name: batch.column(name) for name in ("sid", "ts", "ns", "q")}
    sid, q = (column[name].to_numpy(zero_copy_only=False) for name in ("sid", "q"))
    ts = column["ts"].cast(pa.int64()).to_numpy(zero_copy_only=False) * 1000
    ts = ts + column["ns"].to_numpy(zero_copy_only=False)
    x, kind = np.full(len(sid), np.nan), np.full(len(sid), -1)
    for name, of in (("vs", TEXTS), ("vb", BOOLEANS), ("vi", NUMBERS), ("v", NUMBERS)):
        values = batch.column(name)
        if values.null_count < len(values):
            there = values.is_valid().to_numpy(zero_copy_only=False)
            kind[there] = of
            if of != TEXTS:
                x[there] = values.drop_null().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    fit = (q == 0) & (kind >= 0) & ((kind == TEXTS) | ~np.isnan(x))
    return Values._make(part[fit] for part in (sid.astype(np.int64), ts, kind, x))


def _ends(ts: Ints, unit: int) -> Ints:
    return -(-ts // unit) * unit


def _whole(sid: Ints, ends: Ints, *, final: bool) -> npt.NDArray[np.bool_]:
    """Return which rows lie in windows that are complete: all but the newest window of the last series."""
    if final:
        return np.ones(len(sid), bool)
    last = sid == sid[-1]
    return ~(last & (ends == ends[last].max()))


def _starts(*columns: Ints) -> Ints:
    """Return where a new group begins in sorted columns."""
    new = np.zeros(len(columns[0]), bool)
    new[0] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


def _minutes(values: Values, ends: Ints, midnight: int) -> Windows:
    """Return the minutes of values, in the order of series, kind and time."""
    if (values.kind != values.kind[0]).any():
        order = np.lexsort((values.ts, values.kind, values.sid))
        values, ends = Values._make(column[order] for column in values), ends[order]
    at = _starts(values.sid, values.kind, ends)
    with np.errstate(all="ignore"):
        n = np.diff(np.append(at, len(ends)))
        total = np.add.reduceat(values.x, at)
        squares = np.add.reduceat((values.x - np.repeat(total / n, n)) ** 2, at)
    last = values.x[at + n - 1]
    low, high = np.minimum.reduceat(values.x, at), np.maximum.reduceat(values.x, at)
    end = ends[at]
    part = (end == midnight).astype(np.int64)
    return Windows(values.sid[at], end, values.kind[at], part, n, low, high, total, squares, values.x[at], last)


def _hours(minutes: Windows, ends: Ints) -> Windows:
    """Return the hours that minutes make."""
    order = np.lexsort((minutes.end, minutes.part, ends, minutes.kind, minutes.sid))
    minutes, ends = Windows._make(column[order] for column in minutes), ends[order]
    at = _starts(minutes.sid, minutes.kind, ends, minutes.part)
    size = np.diff(np.append(at, len(ends)))
    with np.errstate(all="ignore"):
        n, total = np.add.reduceat(minutes.n, at), np.add.reduceat(minutes.total, at)
        away = minutes.total / minutes.n - np.repeat(total / n, size)
        squares = np.add.reduceat(minutes.squares + minutes.n * away * away, at)
    low, high = np.minimum.reduceat(minutes.low, at), np.maximum.reduceat(minutes.high, at)
    return Windows(
        minutes.sid[at],
        ends[at],
        minutes.kind[at],
        minutes.part[at],
        n,
        low,
        high,
        total,
        squares,
        minutes.first[at],
        minutes.last[at + size - 1],
    )


_Rows = TypeVar("_Rows", Values, Windows)


def _joined(of: type[_Rows], parts: Sequence[_Rows]) -> _Rows | None:
    filled = [part for part in parts if len(part[0])]
    if len(filled) < 2:
        return filled[0] if filled else None
    return cast("_Rows", of._make(np.concatenate(columns) for columns in zip(*filled, strict=True)))
