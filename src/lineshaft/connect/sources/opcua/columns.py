"""Columns that monitored items are decoded into: filled by run or one by one, then one Arrow batch of SAMPLES."""

# pyright: reportArgumentType=false, reportCallIssue=false
# pyarrow's stubs know neither NumPy buffers nor boolean arrays
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.connect.sources.opcua.layout import BOOLEAN, DATETIME, INTEGER, REAL, UINT64, Layout
from lineshaft.core import SAMPLES

EPOCH = 116_444_736_000_000_000
"""Ticks of 100 ns between 1601, where OPC UA's time begins, and 1970."""
_1601 = datetime(1601, 1, 1)  # noqa: DTZ001 - the Z is written by hand
LOWEST, HIGHEST = EPOCH - 92_233_720_368_547_758, EPOCH + 92_233_720_368_547_758
_NONE, _V, _VI, _VB, _VS = range(5)
Value = float | int | bool | str | None
Places = slice | npt.NDArray[np.intp]


def ticks_to_ns(ticks: npt.NDArray[np.int64], pico: npt.NDArray[np.uint16] | int = 0) -> npt.NDArray[np.int64]:
    """Return UTC nanoseconds; times outside what 64 bits of nanoseconds can say are held at the nearest that can."""
    if ticks.size and (ticks.max() > HIGHEST or ticks.min() < LOWEST):
        ticks = np.clip(ticks, LOWEST, HIGHEST)
    return (ticks - EPOCH) * 100 + np.asarray(pico, np.int64) // 100


def ns_of(ticks: int, pico: int = 0) -> int:
    """Return UTC nanoseconds of one time."""
    return (min(max(ticks, LOWEST), HIGHEST) - EPOCH) * 100 + pico // 100


def tick_text(ticks: int) -> str:
    """Return a DateTime value as ISO 8601, with as many decimals as needed."""
    try:
        moment = _1601 + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return "9999-12-31T23:59:59Z"
    decimals = f"{moment.microsecond:06d}{ticks % 10}".rstrip("0")
    return f"{moment.replace(microsecond=0).isoformat()}{'.' if decimals else ''}{decimals}Z"


@dataclass(frozen=True, slots=True)
class Late:
    """Items that came one by one, to be written into the columns together."""

    places: list[int]
    handles: list[int]
    statuses: list[int]
    ticks: list[int]
    values: list[Value]


class Columns:
    """Room for `n` items, filled in the order they came."""

    def __init__(self, n: int) -> None:
        self.n = 0
        self.handle = np.zeros(n, np.uint32)
        self.ts = np.zeros(n, np.int64)
        self.status = np.zeros(n, np.uint32)
        self.kind = np.zeros(n, np.uint8)
        self.v: npt.NDArray[np.float64] | None = None
        self.vi: npt.NDArray[np.int64] | None = None
        self.vb: npt.NDArray[np.bool_] | None = None
        self.text: dict[int, str] = {}
        self._size = n
        self._ticks = np.zeros(n, np.int64)
        self._pico = np.zeros(n, np.uint16)
        self.late = Late([], [], [], [], [])
        self.extra: dict[int, int] = {}

    def run(self, items: npt.NDArray[np.void], layout: Layout, at: Places) -> None:
        """Take items of equal fixed layout to their places."""
        self.handle[at] = items["handle"]
        names = items.dtype.names or ()
        if "status" in names:
            self.status[at] = items["status"]
        self._when(at, items, names)
        if layout.value >= 0:
            self._values(at, items["value"], layout.kind)

    def _when(self, at: Places, items: npt.NDArray[np.void], names: tuple[str, ...]) -> None:
        """Take the source's times, the server's where there is none."""
        first = "source" if "source" in names else "server"
        if first not in names:
            return
        self._ticks[at] = items[first]
        if f"{first}_pico" in names:
            self._pico[at] = items[f"{first}_pico"]
        if first == "source" and "server" in names and items["source"].min() <= 0:
            none = items["source"] <= 0
            self._ticks[at] = np.where(none, items["server"], items["source"])
            self._pico[at] = np.where(none, items["server_pico"] if "server_pico" in names else 0, self._pico[at])

    def _values(self, at: Places, values: npt.NDArray[np.generic], kind: int) -> None:
        if kind == REAL:
            self._reals()[at] = values
            self.kind[at] = _V
        elif kind == INTEGER:
            self._integers()[at] = values
            self.kind[at] = _VI
        elif kind == BOOLEAN:
            self._booleans()[at] = values != 0
            self.kind[at] = _VB
        else:
            places = range(at.start, at.stop) if isinstance(at, slice) else at.tolist()
            for place, value in zip(places, values.tolist(), strict=True):
                self._one(place, fitting(value, kind))

    def _one(self, place: int, value: Value) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._booleans()[place], self.kind[place] = value, _VB
        elif isinstance(value, float):
            self._reals()[place], self.kind[place] = value, _V
        elif isinstance(value, int):
            self._integers()[place], self.kind[place] = value, _VI
        else:
            self.text[place], self.kind[place] = value, _VS

    def add(self, handle: int, status: int, ts: int, value: Value) -> None:
        """Take one item whose time is already in nanoseconds; `value` has the Python type of its column."""
        self.extra[self.n] = ts
        self.late.places.append(self.n)
        self.late.handles.append(handle)
        self.late.statuses.append(status)
        self.late.ticks.append(0)
        self.late.values.append(value)
        self.n += 1

    def settle(self, default_ts: int) -> None:
        """Turn all times into nanoseconds, and write what came one by one into the columns, one column at a time."""
        if self.late.places:
            self._settle_late()
        ticks = self._ticks[: self.n]
        self.ts[: self.n] = ticks_to_ns(ticks, self._pico[: self.n])
        if self.n and ticks.min() <= 0:
            self.ts[: self.n][ticks <= 0] = default_ts
        for place, ns in self.extra.items():
            self.ts[place] = ns

    def _settle_late(self) -> None:
        late = self.late
        at = np.array(late.places)
        self.handle[at], self.status[at], self._ticks[at] = late.handles, late.statuses, late.ticks
        what = np.fromiter(map(_KIND.__getitem__, map(type, late.values)), np.uint8, len(late.values))
        self.kind[at] = what
        values = np.empty(len(late.values), object)
        values[:] = late.values
        for kind, column in ((_V, self._reals), (_VI, self._integers), (_VB, self._booleans)):
            here = what == kind
            if here.any():
                column()[at[here]] = values[here]
        here = what == _VS
        if here.any():
            self.text.update(zip(at[here].tolist(), values[here].tolist(), strict=True))

    def _reals(self) -> npt.NDArray[np.float64]:
        if self.v is None:
            self.v = np.zeros(self._size, np.float64)
        return self.v

    def _integers(self) -> npt.NDArray[np.int64]:
        if self.vi is None:
            self.vi = np.zeros(self._size, np.int64)
        return self.vi

    def _booleans(self) -> npt.NDArray[np.bool_]:
        if self.vb is None:
            self.vb = np.zeros(self._size, np.bool_)
        return self.vb

    def below(self, parts: Sequence[Columns]) -> None:
        """Put other settled columns below these."""
        every = [self, *parts]
        for part, begin in zip(every, np.cumsum([0, *(part.n for part in every)]).tolist(), strict=False):
            self.text.update((begin + place, text) for place, text in part.text.items() if part is not self)
        self.v = _together([(part.n, part.v) for part in every], np.dtype(np.float64))
        self.vi = _together([(part.n, part.vi) for part in every], np.dtype(np.int64))
        self.vb = _together([(part.n, part.vb) for part in every], np.dtype(np.bool_))
        self.kind = np.concatenate([part.kind[: part.n] for part in every])
        self.handle = np.concatenate([part.handle[: part.n] for part in every])
        self.ts = np.concatenate([part.ts[: part.n] for part in every])
        self.status = np.concatenate([part.status[: part.n] for part in every])
        self.n = self._size = len(self.kind)

    def rows(self, tags: pa.StringArray) -> pa.RecordBatch:
        """Return the items as SAMPLES; a handle is the position of its tag in `tags`."""
        n, kind = self.n, self.kind[: self.n]
        status = self.status[:n]
        columns: Sequence[Any] = (
            pa.DictionaryArray.from_arrays(pa.array(self.handle[:n].view(np.int32)), tags),
            pa.Array.from_buffers(SAMPLES.field("ts").type, n, [None, pa.py_buffer(self.ts[:n])]),
            _column(self.v, kind, _V, pa.float64()),
            _column(self.vi, kind, _VI, pa.int64()),
            pa.array([self.text.get(i) for i in range(n)], pa.string()) if self.text else pa.nulls(n, pa.string()),
            _column(self.vb, kind, _VB, pa.bool_()),
            pa.array(_quality(status)),
            pa.array((status >> 16).astype(np.int32)),
        )
        return pa.RecordBatch.from_arrays(list(columns), schema=SAMPLES)


def _together(parts: Sequence[tuple[int, npt.NDArray[Any] | None]], kind: np.dtype[Any]) -> npt.NDArray[Any] | None:
    if all(values is None for _, values in parts):
        return None
    return np.concatenate([np.zeros(n, kind) if values is None else values[:n] for n, values in parts])


_KIND: dict[type, int] = {type(None): _NONE, float: _V, int: _VI, bool: _VB, str: _VS}


def fitting(value: int, kind: int) -> Value:
    """Return a fixed-size value that has no column of its own: large counters and times."""
    if kind == DATETIME:
        return tick_text(value)
    return value if kind != UINT64 or value < 2**63 else str(value)


def _quality(status: npt.NDArray[np.uint32]) -> npt.NDArray[np.int16]:
    return np.minimum(status >> 30, 2).astype(np.int16)


def _column(values: npt.NDArray[np.generic] | None, kind: npt.NDArray[np.uint8], mine: int, arrow: pa.DataType) -> Any:
    if values is None:
        return pa.nulls(len(kind), arrow)
    return pa.array(values[: len(kind)], arrow, mask=kind != mine)
